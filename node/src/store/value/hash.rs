//! A hash: fields and their values.

use crate::store::entry::Entry;
use crate::store::key::hash_of;
use crate::store::table::Table;

/// Most fields of a hash that Redis keeps packed (`hash-max-listpack-entries`).
const PACKED_MAX: usize = 512;

/// Longest field or value in bytes of such a hash (`hash-max-listpack-value`).
const PACKED_BYTES_MAX: usize = 64;

/// Fields and their values.
#[derive(Clone, Default)]
pub struct Hash {
    fields: Table,
    /// Whether it held more than [`PACKED_MAX`] fields, or one longer than [`PACKED_BYTES_MAX`].
    spread: bool,
}

impl Hash {
    /// Number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether Redis would keep the hash packed (a `listpack`): it never held many fields, nor long ones.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        !self.spread
    }

    /// The value of `field`.
    #[must_use]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.fields.find(hash_of(field), 0, field).and_then(super::super::entry::EntryRef::as_string)
    }

    /// Fields and values, in no stated order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|entry| (entry.key(), entry.as_string().unwrap_or_default()))
    }

    /// A field and its value at a place chosen by `random`.
    #[must_use]
    pub fn pick(&self, random: u64) -> Option<(&[u8], &[u8])> {
        self.fields.pick(random).map(|entry| (entry.key(), entry.as_string().unwrap_or_default()))
    }

    /// Sets `field` to `value`; returns whether the field is new. A value of the old one's size costs no allocation.
    pub fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash_of(field);
        self.spread = self.spread || field.len().max(value.len()) > PACKED_BYTES_MAX;
        if let Some(mut entry) = self.fields.find_mut(hash, 0, field) {
            if !entry.overwrite(value, None) {
                entry.edit_string(value.len(), |bytes| bytes.copy_from_slice(value));
            }
            return false;
        }
        drop(self.fields.insert(hash, Entry::string(0, field, value, None), hash_of));
        self.spread = self.spread || self.len() > PACKED_MAX;
        true
    }

    /// Takes `field` out; returns whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.fields.remove(hash_of(field), 0, field, hash_of).is_some()
    }

    /// Visits fields and values from cursor `from` on; see [`Table::scan`].
    pub fn scan<'s>(
        &'s self,
        from: u32,
        count: usize,
        mut visit: impl FnMut(&'s [u8], &'s [u8]),
    ) -> Option<u32> {
        self.fields
            .scan(from, count, hash_of, |entry| visit(entry.key(), entry.as_string().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_takes_values_of_any_length_one_after_the_other() {
        let mut hash = Hash::default();
        assert!(hash.insert(b"f", b"abc"));
        for value in [&b"xyz"[..], b"", b"longer than before", b"s", &[7; 65]] {
            assert!(hash.is_packed() && !hash.insert(b"f", value));
            assert_eq!((hash.get(b"f"), hash.len()), (Some(value), 1));
        }
        assert!(!hash.is_packed());
    }
}
