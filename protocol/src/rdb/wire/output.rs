//! Bytes to write to.

use super::{
    LENGTH_14, LENGTH_32, LENGTH_64, TEXT_COMPRESSED, TEXT_INTEGER_8, TEXT_INTEGER_16, TEXT_INTEGER_32,
};
use crate::rdb::lzf::Compressor;
use crate::resp::number::parse_integer;

/// Longest text that may be an integer of 32 bits.
const INTEGER_BYTES_MAX: usize = 11;
/// Longest text that is not worth a try to compress it.
const PLAIN_BYTES_MAX: usize = 20;
/// What compression must save, or the text stays as it is.
const SAVED_BYTES_MIN: usize = 4;

/// Appends to a vector.
#[derive(Debug)]
pub struct Output<'o> {
    bytes: &'o mut Vec<u8>,
    /// Made for the first text that is long enough.
    compressor: Option<Box<Compressor>>,
    packed: Vec<u8>,
}

impl<'o> Output<'o> {
    /// Appends to `bytes`.
    pub fn new(bytes: &'o mut Vec<u8>) -> Self {
        Self { bytes, compressor: None, packed: Vec::new() }
    }

    /// Bytes in the vector.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no byte in the vector.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A length, or a number that is kept as one.
    #[expect(clippy::cast_possible_truncation, reason = "each range is that of its type")]
    pub fn length(&mut self, length: u64) {
        match length {
            0..0x40 => self.raw(&[length as u8]),
            0x40..0x4000 => self.raw(&(length as u16 | u16::from(LENGTH_14) << 14).to_be_bytes()),
            0x4000..=0xffff_ffff => {
                self.raw(&[LENGTH_32]);
                self.raw(&(length as u32).to_be_bytes());
            }
            _ => {
                self.raw(&[LENGTH_64]);
                self.raw(&length.to_be_bytes());
            }
        }
    }

    /// A count of things.
    pub fn count(&mut self, count: usize) {
        self.length(count as u64);
    }

    /// A text, as an integer or compressed where that is shorter.
    pub fn text(&mut self, text: &[u8]) {
        let integer = if text.len() <= INTEGER_BYTES_MAX { parse_integer(text) } else { None };
        match integer.and_then(|value| i32::try_from(value).ok()) {
            Some(value) => self.integer(value),
            None if text.len() > PLAIN_BYTES_MAX && self.compressed(text) => {}
            None => {
                self.count(text.len());
                self.raw(text);
            }
        }
    }

    fn integer(&mut self, value: i32) {
        if let Ok(value) = i8::try_from(value) {
            self.raw(&[TEXT_INTEGER_8]);
            self.raw(&value.to_le_bytes());
        } else if let Ok(value) = i16::try_from(value) {
            self.raw(&[TEXT_INTEGER_16]);
            self.raw(&value.to_le_bytes());
        } else {
            self.raw(&[TEXT_INTEGER_32]);
            self.raw(&value.to_le_bytes());
        }
    }

    /// Writes the text compressed; returns whether that is shorter.
    fn compressed(&mut self, text: &[u8]) -> bool {
        let mut packed = std::mem::take(&mut self.packed);
        packed.clear();
        let compressor = self.compressor.get_or_insert_default();
        let fits = compressor.compress(text, &mut packed, text.len() - SAVED_BYTES_MIN);
        if fits {
            self.raw(&[TEXT_COMPRESSED]);
            self.count(packed.len());
            self.count(text.len());
            self.raw(&packed);
        }
        self.packed = packed;
        fits
    }

    /// A double of eight bytes.
    pub fn double(&mut self, value: f64) {
        self.raw(&value.to_le_bytes());
    }
}
