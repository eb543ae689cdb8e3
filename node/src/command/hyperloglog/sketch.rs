//! A sketch that is being changed, apart from the store: an effect names what came of it.

use super::sparse::{self, Cursor, Raised};
use super::{HEADER_BYTES, REGISTERS, STALE_AT, STALE_BIT, View, dense};
use crate::command::CommandError;
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// Equal bytes between two changes that are not worth an effect of their own.
const GAP_MAX: usize = 16;

/// A copy of a sketch. Its bytes passed [`View::of`].
pub(super) struct Sketch {
    bytes: Vec<u8>,
    cursor: Cursor,
}

impl Sketch {
    /// One without elements.
    pub(super) fn empty() -> Self {
        let mut bytes = b"HYLL".to_vec();
        bytes.resize(HEADER_BYTES, 0);
        bytes[4] = sparse::ENCODING;
        sparse::push(&mut bytes, 0, REGISTERS);
        Self { bytes, cursor: Cursor::START }
    }

    /// A copy of `value`.
    pub(super) fn of(value: &[u8]) -> Self {
        Self { bytes: value.to_vec(), cursor: Cursor::START }
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn is_dense(&self) -> bool {
        self.bytes[4] == dense::ENCODING
    }

    /// Raises a register to `count` at least; returns whether it was lower. Takes little time when registers are
    /// raised in their order.
    ///
    /// # Errors
    /// That the sketch is corrupt.
    pub(super) fn raise(&mut self, index: usize, count: u8) -> Result<bool, CommandError> {
        if !self.is_dense() {
            match sparse::raise(&mut self.bytes, &mut self.cursor, index, count)? {
                Raised::Already => return Ok(false),
                Raised::Now => return Ok(true),
                Raised::NoRoom => self.make_dense()?,
            }
        }
        let packed = &mut self.bytes[HEADER_BYTES..];
        let lower = dense::get(packed, index) < count;
        if lower {
            dense::set(packed, index, count);
        }
        Ok(lower)
    }

    /// Makes a sparse sketch dense.
    ///
    /// # Errors
    /// That it is corrupt; it is unchanged then.
    pub(super) fn make_dense(&mut self) -> Result<(), CommandError> {
        if self.is_dense() {
            return Ok(());
        }
        let mut packed = vec![0; HEADER_BYTES + dense::BYTES];
        let (header, registers) = packed.split_at_mut(HEADER_BYTES);
        header.copy_from_slice(&self.bytes[..HEADER_BYTES]);
        header[4] = dense::ENCODING;
        sparse::expand(&self.bytes[HEADER_BYTES..], |start, len, value| {
            (start..start + len).filter(|_| value > 0).for_each(|index| dense::set(registers, index, value));
        })?;
        self.bytes = packed;
        Ok(())
    }

    /// Says that the cardinality must be computed anew.
    pub(super) fn mark_stale(&mut self) {
        self.bytes[STALE_AT] |= STALE_BIT;
    }

    /// Makes this what `key` holds, which is absent or another string; its deadline stays. An effect names the
    /// changed bytes only, if the string does not become shorter.
    pub(super) fn store(&self, keyspace: &mut Keyspace<'_, '_>, key: Key<'_>) {
        let entry = keyspace.find(key);
        let old = entry.and_then(EntryRef::as_string).unwrap_or_default();
        if old.is_empty() || self.bytes.len() < old.len() || self.is_dense() != (old[4] == dense::ENCODING) {
            let deadline = entry.and_then(EntryRef::deadline);
            keyspace.apply(key.slot, &Effect::SetString { key, value: &self.bytes, deadline });
            return;
        }
        for (start, end) in changes(old, &self.bytes) {
            let bytes = &self.bytes[start..end];
            keyspace.apply(key.slot, &Effect::WriteString { key, offset: start, bytes });
        }
    }
}

/// The stretches in which `new`, which is at least as long, differs from `old`, without small gaps.
fn changes(old: &[u8], new: &[u8]) -> Vec<(usize, usize)> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for at in (0..new.len()).filter(|at| old.get(*at) != Some(&new[*at])) {
        match stretches.last_mut() {
            Some((_, end)) if at - *end <= GAP_MAX => *end = at + 1,
            _ => stretches.push((at, at + 1)),
        }
    }
    stretches
}

/// The sketch at `key`, checked.
///
/// # Errors
/// That the key holds something else.
pub(super) fn find<'k>(
    keyspace: &'k Keyspace<'_, '_>,
    key: Key<'_>,
) -> Result<Option<(&'k [u8], View<'k>)>, CommandError> {
    match keyspace.string(key)? {
        None => Ok(None),
        Some(value) => Ok(Some((value, View::of(value)?))),
    }
}
