//! A text that was read: where it lies, what it spells, or what was unpacked.

use std::ops::Deref;

use crate::resp::number::INTEGER_DIGITS_MAX;

/// An integer in decimal.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    bytes: [u8; INTEGER_DIGITS_MAX],
    len: u8,
}

impl Digits {
    /// The digits of `value`, with a minus sign if it is below 0.
    #[must_use]
    pub fn of(value: i64) -> Self {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(value).as_bytes();
        let mut bytes = [0; INTEGER_DIGITS_MAX];
        bytes[..text.len()].copy_from_slice(text);
        // At most 20.
        Self { bytes, len: u8::try_from(text.len()).unwrap_or_default() }
    }
}

/// The bytes of a text.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// As they stand in the payload.
    Borrowed(&'a [u8]),
    /// Those of an integer that the payload keeps as a number.
    Integer(Digits),
    /// Those that were compressed.
    Owned(Vec<u8>),
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Integer(digits) => &digits.bytes[..usize::from(digits.len)],
            Self::Owned(bytes) => bytes,
        }
    }
}

impl From<i64> for Text<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Digits::of(value))
    }
}
