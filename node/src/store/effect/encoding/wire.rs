//! The parts of a record: numbers, byte strings, keys.

use ringmaster_protocol::slot::HashSlot;

use super::{DecodeError, varint};
use crate::store::census::DATABASES;
use crate::store::entry::STRING_BYTES_MAX;
use crate::store::key::Key;
use crate::store::value::list::End;

/// Appends a size or an index; they are below 2^64.
pub(super) fn put_size(out: &mut Vec<u8>, value: usize) {
    varint::put(out, value as u64);
}

/// Appends a signed number, small ones of either sign in few bytes.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    varint::put(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Appends a byte string: its length, its bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_size(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends a key: its database, its bytes.
pub(super) fn put_key(out: &mut Vec<u8>, key: Key<'_>) {
    out.push(key.database);
    put_bytes(out, key.bytes);
}

/// Appends a deadline: 0 for none, else one more than it.
pub(super) fn put_deadline(out: &mut Vec<u8>, deadline: Option<u64>) {
    varint::put(out, deadline.map_or(0, |deadline| deadline.saturating_add(1)));
}

/// Appends an end of a list.
pub(super) fn put_end(out: &mut Vec<u8>, end: End) {
    out.push(match end {
        End::Front => 0,
        End::Back => 1,
    });
}

/// Reads the parts of a record, each checked.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    slot: HashSlot,
}

impl<'a> Reader<'a> {
    /// Over a record of `slot`.
    pub(super) fn new(record: &'a [u8], slot: HashSlot) -> Self {
        Self { rest: record, slot }
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// A number in its one form.
    pub(super) fn number(&mut self) -> Result<u64, DecodeError> {
        varint::take(&mut self.rest)
    }

    pub(super) fn size(&mut self) -> Result<usize, DecodeError> {
        usize::try_from(self.number()?).map_err(|_| DecodeError::Number)
    }

    pub(super) fn signed(&mut self) -> Result<i64, DecodeError> {
        let folded = self.number()?;
        Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }

    /// A byte string, at most as long as the longest value.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.size()?;
        if len > STRING_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A key of the record's slot.
    pub(super) fn key(&mut self) -> Result<Key<'a>, DecodeError> {
        let database = self.database()?;
        let key = Key::new(self.bytes()?, database);
        if key.slot == self.slot { Ok(key) } else { Err(DecodeError::OtherSlot) }
    }

    pub(super) fn database(&mut self) -> Result<u8, DecodeError> {
        let database = self.byte()?;
        if database < DATABASES { Ok(database) } else { Err(DecodeError::Database(database)) }
    }

    pub(super) fn deadline(&mut self) -> Result<Option<u64>, DecodeError> {
        Ok(self.number()?.checked_sub(1))
    }

    pub(super) fn end(&mut self) -> Result<End, DecodeError> {
        match self.byte()? {
            0 => Ok(End::Front),
            1 => Ok(End::Back),
            _ => Err(DecodeError::Number),
        }
    }

    /// A score, never NaN.
    pub(super) fn score(&mut self) -> Result<f64, DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        let score = f64::from_le_bytes(*bytes);
        if score.is_nan() { Err(DecodeError::Number) } else { Ok(score) }
    }

    /// A counted sequence, each element read by `read`. An element takes a byte at least, so no count makes this
    /// reserve more than the record's length.
    pub(super) fn sequence<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.size()?;
        if count > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        (0..count).map(|_| read(self)).collect()
    }

    /// Nothing may follow.
    pub(super) fn end_of_record(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}
