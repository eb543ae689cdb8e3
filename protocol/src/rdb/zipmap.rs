//! Zipmaps: the small hashes of Redis before 2.6.
//!
//! ```text
//! count (254 and more: not kept) · (length · name · length · unused · value · unused bytes)… · 255
//! ```
//! A length takes one byte below 254, or 254 and four bytes, the lowest first.

use super::RdbError;
use super::wire::Input;

const END: u8 = 255;
const LONG: u8 = 254;
const CORRUPT: RdbError = RdbError::Corrupt("a zipmap");

/// Names and values in turn.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    rest: Input<'a>,
    /// Whether a value comes next.
    value: bool,
}

impl<'a> Entries<'a> {
    /// The entries of a well-formed zipmap.
    pub(super) fn checked(bytes: &'a [u8]) -> Result<Self, RdbError> {
        let entries = Self::new(bytes);
        let (mut ahead, mut count) = (entries.clone(), 0);
        while ahead.step().map_err(|_| CORRUPT)?.is_some() {
            count += 1;
        }
        let announced = bytes.first().map_or(0, |count| usize::from(*count));
        let counted = announced >= usize::from(LONG) || announced * 2 == count;
        // The end's byte is all that is left.
        let ends = !ahead.value && ahead.rest.rest() == [END];
        if counted && ends { Ok(entries) } else { Err(CORRUPT) }
    }

    /// The entries of a zipmap that was checked.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: Input::new(bytes.get(1..).unwrap_or_default()), value: false }
    }

    /// The next name or value, `None` at the end.
    pub(super) fn step(&mut self) -> Result<Option<&'a [u8]>, RdbError> {
        let mut ahead = self.rest;
        let len = match ahead.byte()? {
            END => return Ok(None),
            LONG => usize::try_from(u32::from_le_bytes(ahead.array()?)).map_err(|_| CORRUPT)?,
            len => usize::from(len),
        };
        let unused = if self.value { ahead.byte()? } else { 0 };
        let text = ahead.bytes(len)?;
        ahead.bytes(usize::from(unused))?;
        *self = Self { rest: ahead, value: !self.value };
        Ok(Some(text))
    }
}
