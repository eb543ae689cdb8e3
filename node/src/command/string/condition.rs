//! Conditions on what a key holds: `SET … NX`, `XX`, `IFEQ` and their kin, and `DELEX`.
//!
//! A digest is the XXH3 hash of the value, in 16 hexadecimal digits.

use xxhash_rust::xxh3::xxh3_64;

use crate::command::CommandError;
use crate::command::options::is;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// Hexadecimal digits of a digest.
const DIGEST_DIGITS: usize = 16;

/// When something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    /// `NX`: the key is absent.
    Absent,
    /// `XX`: it is there.
    Present,
    /// `IFEQ`: it holds this string.
    Equal(&'a [u8]),
    /// `IFNE`: it does not; it may be absent.
    NotEqual(&'a [u8]),
    /// `IFDEQ`: it holds a string of this digest.
    DigestEqual(u64),
    /// `IFDNE`: it does not; it may be absent.
    DigestNotEqual(u64),
}

impl<'a> Condition<'a> {
    /// The comparison that `option` with its argument is, `None` if it is none.
    ///
    /// # Errors
    /// That the argument is missing or no digest.
    pub(super) fn comparison(
        option: &[u8],
        argument: Option<&'a [u8]>,
    ) -> Result<Option<Self>, CommandError> {
        let value = || argument.ok_or(CommandError::Syntax);
        Ok(Some(match option {
            _ if is(option, "IFEQ") => Self::Equal(value()?),
            _ if is(option, "IFNE") => Self::NotEqual(value()?),
            _ if is(option, "IFDEQ") => Self::DigestEqual(parse_digest(value()?)?),
            _ if is(option, "IFDNE") => Self::DigestNotEqual(parse_digest(value()?)?),
            _ => return Ok(None),
        }))
    }

    /// Whether it holds of `key`.
    ///
    /// # Errors
    /// That the key holds no string, if the condition compares one.
    pub(super) fn holds(self, keyspace: &Keyspace<'_, '_>, key: Key<'_>) -> Result<bool, CommandError> {
        Ok(match self {
            Self::Absent => keyspace.find(key).is_none(),
            Self::Present => keyspace.find(key).is_some(),
            Self::Equal(wanted) => keyspace.string(key)? == Some(wanted),
            Self::NotEqual(refused) => keyspace.string(key)? != Some(refused),
            Self::DigestEqual(wanted) => keyspace.string(key)?.map(digest) == Some(wanted),
            Self::DigestNotEqual(refused) => keyspace.string(key)?.map(digest) != Some(refused),
        })
    }
}

/// The digest of a value.
pub(super) fn digest(value: &[u8]) -> u64 {
    xxh3_64(value)
}

fn parse_digest(text: &[u8]) -> Result<u64, CommandError> {
    const WRONG: CommandError = CommandError::text("ERR digest must be exactly 16 hexadecimal characters");
    if text.len() != DIGEST_DIGITS || !text.iter().all(u8::is_ascii_hexdigit) {
        return Err(WRONG);
    }
    let text = std::str::from_utf8(text).map_err(|_| WRONG)?;
    u64::from_str_radix(text, 16).map_err(|_| WRONG)
}
