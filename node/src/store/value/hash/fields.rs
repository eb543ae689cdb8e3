//! The fields of a large hash, or of one with fields that expire: a table.

use super::deadlines::Deadlines;
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
    /// Of the fields that expire, if there are any.
    deadlines: Option<Box<Deadlines>>,
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
        let deadlines = self.deadlines.as_ref().map_or(0, |deadlines| deadlines.heap_bytes());
        boxed::<Self>() + allocated(self.table.bucket_bytes()) + self.entry_bytes + deadlines
    }

    /// The value of `field`.
    #[must_use]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.table.find(hash_of(field), 0, field).and_then(EntryRef::as_string)
    }

    /// Brings what is looked at for `fields` near the processor.
    pub(crate) fn prefetch<'a>(&self, fields: impl Iterator<Item = &'a [u8]>) {
        self.table.prefetch(fields);
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

    /// Sets `field` to `value`, from now on without a deadline; returns whether the field is new. A value of the old
    /// one's size costs no allocation.
    pub fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash_of(field);
        if self.deadlines.is_some() {
            self.set_deadline(field, None);
        }
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
        self.table.insert_new(hash, entry, hash_of);
        true
    }

    /// Takes `field` out; returns whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let removed = self.table.remove(hash_of(field), 0, field, hash_of);
        self.entry_bytes -= removed.as_ref().map_or(0, |entry| entry.as_ref().heap_bytes());
        if let Some(deadline) = removed.as_ref().and_then(|entry| entry.as_ref().deadline()) {
            self.note_deadline(field, Some(deadline), None);
        }
        removed.is_some()
    }

    /// When `field` expires, in Unix milliseconds; `None` is never.
    #[must_use]
    pub fn deadline(&self, field: &[u8]) -> Option<u64> {
        self.deadlines.as_ref()?;
        self.table.find(hash_of(field), 0, field).and_then(EntryRef::deadline)
    }

    /// Gives `field` another deadline; returns whether that changed anything.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<u64>) -> bool {
        let Some(mut entry) = self.table.find_mut(hash_of(field), 0, field) else { return false };
        let old = entry.as_ref().deadline();
        if old == deadline {
            return false;
        }
        self.entry_bytes -= entry.as_ref().heap_bytes();
        entry.set_deadline(deadline);
        self.entry_bytes += entry.as_ref().heap_bytes();
        drop(entry);
        self.note_deadline(field, old, deadline);
        true
    }

    fn note_deadline(&mut self, field: &[u8], old: Option<u64>, new: Option<u64>) {
        let deadlines = self.deadlines.get_or_insert_default();
        if let Some(old) = old {
            deadlines.remove(old, field);
        }
        if let Some(new) = new {
            deadlines.insert(new, field);
        }
        if deadlines.is_empty() {
            self.deadlines = None;
        }
    }

    /// Deadlines and their fields, the earliest first.
    pub fn deadlines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.deadlines.iter().flat_map(|deadlines| deadlines.iter())
    }

    /// The earliest deadline of a field.
    #[inline]
    #[must_use]
    pub fn earliest_deadline(&self) -> Option<u64> {
        self.deadlines.as_ref().and_then(|deadlines| deadlines.earliest())
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
        let deadlines = self.deadlines.clone();
        Self { table: self.table.copied(hash_of), entry_bytes: self.entry_bytes, deadlines }
    }
}

fn pair(entry: EntryRef<'_>) -> (&[u8], &[u8]) {
    (entry.key(), entry.as_string().unwrap_or_default())
}
