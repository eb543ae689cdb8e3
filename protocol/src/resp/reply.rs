//! Replies, appended to a connection's output buffer in the protocol that the connection speaks.
//!
//! The caller says what a reply means (a map, a double, a null); RESP2 gets the shapes that Redis gives it for
//! that. `Vec<u8>` and not `BytesMut`: appends cost a third to a quarter.

use super::{Protocol, number};

/// Most bytes of a bulk string beside its content: its kind, its length, two line ends.
const BULK_OVERHEAD_MAX: usize = 1 + number::INTEGER_DIGITS_MAX + 4;

/// Most bytes of one connection's replies that wait to be written: the longest string and what may stand before it.
pub const REPLY_BYTES_MAX: usize = (512 << 20) + (1 << 20);

/// Writes replies of one connection.
#[derive(Debug)]
pub struct Reply<'a> {
    buffer: &'a mut Vec<u8>,
    protocol: Protocol,
    /// The buffer's length above which bulk strings are left out.
    bytes_max: usize,
    overflowed: bool,
}

impl<'a> Reply<'a> {
    /// Appends to `buffer` in `protocol`, without bound.
    #[inline]
    pub fn new(buffer: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { buffer, protocol, bytes_max: usize::MAX, overflowed: false }
    }

    /// Appends to `buffer` in `protocol`. Bulk strings for which the buffer would grow above [`REPLY_BYTES_MAX`] are
    /// left out; [`Reply::overflowed`] tells then that an error must take the reply's place.
    #[inline]
    pub fn bounded(buffer: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { buffer, protocol, bytes_max: REPLY_BYTES_MAX, overflowed: false }
    }

    /// Lifts the bound: for a command that has taken effect, whose reply must not be lost.
    pub fn unbind(&mut self) {
        self.bytes_max = usize::MAX;
    }

    /// Whether a bulk string was left out, so that what is written is no whole reply.
    #[inline]
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Makes room for `more` bytes; false if the bound forbids it. Doubles, but not beyond the bound: the bound costs
    /// nothing while the buffer has room.
    #[cold]
    fn grow(&mut self, more: usize) -> bool {
        let needed = self.buffer.len() + more;
        if needed > self.bytes_max {
            self.overflowed = true;
            return false;
        }
        let capacity = needed.max(2 * self.buffer.capacity()).min(self.bytes_max);
        self.buffer.reserve_exact(capacity - self.buffer.len());
        true
    }

    /// The protocol that is written.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// From here on writes in `protocol` (after `HELLO`).
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Bytes in the buffer, for [`Reply::truncate`].
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Takes back everything after the first `len` bytes: a command that fails halfway answers only its error.
    pub fn truncate(&mut self, len: usize) {
        self.buffer.truncate(len);
    }

    /// `+text`. `text` has no CR or LF.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        self.buffer.push(b'+');
        self.raw(text.as_bytes());
        self.raw(b"\r\n");
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// `-text`: the error's code and its message. CR and LF in it become spaces, as in Redis.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// As [`Reply::error`], for a text that repeats what the client sent, which need not be UTF-8.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.buffer.push(b'-');
        self.buffer.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
        self.raw(b"\r\n");
    }

    /// `:value`.
    #[inline]
    pub fn int(&mut self, value: i64) {
        match value {
            0 => self.raw(b":0\r\n"),
            1 => self.raw(b":1\r\n"),
            _ => self.header(b':', value),
        }
    }

    /// A count as an integer reply; counts are far below 2^63.
    #[inline]
    pub fn count(&mut self, value: usize) {
        self.int(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        let more = bytes.len() + BULK_OVERHEAD_MAX;
        if self.buffer.capacity() - self.buffer.len() < more && !self.grow(more) {
            return;
        }
        self.length(b'$', bytes.len());
        self.raw(bytes);
        self.raw(b"\r\n");
    }

    /// A bulk string, or null.
    #[inline]
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// A bulk string of a number's text.
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// No value: `$-1` or `_`.
    #[inline]
    pub fn null(&mut self) {
        self.raw(if self.protocol == Protocol::Resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No array: `*-1` or `_`.
    pub fn null_array(&mut self) {
        self.raw(if self.protocol == Protocol::Resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The header of an array; `len` replies follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.length(b'*', len);
    }

    /// The header of a map; `len` pairs of replies follow. RESP2: an array of twice as many.
    pub fn map(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.length(b'*', 2 * len),
            Protocol::Resp3 => self.length(b'%', len),
        }
    }

    /// The header of a set; `len` replies follow. RESP2: an array.
    pub fn set(&mut self, len: usize) {
        self.length(if self.protocol == Protocol::Resp3 { b'~' } else { b'*' }, len);
    }

    /// The header of a push; `len` replies follow. RESP2: an array.
    pub fn push(&mut self, len: usize) {
        self.length(if self.protocol == Protocol::Resp3 { b'>' } else { b'*' }, len);
    }

    /// A double, as `%.17g`. RESP2: a bulk string.
    pub fn double(&mut self, value: f64) {
        let mut text = Vec::with_capacity(24);
        number::push_double(&mut text, value);
        match self.protocol {
            Protocol::Resp2 => self.bulk(&text),
            Protocol::Resp3 => {
                self.buffer.push(b',');
                self.raw(&text);
                self.raw(b"\r\n");
            }
        }
    }

    /// A boolean. RESP2: 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        match self.protocol {
            Protocol::Resp2 => self.int(i64::from(value)),
            Protocol::Resp3 => self.raw(if value { b"#t\r\n" } else { b"#f\r\n" }),
        }
    }

    /// A text with a format of three letters (`txt`, `mkd`). RESP2: a bulk string.
    pub fn verbatim(&mut self, format: &str, bytes: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(bytes),
            Protocol::Resp3 => {
                self.length(b'=', bytes.len() + 4);
                self.raw(format.as_bytes());
                self.buffer.push(b':');
                self.raw(bytes);
                self.raw(b"\r\n");
            }
        }
    }

    /// Bytes that are already a reply.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    #[inline]
    fn length(&mut self, kind: u8, len: usize) {
        if len < 10 {
            #[expect(clippy::cast_possible_truncation, reason = "one digit")]
            return self.raw(&[kind, b'0' + len as u8, b'\r', b'\n']);
        }
        self.header(kind, i64::try_from(len).unwrap_or(i64::MAX));
    }

    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(value).as_bytes();
        self.buffer.reserve(digits.len() + 3);
        self.buffer.push(kind);
        self.buffer.extend_from_slice(digits);
        self.buffer.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(protocol: Protocol, write: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut buffer = Vec::new();
        write(&mut Reply::new(&mut buffer, protocol));
        buffer.escape_ascii().to_string()
    }

    #[test]
    fn each_meaning_has_its_shape_in_each_protocol() {
        type Case = (fn(&mut Reply<'_>), &'static str, &'static str);
        let cases: [Case; 9] = [
            (|r| r.null(), r"$-1\r\n", r"_\r\n"),
            (|r| r.null_array(), r"*-1\r\n", r"_\r\n"),
            (|r| r.map(2), r"*4\r\n", r"%2\r\n"),
            (|r| r.set(2), r"*2\r\n", r"~2\r\n"),
            (|r| r.push(12), r"*12\r\n", r">12\r\n"),
            (|r| r.double(0.1), r"$19\r\n0.10000000000000001\r\n", r",0.10000000000000001\r\n"),
            (|r| r.boolean(true), r":1\r\n", r"#t\r\n"),
            (|r| r.verbatim("txt", b"hi"), r"$2\r\nhi\r\n", r"=6\r\ntxt:hi\r\n"),
            (|r| r.int(-12), r":-12\r\n", r":-12\r\n"),
        ];
        for (write, resp2, resp3) in cases {
            assert_eq!(written(Protocol::Resp2, write), resp2);
            assert_eq!(written(Protocol::Resp3, write), resp3);
        }
    }

    #[test]
    fn a_bounded_reply_says_that_it_overflowed_and_takes_no_more_memory() {
        let (mut buffer, value) = (Vec::new(), vec![b'v'; 64 << 20]);
        let mut reply = Reply::bounded(&mut buffer, Protocol::Resp2);
        (0..8).for_each(|_| reply.bulk(&value));
        assert!(!reply.overflowed());
        reply.bulk(&value);
        assert!(reply.overflowed());
        assert!(buffer.capacity() <= REPLY_BYTES_MAX);
    }

    #[test]
    fn an_error_keeps_to_one_line() {
        assert_eq!(written(Protocol::Resp2, |r| r.error("ERR a\r\nb")), r"-ERR a  b\r\n");
    }
}
