//! Fields of hashes that are due.
//!
//! A field that is due is freed by an effect before any command reads its hash, so that no reader needs to know of
//! deadlines; hashes that nobody reads are freed by the rounds of [`super::expiry`]. A slot keeps a lower bound of
//! its fields' deadlines: where fields do not expire, this costs a compare for each slot that a command holds.

use ringmaster_protocol::slot::HashSlot;

use super::effect::{ELEMENTS_MAX, Effect};
use super::entry::EntryRef;
use super::event::{Class, Events};
use super::key::Key;
use super::keyspace::Keyspace;
use super::slot::{Operation, Slot};
use super::table::order;
use super::value::{Hash, Value};

/// The hash of an entry that holds one.
fn hash_of(entry: EntryRef<'_>) -> Option<Hash<'_>> {
    match entry.value() {
        Value::Hash(hash) => Some(hash),
        _ => None,
    }
}

/// The earliest deadline of a field in an entry.
pub(super) fn earliest_of(entry: EntryRef<'_>) -> Option<u64> {
    hash_of(entry).and_then(Hash::earliest_deadline)
}

impl Slot {
    /// Whether fields may be due at `now`.
    #[inline]
    pub(crate) fn fields_may_be_due(&self, now: u64) -> bool {
        self.fields_due <= self.time_at(now)
    }

    /// Notes that an entry with such a hash has come in.
    pub(super) fn note_fields(&mut self, hash: u64, entry: EntryRef<'_>) {
        if let Some(earliest) = earliest_of(entry) {
            self.note_field_deadline(hash, earliest);
        }
    }

    /// Notes that a field expires then.
    pub(super) fn note_field_deadline(&mut self, hash: u64, deadline: u64) {
        self.fields_due = self.fields_due.min(deadline);
        self.next_deadline = self.next_deadline.min(deadline);
        if let Some(agenda) = &mut self.agenda {
            agenda.fields.note(deadline, self.table.len(), || order(hash));
        }
    }

    /// Frees fields of the hash at `key` that are due at the operation's time, at most `max`; returns how many.
    pub(crate) fn free_fields(
        &mut self,
        key: Key<'_>,
        max: usize,
        operation: &mut Operation<'_>,
        events: &Events,
    ) -> usize {
        let time = self.time_at(operation.now);
        let hash = self.find(key, operation.now).and_then(hash_of);
        let due: Vec<Vec<u8>> = match hash {
            Some(hash) => hash.due(time).take(max).map(<[u8]>::to_vec).collect(),
            None => return 0,
        };
        for fields in due.chunks(ELEMENTS_MAX) {
            let fields: Vec<&[u8]> = fields.iter().map(|field| &**field).collect();
            self.apply(operation, &Effect::RemoveFields { key, fields: &fields });
        }
        if !due.is_empty() {
            events.notify(Class::Hash, "hexpired", key);
            if self.find(key, operation.now).is_none() {
                events.notify(Class::Generic, "del", key);
            }
        }
        due.len()
    }
}

impl Keyspace<'_, '_> {
    /// Frees the due fields of the command's hashes; an error is the slot of one of which `max` were freed, and where more
    /// may be left.
    #[inline]
    pub(super) fn free_due_fields(&mut self, max: usize) -> Result<(), HashSlot> {
        if self.fields_may_be_due()
            && let Some(key) = self.keys().iter().find(|key| self.free_fields(**key, max) == max)
        {
            return Err(key.slot);
        }
        Ok(())
    }
}
