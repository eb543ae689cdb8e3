//! Ziplists: the small collections of Redis before 7.0.
//!
//! ```text
//! bytes (4) · offset of the last entry (4) · count (2; 65535: not kept) · entries · 255; all little-endian
//! entry: length of the entry before it (one byte below 254, or 254 and four bytes) · form · bytes
//! ```

use super::RdbError;
use super::listpack::{Entry, integer};
use super::wire::Input;

const HEADER_BYTES: usize = 10;
const END: u8 = 255;
const LONG: u8 = 254;
const CORRUPT: RdbError = RdbError::Corrupt("a ziplist");

/// The entries of a ziplist.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    rest: Input<'a>,
    /// Bytes of the entry before the next one.
    before: usize,
}

impl<'a> Entries<'a> {
    /// The entries of a well-formed ziplist.
    pub(super) fn checked(bytes: &'a [u8]) -> Result<Self, RdbError> {
        let entries = Self::new(bytes);
        let mut header = Input::new(bytes);
        let (total, tail, count) = (
            header.array().map(u32::from_le_bytes).map_err(|_| CORRUPT)?,
            header.array().map(u32::from_le_bytes).map_err(|_| CORRUPT)?,
            header.array().map(u16::from_le_bytes).map_err(|_| CORRUPT)?,
        );
        let (mut ahead, mut seen) = (entries.clone(), 0);
        while ahead.step().map_err(|_| CORRUPT)?.is_some() {
            seen += 1;
        }
        let last = bytes.len() - ahead.rest.rest().len() - ahead.before;
        let whole = usize::try_from(total) == Ok(bytes.len()) && ahead.rest.rest() == [END];
        let counted = count == u16::MAX || usize::from(count) == seen;
        if whole && counted && usize::try_from(tail) == Ok(last) { Ok(entries) } else { Err(CORRUPT) }
    }

    /// The entries of a ziplist that was checked.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: Input::new(bytes.get(HEADER_BYTES..).unwrap_or_default()), before: 0 }
    }

    /// The next entry, `None` at the end.
    pub(super) fn step(&mut self) -> Result<Option<Entry<'a>>, RdbError> {
        let mut ahead = self.rest;
        let before = match ahead.byte()? {
            END => return Ok(None),
            LONG => usize::try_from(u32::from_le_bytes(ahead.array()?)).map_err(|_| CORRUPT)?,
            before => usize::from(before),
        };
        if before != self.before {
            return Err(CORRUPT);
        }
        let form = ahead.byte()?;
        let entry = match form {
            0..0x40 => Entry::Text(ahead.bytes(usize::from(form))?),
            0x40..0x80 => {
                let len = u16::from_be_bytes([form & 0x3f, ahead.byte()?]);
                Entry::Text(ahead.bytes(usize::from(len))?)
            }
            0x80 => {
                let len = u32::from_be_bytes(ahead.array()?);
                Entry::Text(ahead.bytes(usize::try_from(len).map_err(|_| CORRUPT)?)?)
            }
            0xfe => Entry::Integer(integer(ahead.bytes(1)?)),
            0xc0 => Entry::Integer(integer(ahead.bytes(2)?)),
            0xf0 => Entry::Integer(integer(ahead.bytes(3)?)),
            0xd0 => Entry::Integer(integer(ahead.bytes(4)?)),
            0xe0 => Entry::Integer(integer(ahead.bytes(8)?)),
            0xf1..=0xfd => Entry::Integer(i64::from(form) - 0xf1),
            _ => return Err(CORRUPT),
        };
        *self = Self { before: self.rest.rest().len() - ahead.rest().len(), rest: ahead };
        Ok(Some(entry))
    }
}
