//! Values of settings, with Redis's ranges and words.

use std::ops::RangeInclusive;

use ringmaster_protocol::resp::number;

/// Redis's answer to what is no amount of memory.
const NO_MEMORY: &str = "argument must be a memory value";

/// A whole number within `range`.
pub(crate) fn integer(value: &[u8], range: RangeInclusive<i64>) -> Result<i64, String> {
    let parsed = number::parse_integer(value).ok_or("argument couldn't be parsed into an integer")?;
    within(parsed, &range)
}

/// A whole number from 0 on, up to `max`.
pub(crate) fn natural(value: &[u8], max: u64) -> Result<u64, String> {
    integer(value, 0..=i64::try_from(max).unwrap_or(i64::MAX)).map(i64::unsigned_abs)
}

/// Bytes, plain or in one of Redis's units, within `range`. No digits at all are 0 as in Redis; what is above 2^64 is
/// the most that there can be.
pub(crate) fn memory(value: &[u8], range: RangeInclusive<i64>) -> Result<u64, String> {
    let text = std::str::from_utf8(value).map_err(|_| NO_MEMORY)?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return Err(NO_MEMORY.to_owned()),
    };
    let number = if number.is_empty() { 0 } else { number.parse().unwrap_or(u64::MAX) };
    let bytes: u64 = number.saturating_mul(factor);
    if i64::try_from(bytes).is_ok() || *range.end() < i64::MAX {
        within(i64::try_from(bytes).unwrap_or(i64::MAX), &range)?;
    }
    Ok(bytes)
}

/// `yes` or `no`, in any case.
pub(crate) fn yes_or_no(value: &[u8]) -> Result<bool, String> {
    match () {
        () if value.eq_ignore_ascii_case(b"yes") => Ok(true),
        () if value.eq_ignore_ascii_case(b"no") => Ok(false),
        () => Err("argument must be 'yes' or 'no'".to_owned()),
    }
}

/// One of `words`, in any case: its place in the list.
pub(crate) fn word(value: &[u8], words: &[&str]) -> Result<usize, String> {
    let place = words.iter().position(|word| value.eq_ignore_ascii_case(word.as_bytes()));
    place.ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")))
}

/// How Redis prints a yes or no.
pub(crate) fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn within(value: i64, range: &RangeInclusive<i64>) -> Result<i64, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("argument must be between {} and {} inclusive", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_written_as_redis_writes_it() {
        for (text, bytes) in [("", 0), ("7", 7), ("1KB", 1024), ("1k", 1000), ("2gb", 2 << 30), ("3b", 3)] {
            assert_eq!(memory(text.as_bytes(), 0..=i64::MAX), Ok(bytes), "{text}");
        }
        assert_eq!(memory(b"99999999999999999999", 0..=i64::MAX), Ok(u64::MAX));
        for text in ["-1", "1.5gb", "1tb", " 1", "10%", "\u{e4}"] {
            assert_eq!(memory(text.as_bytes(), 0..=i64::MAX), Err(NO_MEMORY.to_owned()), "{text}");
        }
        assert!(memory(b"1kb", 1 << 20..=1 << 30).is_err());
        assert!(memory(b"99999999999999999999", 0..=1 << 30).is_err());
    }

    #[test]
    fn what_is_out_of_range_is_told_the_range() {
        assert_eq!(integer(b"0", 1..=5), Err("argument must be between 1 and 5 inclusive".to_owned()));
        assert_eq!(integer(b"+1", 1..=5), Err("argument couldn't be parsed into an integer".to_owned()));
        assert_eq!((natural(b"5", 5), yes_or_no(b"YES"), word(b"B", &["a", "b"])), (Ok(5), Ok(true), Ok(1)));
    }
}
