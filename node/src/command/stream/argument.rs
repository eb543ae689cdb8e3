//! Ids as arguments, in all the forms that Redis reads.

use ringmaster_protocol::resp::number::parse_integer;

use crate::command::CommandError;
use crate::store::value::stream::StreamId;

/// Longest text of an id that is looked at.
const ID_BYTES_MAX: usize = 127;

const INVALID: CommandError =
    CommandError::text("ERR Invalid stream ID specified as stream command argument");

/// An id of which the client leaves a part to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `*`: the clock's.
    Generated,
    /// `ms-*`: the next of this time.
    NextOf(u64),
    /// This one.
    Exact(StreamId),
}

/// An id without a number within its time gets `missing` as that. `-` and `+` are the lowest and the highest.
pub(super) fn id(text: &[u8], missing: u64) -> Result<StreamId, CommandError> {
    match c_string(text) {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => strict_id(text, missing),
    }
}

/// As [`id`], without `-` and `+`.
pub(super) fn strict_id(text: &[u8], missing: u64) -> Result<StreamId, CommandError> {
    match parts(text)? {
        (ms, None) => Ok(StreamId::new(ms, missing)),
        (ms, Some(seq)) => Ok(StreamId::new(ms, number(seq).ok_or(INVALID)?)),
    }
}

/// The id of `XADD`.
pub(super) fn wanted(text: &[u8]) -> Result<Wanted, CommandError> {
    if text == b"*" {
        return Ok(Wanted::Generated);
    }
    match parts(text)? {
        (ms, Some(b"*")) => Ok(Wanted::NextOf(ms)),
        _ => strict_id(text, 0).map(Wanted::Exact),
    }
}

/// The lower end of a range, `(` before it meaning above it.
pub(super) fn start(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => {
            let beyond = strict_id(rest, 0)?.next();
            beyond.ok_or(CommandError::text("ERR invalid start ID for the interval"))
        }
        _ => id(text, 0),
    }
}

/// The upper end of a range, `(` before it meaning below it.
pub(super) fn end(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => {
            let below = strict_id(rest, u64::MAX)?.previous();
            below.ok_or(CommandError::text("ERR invalid end ID for the interval"))
        }
        _ => id(text, u64::MAX),
    }
}

/// The time, and the text behind the first `-`.
fn parts(text: &[u8]) -> Result<(u64, Option<&[u8]>), CommandError> {
    let read = c_string(text);
    if text.len() > ID_BYTES_MAX || read == b"-" || read == b"+" {
        return Err(INVALID);
    }
    let mut split = read.splitn(2, |byte| *byte == b'-');
    let ms = split.next().and_then(number).ok_or(INVALID)?;
    Ok((ms, split.next()))
}

/// The bytes before the first zero byte: what C takes for the text.
pub(super) fn c_string(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number as Redis's `string2ull` reads it: where the text is no canonical integer, as C's `strtoull` does, which
/// takes white space and a sign before it, and a minus for the complement.
fn number(text: &[u8]) -> Option<u64> {
    if let Some(value) = parse_integer(text) {
        return u64::try_from(value).ok();
    }
    let is_space = |byte: &u8| matches!(*byte, b' ' | b'\t'..=b'\r');
    let spaces = text.iter().take_while(|byte| is_space(byte)).count();
    let (negative, digits) = match &text[spaces..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_c_reads_them() {
        let of = |text: &[u8]| strict_id(text, 7).ok().map(|id| (id.ms, id.seq));
        assert_eq!((of(b"5"), of(b"5-6"), of(b"05- +6")), (Some((5, 7)), Some((5, 6)), Some((5, 6))));
        assert_eq!((of(b"5--01"), of(b"5--1")), (Some((5, u64::MAX)), None));
        assert_eq!((of(b"5\0junk"), of(b"18446744073709551615-0")), (Some((5, 7)), Some((u64::MAX, 0))));
        for text in
            [&b"-"[..], b"+", b"", b"-1", b"5-", b"x", b"18446744073709551616", b"5-*", b"*", b"1-2-3"]
        {
            assert_eq!(of(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn open_ends_of_a_range_need_a_neighbour() {
        assert_eq!(start(b"(5").unwrap(), StreamId::new(5, 1));
        assert_eq!(end(b"(5").unwrap(), StreamId::new(5, u64::MAX - 1));
        assert_eq!((start(b"-").unwrap(), end(b"+").unwrap()), (StreamId::MIN, StreamId::MAX));
        assert!(end(b"(0-0").is_err() && start(b"(18446744073709551615-18446744073709551615").is_err());
        assert!(start(b"(-").is_err() && start(b"(").is_err());
    }

    #[test]
    fn an_id_may_leave_its_number_to_the_server() {
        assert_eq!(wanted(b"*").unwrap(), Wanted::Generated);
        assert_eq!(wanted(b"5-*").unwrap(), Wanted::NextOf(5));
        assert_eq!(wanted(b"5").unwrap(), Wanted::Exact(StreamId::new(5, 0)));
        assert!(wanted(b"5-**").is_err() && wanted(b"+").is_err());
    }
}
