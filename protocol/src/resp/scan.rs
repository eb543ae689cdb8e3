//! The length of a reply frame, found without decoding it.
//!
//! A proxy hands replies on as raw bytes; all that it must know is where a frame ends. One pass, no recursion,
//! depth bounded, and the place is kept between reads so that a large reply in many pieces costs its length once.

use super::ProtocolError;

/// Deepest nesting of a reply. `redis-protocol` overflows its stack at 900, Redis's own replies nest below 12.
pub const DEPTH_MAX: usize = 128;

/// Longest bulk string of a reply in bytes.
pub const BULK_BYTES_MAX: usize = 512 << 20;

/// Longest line (simple string, error, number) of a reply in bytes.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Shortest verbatim string in bytes: its format and a colon.
const VERBATIM_BYTES_MIN: usize = 4;

/// Most elements of one aggregate.
const ELEMENTS_MAX: usize = 1 << 31;

/// Finds the end of the frame at the front of the input. One for each connection.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Offset up to which the frame has been walked.
    at: usize,
    /// Elements still to come of each open aggregate, outermost first; empty between frames.
    open: Vec<usize>,
    /// Of a frame that is taken in parts: bytes still to come of the bulk string at hand, with its CR LF.
    rest: usize,
}

/// What is there of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// So many bytes at the front of the input belong to it.
    pub len: usize,
    /// They end it.
    pub is_last: bool,
}

impl Scanner {
    /// The length in bytes of the frame at the front of `input`, `None` when it is not whole yet. After `None`
    /// call it again with the same bytes and more.
    ///
    /// # Errors
    /// The stream is broken or beyond the limits; the connection cannot go on.
    #[inline]
    pub fn frame(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        if self.at == 0
            && let Some(len) = flat(input)
        {
            return Ok(Some(len));
        }
        self.walk(input)
    }

    /// Takes what is there of the frame at the front of `input`, though it is not whole: behind a [`Scanner::frame`] that
    /// answered `None` to the same bytes. The caller drops those bytes, and calls this, and nothing else, with what
    /// follows, until a part is the last.
    ///
    /// # Errors
    /// As [`Scanner::frame`].
    pub fn part(&mut self, input: &[u8]) -> Result<Part, ProtocolError> {
        let mut len = std::mem::take(&mut self.at);
        while !self.open.is_empty() {
            if self.rest > 0 {
                len += self.take_of_bulk(&input[len..])?;
            } else if let Some(element) = element(input, len)? {
                len = element.end;
                self.take(&element)?;
            } else if let Some((end, bytes)) = bulk(input, len)? {
                (len, self.rest) = (end, bytes + 2);
            } else {
                return Ok(Part { len, is_last: false });
            }
            if self.rest > 0 && len == input.len() {
                return Ok(Part { len, is_last: false });
            }
        }
        Ok(Part { len, is_last: true })
    }

    /// Takes bytes of the bulk string at hand; how many.
    fn take_of_bulk(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let taken = self.rest.min(input.len());
        let left = self.rest - taken;
        let ends = [b'\r', b'\n'];
        for (byte, from_end) in input[..taken].iter().rev().zip(left..2) {
            if *byte != ends[1 - from_end] {
                return Err(ProtocolError::ExpectedCrlf);
            }
        }
        self.rest = left;
        if left == 0 {
            self.take(&Element { end: 0, children: 0, attribute: false })?;
        }
        Ok(taken)
    }

    /// The length that the frame has at least, as far as it is known: how much to read on.
    #[must_use]
    pub fn walked(&self) -> usize {
        self.at
    }

    fn walk(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        if self.at == 0 {
            self.open.clear();
            self.open.push(1);
        }
        while !self.open.is_empty() {
            let Some(element) = element(input, self.at)? else { return Ok(None) };
            self.at = element.end;
            self.take(&element)?;
        }
        Ok(Some(std::mem::take(&mut self.at)))
    }

    /// Counts an element and opens what it opens. An attribute is no element of its parent.
    fn take(&mut self, element: &Element) -> Result<(), ProtocolError> {
        if let (Some(pending), false) = (self.open.last_mut(), element.attribute) {
            *pending -= 1;
        }
        if element.children > 0 {
            if self.open.len() == DEPTH_MAX {
                return Err(ProtocolError::TooDeep);
            }
            self.open.push(element.children);
        }
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        Ok(())
    }
}

/// One element: where its own bytes end and how many elements it opens.
struct Element {
    end: usize,
    children: usize,
    attribute: bool,
}

/// The commonest frames, whole and at the front: a bulk string, a short line. `None` decides nothing.
#[inline]
fn flat(input: &[u8]) -> Option<usize> {
    match *input.first()? {
        b'$' => {
            let (mut at, mut len) = (1, 0usize);
            loop {
                let digit = input.get(at)?.wrapping_sub(b'0');
                if digit > 9 {
                    break;
                }
                len = len * 10 + usize::from(digit);
                at += 1;
                if at > 10 {
                    return None;
                }
            }
            let end = at + 2 + len + 2;
            let plain = at == 2 || input[1] != b'0';
            let whole = plain && at > 1 && input[at] == b'\r' && input.len() >= end && len <= BULK_BYTES_MAX;
            (whole && input[at + 1] == b'\n' && input[end - 2] == b'\r' && input[end - 1] == b'\n')
                .then_some(end)
        }
        b'+' | b':' => {
            let end = input.iter().take(64).position(|&byte| byte == b'\n')?;
            (input[end - 1] == b'\r' && end > 1).then_some(end + 1)
        }
        _ => None,
    }
}

/// The element at `at`, `None` when its own bytes are not whole.
fn element(input: &[u8], at: usize) -> Result<Option<Element>, ProtocolError> {
    let Some(&kind) = input.get(at) else { return Ok(None) };
    let Some((text, end)) = line(input, at + 1)? else { return Ok(None) };
    let leaf = |end| Ok(Some(Element { end, children: 0, attribute: false }));
    match kind {
        b'+' | b'-' | b':' | b',' | b'#' | b'(' | b'_' => leaf(end),
        b'$' | b'=' | b'!' => match count(text, BULK_BYTES_MAX, ProtocolError::BulkLength)? {
            None => leaf(end),
            Some(len) if kind == b'=' && len < VERBATIM_BYTES_MIN => Err(ProtocolError::BulkLength),
            Some(len) => match input.get(end + len..end + len + 2) {
                None => Ok(None),
                Some(b"\r\n") => leaf(end + len + 2),
                Some(_) => Err(ProtocolError::ExpectedCrlf),
            },
        },
        b'*' | b'~' | b'>' | b'%' | b'|' => {
            let each = if matches!(kind, b'%' | b'|') { 2 } else { 1 };
            let children = count(text, ELEMENTS_MAX, ProtocolError::MultibulkLength)?.unwrap_or(0) * each;
            Ok(Some(Element { end, children, attribute: kind == b'|' }))
        }
        other => Err(ProtocolError::UnknownType(other)),
    }
}

/// Where the bytes of the string at `at` begin, and how many it has; `None` when that is not told whole, or it is none.
fn bulk(input: &[u8], at: usize) -> Result<Option<(usize, usize)>, ProtocolError> {
    if !matches!(input.get(at), Some(b'$' | b'=' | b'!')) {
        return Ok(None);
    }
    let Some((text, end)) = line(input, at + 1)? else { return Ok(None) };
    Ok(count(text, BULK_BYTES_MAX, ProtocolError::BulkLength)?.map(|len| (end, len)))
}

/// The rest of the line at `at` without CR LF, and the offset after it; `None` when it is not whole.
fn line(input: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, ProtocolError> {
    let rest = &input[at.min(input.len())..];
    match rest.iter().take(LINE_BYTES_MAX).position(|&byte| byte == b'\n') {
        Some(end) if end > 0 && rest[end - 1] == b'\r' => Ok(Some((&rest[..end - 1], at + end + 1))),
        Some(_) => Err(ProtocolError::ExpectedCrlf),
        None if rest.len() >= LINE_BYTES_MAX => Err(ProtocolError::LineTooLong),
        None => Ok(None),
    }
}

/// A length: `None` is the null of RESP2 (`-1`).
fn count(text: &[u8], max: usize, error: ProtocolError) -> Result<Option<usize>, ProtocolError> {
    match super::number::parse_integer(text) {
        Some(-1) => Ok(None),
        Some(value) => match usize::try_from(value) {
            Ok(value) if value <= max => Ok(Some(value)),
            _ => Err(error),
        },
        None => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        Scanner::default().frame(input)
    }

    const FRAMES: [&[u8]; 19] = [
        b"+OK\r\n",
        b"-ERR no\r\n",
        b":12\r\n",
        b"$3\r\nabc\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
        b"%1\r\n+a\r\n*2\r\n:1\r\n:2\r\n",
        b"~2\r\n+a\r\n+b\r\n",
        b">2\r\n+message\r\n$1\r\nx\r\n",
        b"|1\r\n+ttl\r\n:3\r\n*1\r\n|1\r\n+a\r\n+b\r\n:9\r\n",
        b",1.5\r\n",
        b"#t\r\n",
        b"_\r\n",
        b"(123456789012345678901234567890\r\n",
        b"=7\r\ntxt:abc\r\n",
        b"!5\r\nERR x\r\n",
    ];

    #[test]
    fn every_type_is_measured_whole_cut_and_followed_by_more() {
        for bytes in FRAMES {
            let text = bytes.escape_ascii();
            assert_eq!(frame(bytes), Ok(Some(bytes.len())), "{text}");
            assert_eq!(frame(&[bytes, b"+next\r\n"].concat()), Ok(Some(bytes.len())), "{text}");
            let mut scanner = Scanner::default();
            for cut in 0..bytes.len() {
                assert_eq!(scanner.frame(&bytes[..cut]), Ok(None), "{text} cut at {cut}");
            }
            assert_eq!(scanner.frame(bytes), Ok(Some(bytes.len())), "{text} in pieces");
        }
    }

    #[test]
    fn every_type_is_taken_in_parts_wherever_it_is_cut() {
        for bytes in FRAMES {
            let text = bytes.escape_ascii();
            let input = [bytes, b"+next\r\n"].concat();
            for first in 0..bytes.len() {
                let mut scanner = Scanner::default();
                assert_eq!(scanner.frame(&input[..first]), Ok(None), "{text} cut at {first}");
                let (mut taken, mut seen, mut is_last) = (0, first, false);
                while !is_last && seen <= input.len() {
                    let part = scanner.part(&input[taken..seen]).unwrap();
                    (taken, is_last) = (taken + part.len, part.is_last);
                    seen += 1;
                }
                assert_eq!((taken, is_last), (bytes.len(), true), "{text} cut at {first}");
                assert_eq!(scanner.frame(&input[taken..]), Ok(Some(7)), "{text}");
            }
        }
    }

    #[test]
    fn a_part_gives_on_what_is_there_of_a_long_string() {
        let mut scanner = Scanner::default();
        assert_eq!(scanner.frame(b"*2\r\n$10\r\nabc"), Ok(None));
        assert_eq!(scanner.part(b"*2\r\n$10\r\nabc"), Ok(Part { len: 12, is_last: false }));
        assert_eq!(scanner.part(b"defghij\r"), Ok(Part { len: 8, is_last: false }));
        assert_eq!(scanner.part(b"\n$1"), Ok(Part { len: 1, is_last: false }));
        assert_eq!(scanner.part(b"$1\r\na\r\n+"), Ok(Part { len: 7, is_last: true }));
        assert_eq!(scanner.frame(b"$3\r\na"), Ok(None));
        assert_eq!(scanner.part(b"$3\r\na"), Ok(Part { len: 5, is_last: false }));
        assert_eq!(scanner.part(b"bcd\n"), Err(ProtocolError::ExpectedCrlf));
    }

    #[test]
    fn broken_frames_are_errors() {
        for (bytes, error) in [
            (&b"?\r\n"[..], ProtocolError::UnknownType(b'?')),
            (b"$a\r\n", ProtocolError::BulkLength),
            (b"$03\r\nabc\r\n", ProtocolError::BulkLength),
            (b"$-2\r\n", ProtocolError::BulkLength),
            (b"$99999999999\r\n", ProtocolError::BulkLength),
            (b"=1\r\n1\r\n", ProtocolError::BulkLength),
            (b"$1\r\nabc\r\n", ProtocolError::ExpectedCrlf),
            (b"*x\r\n", ProtocolError::MultibulkLength),
            (b"+OK\n", ProtocolError::ExpectedCrlf),
            (b"HTTP/1.1 400 Bad Request\r\n", ProtocolError::UnknownType(b'H')),
        ] {
            assert_eq!(frame(bytes), Err(error), "{}", bytes.escape_ascii());
        }
        assert_eq!(frame(&b"*1\r\n".repeat(DEPTH_MAX + 1)), Err(ProtocolError::TooDeep));
    }
}
