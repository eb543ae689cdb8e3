//! What `SCAN`, `HSCAN`, `SSCAN` and `ZSCAN` share: the cursor, the options and the reply.

use ringmaster_protocol::glob::{self, Case};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use super::CommandError;
use super::options::is;

/// Elements that a call asks for when it does not say.
const COUNT_DEFAULT: usize = 10;

/// The options behind a cursor.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions<'a> {
    /// Only elements that this pattern fits; `None` all.
    pub pattern: Option<&'a [u8]>,
    /// How many elements to look at, at least 1.
    pub count: usize,
    /// Only keys of the type of this name; given for `SCAN` alone.
    pub kind: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// The options from argument `first` on; `TYPE` is one of them only if `over_keys`.
    ///
    /// # Errors
    /// [`CommandError::Syntax`] (also for a count below 1), [`CommandError::NotInteger`].
    pub fn parse(args: Args<'a>, first: usize, over_keys: bool) -> Result<Self, CommandError> {
        let mut options = Self { pattern: None, count: COUNT_DEFAULT, kind: None };
        let mut index = first;
        while let Some(option) = args.get(index) {
            let value = args.get(index + 1).ok_or(CommandError::Syntax)?;
            match option {
                _ if is(option, "COUNT") => {
                    let count = parse_integer(value).ok_or(CommandError::NotInteger)?;
                    options.count = usize::try_from(count).unwrap_or(0);
                    if options.count == 0 {
                        return Err(CommandError::Syntax);
                    }
                }
                _ if is(option, "MATCH") => options.pattern = (value != b"*").then_some(value),
                _ if is(option, "TYPE") && over_keys => options.kind = Some(value),
                _ => return Err(CommandError::Syntax),
            }
            index += 2;
        }
        Ok(options)
    }

    /// Whether `element` fits the pattern, if there is one.
    #[must_use]
    pub fn fits(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, element, Case::Sensitive))
    }
}

/// The cursor that `argument` spells, read as C's `strtoul` reads it: an optional sign, and nothing (0) is a
/// number too.
///
/// # Errors
/// `ERR invalid cursor`.
pub fn cursor(argument: &[u8]) -> Result<u64, CommandError> {
    let text = argument.split(|byte| *byte == 0).next().unwrap_or_default();
    let (negative, digits) = match text {
        [] => return Ok(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let value =
        if plain { std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()) } else { None };
    let value: u64 = value.ok_or(CommandError::text("ERR invalid cursor"))?;
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// Where a walk through one collection goes on; a cursor that none of ours can be begins behind the end.
#[must_use]
pub fn order_of(cursor: u64) -> u32 {
    u32::try_from(cursor).unwrap_or(u32::MAX)
}

/// The reply of a walk through one collection: the next cursor (`None`: the end, 0) and what was found.
pub fn write<E: AsRef<[u8]>>(reply: &mut Reply<'_>, next: Option<u32>, found: &[E]) {
    reply.array(2);
    reply.bulk_int(i64::from(next.unwrap_or(0)));
    reply.array(found.len());
    found.iter().for_each(|element| reply.bulk(element.as_ref()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_c_reads_them() {
        for (text, value) in [
            ("0", 0),
            ("17", 17),
            ("", 0),
            ("+5", 5),
            ("-1", u64::MAX),
            ("007", 7),
            ("1\0x", 1),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(cursor(text.as_bytes()), Ok(value), "{text}");
        }
        for wrong in [" 1", "1 ", "x", "-", "+", "1x", "--1", "18446744073709551616"] {
            assert!(cursor(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
