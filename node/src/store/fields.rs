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
        self.next_deadline.lower(deadline);
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
        // While the log refuses, a reader sees what is due: it must not wait for the disk, nor what it frees be lost.
        if !self.moment().keeps
            && self.fields_may_be_due()
            && !self.is_refused()
            && let Some(key) = self.keys().iter().find(|key| self.free_fields(**key, max) == max)
        {
            return Err(key.slot);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::engine::Engine;
    use crate::engine::testing::reply_at;
    use crate::store::Store;
    use crate::store::journal::{Journal, Section};

    #[derive(Default)]
    struct Disk {
        is_full: AtomicBool,
        heard: AtomicUsize,
    }

    struct OnDisk(Arc<Disk>);

    impl Journal for OnDisk {
        fn commit(&self, _: &[(HashSlot, &Section)]) {
            self.0.heard.fetch_add(1, Ordering::Relaxed);
        }

        fn refuses(&self) -> bool {
            self.0.is_full.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_read_frees_nothing_while_the_log_refuses() {
        let disk = Arc::new(Disk::default());
        let engine = Engine::new(Store::new(Some(Box::new(OnDisk(Arc::clone(&disk))))));
        reply_at(&engine, 1000, "HSET h f 1 g 2");
        reply_at(&engine, 1000, "HPEXPIRE h 10 FIELDS 1 f");
        let heard = disk.heard.load(Ordering::Relaxed);
        disk.is_full.store(true, Ordering::Relaxed);
        assert_eq!(reply_at(&engine, 2000, "HLEN h"), r":2\r\n");
        assert_eq!(disk.heard.load(Ordering::Relaxed), heard);
        disk.is_full.store(false, Ordering::Relaxed);
        assert_eq!(reply_at(&engine, 2000, "HLEN h"), r":1\r\n");
        assert_eq!(disk.heard.load(Ordering::Relaxed), heard + 1);
    }
}
