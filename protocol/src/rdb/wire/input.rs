//! Bytes to read from.

use super::{
    LENGTH_6, LENGTH_14, LENGTH_32, LENGTH_64, TEXT_COMPRESSED, TEXT_INTEGER_8, TEXT_INTEGER_16,
    TEXT_INTEGER_32, Text,
};
use crate::rdb::{RdbError, TEXT_BYTES_MAX, lzf};
use crate::resp::number::parse_double;

/// What is left of the input. A step that fails takes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Reads from the beginning of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`RdbError::Short`], as for all that is read here.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], RdbError> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(RdbError::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`RdbError::Short`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(RdbError::Short)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`RdbError::Short`].
    pub fn byte(&mut self) -> Result<u8, RdbError> {
        self.array().map(|[byte]| byte)
    }

    /// A length, or a number that is kept as one.
    ///
    /// # Errors
    /// [`RdbError::Corrupt`] if something else stands there.
    pub fn length(&mut self) -> Result<u64, RdbError> {
        let mut ahead = *self;
        let first = ahead.byte()?;
        let length = match (first >> 6, first) {
            (LENGTH_6, _) => u64::from(first),
            (LENGTH_14, _) => u64::from(u16::from_be_bytes([first & 0x3f, ahead.byte()?])),
            (_, LENGTH_32) => u64::from(u32::from_be_bytes(ahead.array()?)),
            (_, LENGTH_64) => u64::from_be_bytes(ahead.array()?),
            _ => return Err(RdbError::Corrupt("no length")),
        };
        *self = ahead;
        Ok(length)
    }

    /// A text of at most [`TEXT_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`RdbError::Corrupt`] if it is longer or no text.
    pub fn text(&mut self) -> Result<Text<'a>, RdbError> {
        let mut ahead = *self;
        let text = match ahead.rest.first().copied().ok_or(RdbError::Short)? {
            TEXT_INTEGER_8 => i64::from(ahead.special().map(i8::from_le_bytes)?).into(),
            TEXT_INTEGER_16 => i64::from(ahead.special().map(i16::from_le_bytes)?).into(),
            TEXT_INTEGER_32 => i64::from(ahead.special().map(i32::from_le_bytes)?).into(),
            TEXT_COMPRESSED => {
                ahead.byte()?;
                let (packed, len) = (ahead.text_length()?, ahead.text_length()?);
                let packed = ahead.bytes(packed)?;
                let text = lzf::decompress(packed, len);
                Text::Owned(text.ok_or(RdbError::Corrupt("compressed bytes"))?)
            }
            _ => {
                let len = ahead.text_length()?;
                Text::Borrowed(ahead.bytes(len)?)
            }
        };
        *self = ahead;
        Ok(text)
    }

    /// The bytes after the first.
    fn special<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        self.byte()?;
        self.array()
    }

    fn text_length(&mut self) -> Result<usize, RdbError> {
        let length = usize::try_from(self.length()?).ok().filter(|length| *length <= TEXT_BYTES_MAX);
        length.ok_or(RdbError::Corrupt("a text too long"))
    }

    /// A double of eight bytes, never NaN.
    ///
    /// # Errors
    /// [`RdbError::Corrupt`] if it is NaN.
    pub fn double(&mut self) -> Result<f64, RdbError> {
        let mut ahead = *self;
        let value = f64::from_le_bytes(ahead.array()?);
        number(value)?;
        *self = ahead;
        Ok(value)
    }

    /// A double in decimal behind a byte that is its length or says that it is infinite, never NaN: the form
    /// before Redis 4.0.
    ///
    /// # Errors
    /// [`RdbError::Corrupt`] if it is NaN or no number.
    pub fn decimal(&mut self) -> Result<f64, RdbError> {
        let mut ahead = *self;
        let value = match ahead.byte()? {
            255 => f64::NEG_INFINITY,
            254 => f64::INFINITY,
            253 => f64::NAN,
            len => parse_double(ahead.bytes(usize::from(len))?).unwrap_or(f64::NAN),
        };
        number(value)?;
        *self = ahead;
        Ok(value)
    }
}

fn number(value: f64) -> Result<(), RdbError> {
    if value.is_nan() { Err(RdbError::Corrupt("no number")) } else { Ok(()) }
}
