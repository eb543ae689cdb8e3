//! RESP2 and RESP3 on the wire, by hand where every command passes.
//!
//! A request is parsed borrowed ([`request`]), a reply is only measured ([`scan`]) and passed on as raw bytes,
//! and the node's own replies are appended to the connection's output buffer ([`reply`]). Values (in the client
//! library, the command line, merged replies and tests) are decoded by the `redis-protocol` crate, which costs
//! 6 to 20 times as much and overflows its stack on deep nesting; hand it only frames that [`scan`] has measured.

pub mod inline;
pub mod number;
pub mod reply;
pub mod request;
pub mod scan;

/// Which RESP a connection speaks. A connection starts with RESP2 and changes by `HELLO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RESP2, what every client speaks.
    #[default]
    Resp2,
    /// RESP3: maps, sets, doubles, booleans, nulls, pushes.
    Resp3,
}

/// Where one argument lies in a buffer: offset of its first byte and its length, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte in the buffer.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// The bytes that the span names. Panics if the span was not made for `buffer`.
    #[inline]
    #[must_use]
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start as usize..self.start as usize + self.len as usize]
    }
}

/// The arguments of one command, command name first, borrowed from the buffer that they arrived in.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// Arguments at `spans` of `buffer`; every span lies within the buffer.
    #[must_use]
    pub fn new(buffer: &'a [u8], spans: &'a [Span]) -> Self {
        Self { buffer, spans }
    }

    /// Number of arguments, the command's name included.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is not even a name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `index`, `None` past the end. The name is at 0.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.buffer))
    }

    /// All arguments in order, the name first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let buffer = self.buffer;
        self.spans.iter().map(move |span| span.of(buffer))
    }

    /// The arguments from `index` on, as arguments.
    #[must_use]
    pub fn from(&self, index: usize) -> Self {
        Self { buffer: self.buffer, spans: self.spans.get(index..).unwrap_or_default() }
    }
}

impl std::ops::Index<usize> for Args<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, index: usize) -> &[u8] {
        self.spans[index].of(self.buffer)
    }
}

/// A stream that is not RESP. The connection cannot go on: the peer is told and closed.
/// The texts are Redis's where Redis has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// An array's length is no number, or is above the limit.
    #[error("Protocol error: invalid multibulk length")]
    MultibulkLength,
    /// A bulk string's length is no number, or is above the limit.
    #[error("Protocol error: invalid bulk length")]
    BulkLength,
    /// An element of a request is no bulk string; holds what stood in place of `$`.
    #[error("Protocol error: expected '$', got '{}'", char::from(*.0))]
    ExpectedBulk(u8),
    /// A bulk string is not followed by CR LF.
    #[error("Protocol error: expected CRLF after a bulk string")]
    ExpectedCrlf,
    /// The line of an array's length does not end.
    #[error("Protocol error: too big mbulk count string")]
    MultibulkLine,
    /// The line of a bulk string's length does not end.
    #[error("Protocol error: too big bulk count string")]
    BulkLine,
    /// An inline command's line does not end.
    #[error("Protocol error: too big inline request")]
    InlineTooBig,
    /// An inline command's quotes do not close.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// The whole command is larger than the connection may send.
    #[error("Protocol error: command is larger than the limit of a request")]
    RequestTooBig,
    /// A reply begins with a byte that no RESP type has.
    #[error("Protocol error: unknown reply type '{}'", char::from(*.0).escape_default())]
    UnknownType(u8),
    /// A reply is nested more deeply than [`scan::DEPTH_MAX`].
    #[error("Protocol error: reply nested too deeply")]
    TooDeep,
    /// A reply's line does not end.
    #[error("Protocol error: too long line in a reply")]
    LineTooLong,
}
