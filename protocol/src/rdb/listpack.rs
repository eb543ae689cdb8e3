//! Listpacks: the small collections of Redis 7.0, and the nodes of its lists and streams.
//!
//! ```text
//! bytes (4) · count (2; 65535: not kept) · entries · 255; all little-endian
//! entry: form · bytes · length of form and bytes, to be read backwards
//! ```

use super::RdbError;
use super::wire::{Input, Text};
use crate::resp::number::parse_integer;

const HEADER_BYTES: usize = 6;
const END: u8 = 255;
const CORRUPT: RdbError = RdbError::Corrupt("a listpack");

/// Longest text that may be an integer.
const INTEGER_BYTES_MAX: usize = 20;

/// One entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    /// Kept as bytes.
    Text(&'a [u8]),
    /// Kept as a number.
    Integer(i64),
}

impl<'a> From<Entry<'a>> for Text<'a> {
    fn from(entry: Entry<'a>) -> Self {
        match entry {
            Entry::Text(bytes) => Self::Borrowed(bytes),
            Entry::Integer(value) => value.into(),
        }
    }
}

/// The integer of one to eight little-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|high| high & 0x80 != 0);
    let mut filled = if negative { [0xff; 8] } else { [0; 8] };
    filled[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(filled)
}

/// The entries of a listpack.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    rest: Input<'a>,
}

impl<'a> Entries<'a> {
    /// The entries of a well-formed listpack.
    pub(super) fn checked(bytes: &'a [u8]) -> Result<Self, RdbError> {
        let mut header = Input::new(bytes);
        let total = header.array().map(u32::from_le_bytes).map_err(|_| CORRUPT)?;
        let count = header.array().map(u16::from_le_bytes).map_err(|_| CORRUPT)?;
        let entries = Self::new(bytes);
        let (mut ahead, mut seen) = (entries.clone(), 0);
        while ahead.step().map_err(|_| CORRUPT)?.is_some() {
            seen += 1;
        }
        let whole = usize::try_from(total) == Ok(bytes.len()) && ahead.rest.rest() == [END];
        let counted = count == u16::MAX || usize::from(count) == seen;
        if whole && counted { Ok(entries) } else { Err(CORRUPT) }
    }

    /// The entries of a listpack that was checked.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: Input::new(bytes.get(HEADER_BYTES..).unwrap_or_default()) }
    }

    /// The next entry, `None` at the end.
    pub(super) fn step(&mut self) -> Result<Option<Entry<'a>>, RdbError> {
        let mut ahead = self.rest;
        let form = ahead.byte()?;
        let entry = match form {
            0..0x80 => Entry::Integer(i64::from(form)),
            0x80..0xc0 => Entry::Text(ahead.bytes(usize::from(form & 0x3f))?),
            0xc0..0xe0 => {
                let bits = u16::from_be_bytes([form & 0x1f, ahead.byte()?]);
                // Thirteen bits, the highest of which is the sign.
                Entry::Integer(i64::from((bits << 3).cast_signed() >> 3))
            }
            0xe0..0xf0 => {
                let len = u16::from_be_bytes([form & 0x0f, ahead.byte()?]);
                Entry::Text(ahead.bytes(usize::from(len))?)
            }
            0xf0 => {
                let len = u32::from_le_bytes(ahead.array()?);
                Entry::Text(ahead.bytes(usize::try_from(len).map_err(|_| CORRUPT)?)?)
            }
            0xf1 => Entry::Integer(integer(ahead.bytes(2)?)),
            0xf2 => Entry::Integer(integer(ahead.bytes(3)?)),
            0xf3 => Entry::Integer(integer(ahead.bytes(4)?)),
            0xf4 => Entry::Integer(integer(ahead.bytes(8)?)),
            END => return Ok(None),
            _ => return Err(CORRUPT),
        };
        let len = self.rest.rest().len() - ahead.rest().len();
        let (back, back_len) = back_length(len);
        if ahead.bytes(back_len)? != &back[..back_len] {
            return Err(CORRUPT);
        }
        self.rest = ahead;
        Ok(Some(entry))
    }
}

/// The bytes that follow an entry of `len` bytes, and how many they are: seven bits each, the highest first, all
/// but the first marked. The bounds are those of Redis, which are one too small.
fn back_length(len: usize) -> ([u8; 5], usize) {
    let count = match len {
        ..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let mut bytes = [0; 5];
    for (at, byte) in bytes.iter_mut().enumerate().take(count) {
        let mark = if at == 0 { 0 } else { 0x80 };
        *byte = (len >> (7 * (count - 1 - at)) & 0x7f).to_le_bytes()[0] | mark;
    }
    (bytes, count)
}

/// A listpack that is being written.
#[derive(Debug)]
pub(super) struct Pack {
    bytes: Vec<u8>,
    count: usize,
}

impl Pack {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], count: 0 }
    }

    /// Its bytes when it ends here.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + 1
    }

    /// Whether it has no entry.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends a text, as a number if it spells one.
    pub(super) fn text(&mut self, text: &[u8]) {
        let value = if text.len() <= INTEGER_BYTES_MAX { parse_integer(text) } else { None };
        match value {
            Some(value) => self.integer(value),
            None => self.entry(|bytes| push_text(bytes, text)),
        }
    }

    /// Appends a number.
    pub(super) fn integer(&mut self, value: i64) {
        self.entry(|bytes| push_integer(bytes, value));
    }

    /// Appends a count of things.
    pub(super) fn count(&mut self, count: usize) {
        self.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Appends the entries of another, which is empty then.
    pub(super) fn append(&mut self, other: &mut Self) {
        let other = std::mem::replace(other, Self::new());
        self.bytes.extend_from_slice(&other.bytes[HEADER_BYTES..]);
        self.count += other.count;
    }

    fn entry(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        push(&mut self.bytes);
        let (back, len) = back_length(self.bytes.len() - start);
        self.bytes.extend_from_slice(&back[..len]);
        self.count += 1;
    }

    /// The finished listpack; an empty one takes its place.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let Self { mut bytes, count } = std::mem::replace(self, Self::new());
        bytes.push(END);
        // A listpack of 4 GiB is more than any writer here makes.
        let total = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        bytes[4..HEADER_BYTES].copy_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
        bytes
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &[u8]) {
    match text.len().to_le_bytes() {
        [low, ..] if text.len() < 0x40 => bytes.push(0x80 | low),
        [low, high, ..] if text.len() < 0x1000 => bytes.extend([0xe0 | high, low]),
        [a, b, c, d, ..] => bytes.extend([0xf0, a, b, c, d]),
    }
    bytes.extend_from_slice(text);
}

fn push_integer(bytes: &mut Vec<u8>, value: i64) {
    let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
    match value {
        0..=127 => bytes.push(a),
        -4096..=4095 => bytes.extend([0xc0 | (b & 0x1f), a]),
        -0x8000..=0x7fff => bytes.extend([0xf1, a, b]),
        -0x0080_0000..=0x007f_ffff => bytes.extend([0xf2, a, b, c]),
        -0x8000_0000..=0x7fff_ffff => bytes.extend([0xf3, a, b, c, d]),
        _ => bytes.extend([0xf4, a, b, c, d, e, f, g, h]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut entries = Entries::checked(bytes).ok()?;
        let mut texts = Vec::new();
        while let Some(entry) = entries.step().ok()? {
            texts.push(Text::from(entry).to_vec());
        }
        Some(texts)
    }

    #[test]
    fn lengths_on_either_side_of_each_form_come_back() {
        let mut pack = Pack::new();
        let lengths =
            [0, 1, 63, 64, 123, 126, 127, 128, 4095, 4096, 16_376, 16_377, 16_378, 16_379, 2_097_146];
        lengths.iter().for_each(|len| pack.text(&vec![b'x'; *len]));
        let found: Vec<usize> = texts(&pack.take()).unwrap().iter().map(Vec::len).collect();
        assert_eq!(found, lengths);
    }

    proptest! {
        #[test]
        fn entries_come_back_and_no_cut_listpack_passes(
            values in prop::collection::vec((any::<i64>(), 0u32..64, any::<bool>()), 0..40)
        ) {
            let mut pack = Pack::new();
            let values: Vec<String> = values.iter().map(|(value, shift, integer)| {
                format!("{}{}", if *integer { "" } else { "x" }, value >> shift)
            }).collect();
            values.iter().for_each(|value| pack.text(value.as_bytes()));
            let bytes = pack.take();
            let expected: Vec<Vec<u8>> = values.iter().map(|value| value.clone().into_bytes()).collect();
            prop_assert_eq!(texts(&bytes), Some(expected));
            for cut in 0..bytes.len() {
                prop_assert_eq!(texts(&bytes[..cut]), None);
            }
        }
    }
}
