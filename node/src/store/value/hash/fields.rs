//! The fields of a large hash: a table.

use crate::store::entry::{Entry, EntryRef};
use crate::store::heap::{allocated, boxed};
use crate::store::key::hash_of;
use crate::store::table::Table;

/// Fields and values in a table.
#[derive(Default)]
pub struct Fields {
    table: Table,
    /// What the entries of the table take.
    entry_bytes: usize,
}

impl Fields {
    /// Number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes of memory that the hash takes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        boxed::<Self>() + allocated(self.table.bucket_bytes()) + self.entry_bytes
    }

    /// The value of `field`.
    #[must_use]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.table.find(hash_of(field), 0, field).and_then(EntryRef::as_string)
    }

    /// Fields and values, in no stated order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.table.iter().map(pair)
    }

    /// A field and its value at a place chosen by `random`.
    #[must_use]
    pub fn pick(&self, random: u64) -> Option<(&[u8], &[u8])> {
        self.table.pick(random).map(pair)
    }

    /// Sets `field` to `value`; returns whether the field is new. A value of the old one's size costs no allocation.
    pub fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash_of(field);
        if let Some(mut entry) = self.table.find_mut(hash, 0, field) {
            if !entry.overwrite(value, None) {
                self.entry_bytes -= entry.as_ref().heap_bytes();
                entry.edit_string(value.len(), |bytes| bytes.copy_from_slice(value));
                self.entry_bytes += entry.as_ref().heap_bytes();
            }
            return false;
        }
        let entry = Entry::string(0, field, value, None);
        self.entry_bytes += entry.as_ref().heap_bytes();
        drop(self.table.insert(hash, entry, hash_of));
        true
    }

    /// Takes `field` out; returns whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let removed = self.table.remove(hash_of(field), 0, field, hash_of);
        self.entry_bytes -= removed.as_ref().map_or(0, |entry| entry.as_ref().heap_bytes());
        removed.is_some()
    }

    /// Visits fields and values from cursor `from` on; see [`Table::scan`].
    pub fn scan<'s>(
        &'s self,
        from: u32,
        count: usize,
        mut visit: impl FnMut(&'s [u8], &'s [u8]),
    ) -> Option<u32> {
        self.table.scan(from, count, hash_of, |entry| {
            let (field, value) = pair(entry);
            visit(field, value);
        })
    }
}

impl Clone for Fields {
    fn clone(&self) -> Self {
        Self { table: self.table.copied(hash_of), entry_bytes: self.entry_bytes }
    }
}

fn pair(entry: EntryRef<'_>) -> (&[u8], &[u8]) {
    (entry.key(), entry.as_string().unwrap_or_default())
}
