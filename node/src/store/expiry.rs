//! Prompt expiry: each data thread frees what is due in its share of the slots.
//!
//! A slot publishes a lower bound of its deadlines. A round reads one word a slot and visits only the slots where
//! something may be due. A visit frees what the slot's agenda names and, where that has come to its horizon, looks on
//! through the slot; both in bounded parts, so that no lock is held for long.

use std::sync::atomic::Ordering;

use ringmaster_protocol::slot::HashSlot;

use super::Store;
use super::agenda::Soon;
use super::effect::Effect;
use super::entry::EntryRef;
use super::event::Events;
use super::fields::earliest_of;
use super::key::{Key, hash_of};
use super::keyspace::Keyspace;
use super::slot::{Operation, Slot};
use super::table::order;

/// Keys and fields freed in one hold of a slot's lock, about: 0.1 ms. It may be passed by a leaf of the table.
const FREED_MAX: usize = 512;

/// Entries looked at in one hold, about; it may be passed by a leaf of the table. Where most of them are noted, some
/// 0.3 ms.
const LOOKED_MAX: usize = 512;

/// Entries that can be looked at in the time that it takes to free one.
const LOOKS_A_KEY: usize = 2;

/// Keys that can be freed in the time that it takes to visit a slot: it lies in no cache.
const KEYS_A_VISIT: usize = 2;

/// Keys freed, or the same time spent otherwise, before other tasks of the thread have a turn: about a third of a
/// millisecond. A round may pass it by a visit.
const ROUND_FREED: usize = 768;

/// Entries of a slot that is looked through whenever something is due, rather than to keep an agenda.
const BARE_MAX: usize = 256;

/// What a round has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// Keys and fields freed.
    pub(crate) freed: usize,
    /// It ended before the slots did.
    pub(crate) is_cut: bool,
    /// A slot was left with more to do at once.
    pub(crate) has_more: bool,
}

/// Something to be freed.
struct Due {
    database: u8,
    key: Vec<u8>,
    /// When it was due.
    deadline: u64,
}

impl Due {
    fn of(entry: EntryRef<'_>, deadline: Option<u64>) -> Self {
        Self { database: entry.database(), key: entry.key().to_vec(), deadline: deadline.unwrap_or(u64::MAX) }
    }

    fn key(&self) -> Key<'_> {
        Key::new(&self.key, self.database)
    }
}

/// What a visit of a slot has done.
#[derive(Default)]
struct Visit {
    freed: usize,
    looked: usize,
    /// The longest time in milliseconds that something was due.
    lag: u64,
    has_more: bool,
}

impl Store {
    /// One round: frees what is due at `now` in the next of `slots`, until those end or the round has taken its time.
    pub(crate) fn expire(&self, slots: &mut impl Iterator<Item = HashSlot>, now: u64) -> Round {
        let (mut round, mut work) = (Round::default(), 0);
        for slot in slots {
            if self.next_deadline(slot) > now {
                continue;
            }
            let Some(mut guard) = self.try_lock(slot) else { continue };
            // What is due in a slot of several is freed by an operation that all of them get.
            if !guard.is_own() {
                continue;
            }
            let mut operation = self.operation(slot, now);
            let visit = guard.expire(&mut operation, self.events());
            guard.end_unnoted(&mut operation, self.replicas());
            drop(operation);
            drop(guard);
            self.expiry_lag_millis.fetch_max(visit.lag, Ordering::Relaxed);
            round.freed += visit.freed;
            round.has_more |= visit.has_more;
            work += KEYS_A_VISIT + visit.freed + visit.looked / LOOKS_A_KEY;
            if work >= ROUND_FREED {
                return Round { is_cut: true, ..round };
            }
        }
        round
    }

    /// The longest time in milliseconds that a key outlived its deadline before a round freed it, since the last call.
    pub(crate) fn take_expiry_lag(&self) -> u64 {
        self.expiry_lag_millis.swap(0, Ordering::Relaxed)
    }
}

/// Notes the deadline of an entry, if there is one.
fn note(soon: &mut Soon, entry: EntryRef<'_>, deadline: Option<u64>, len: usize) {
    if let Some(deadline) = deadline {
        soon.note(deadline, len, || order(hash_of(entry.key())));
    }
}

impl Keyspace<'_, '_> {
    /// Frees some of what is due in the held slots; returns how many keys and fields.
    pub(crate) fn expire_held(&mut self) -> usize {
        let (mut freed, store) = (0, self.store());
        self.visit_held(|slot, operation| {
            freed += slot.expire(operation, store.events()).freed;
            true
        });
        freed
    }
}

impl Slot {
    /// Frees some of what is due.
    fn expire(&mut self, operation: &mut Operation<'_>, events: &Events) -> Visit {
        let (time, mut visit) = (self.time_at(operation.now), Visit::default());
        self.agenda.get_or_insert_default();
        self.expire_keys(operation, time, &mut visit);
        self.expire_fields(operation, time, events, &mut visit);
        if visit.freed < FREED_MAX {
            self.look_on(operation, time, &mut visit);
        }
        self.settle(time);
        visit.has_more = self.next_deadline.get() <= time;
        visit
    }

    /// Frees keys that the agenda names.
    fn expire_keys(&mut self, operation: &mut Operation<'_>, time: u64, visit: &mut Visit) {
        while visit.looked < FREED_MAX
            && let Some(order) = self.agenda.as_mut().and_then(|agenda| agenda.keys.pop_due(time))
        {
            visit.looked += 1;
            // More than one only where two hashes, or the databases of one key, share the order.
            while let Some(entry) = self.table.of_order(order, hash_of, |entry| entry.is_expired(time)) {
                let due = Due::of(entry, entry.deadline());
                self.free(&due, operation, visit);
            }
        }
    }

    /// Frees fields of hashes that the agenda names.
    fn expire_fields(
        &mut self,
        operation: &mut Operation<'_>,
        time: u64,
        events: &Events,
        visit: &mut Visit,
    ) {
        let is_due = |entry: EntryRef<'_>| {
            !entry.is_expired(time) && earliest_of(entry).is_some_and(|deadline| deadline <= time)
        };
        while visit.freed.max(visit.looked) < FREED_MAX
            && let Some(order) = self.agenda.as_mut().and_then(|agenda| agenda.fields.pop_due(time))
        {
            visit.looked += 1;
            while visit.freed < FREED_MAX
                && let Some(entry) = self.table.of_order(order, hash_of, is_due)
            {
                let due = Due::of(entry, earliest_of(entry));
                visit.lag = visit.lag.max(time.saturating_sub(due.deadline));
                visit.freed += self.free_fields(due.key(), FREED_MAX - visit.freed, operation, events);
                let rest = self.table.of_order(order, hash_of, |entry| earliest_of(entry).is_some());
                if let Some(deadline) = rest.and_then(earliest_of) {
                    self.note_field_deadline(u64::from(order) << 32, deadline);
                }
            }
        }
    }

    /// Looks on through the slot where the agenda has come to its horizon: frees what is due, notes what will be.
    fn look_on(&mut self, operation: &mut Operation<'_>, time: u64, visit: &mut Visit) {
        let (len, mut due, has_fields) = (self.table.len(), Vec::new(), self.fields_due < u64::MAX);
        let Some(agenda) = self.agenda.as_deref_mut() else { return };
        if agenda.looking.is_none() && agenda.is_stale(time) {
            agenda.begin(time, len);
        }
        while let Some(from) = agenda.looking
            && due.len() < FREED_MAX
            && visit.looked < LOOKED_MAX
        {
            agenda.looking = self.table.visit_leaf(from, |entry| {
                visit.looked += 1;
                if entry.is_expired(time) {
                    due.push(Due::of(entry, entry.deadline()));
                } else {
                    note(&mut agenda.keys, entry, entry.deadline(), len);
                    note(&mut agenda.fields, entry, has_fields.then(|| earliest_of(entry)).flatten(), len);
                }
            });
        }
        due.iter().for_each(|due| self.free(due, operation, visit));
    }

    /// Frees one key.
    fn free(&mut self, due: &Due, operation: &mut Operation<'_>, visit: &mut Visit) {
        visit.lag = visit.lag.max(self.time_at(operation.now).saturating_sub(due.deadline));
        visit.freed += 1;
        self.apply(operation, &Effect::Remove { key: due.key() });
    }

    /// Says when the slot is to be visited next.
    fn settle(&mut self, time: u64) {
        let len = self.table.len();
        let Some(agenda) = &mut self.agenda else { return };
        if agenda.looking.is_none() {
            agenda.extend(time, len);
            self.fields_due = agenda.fields.next();
        }
        self.next_deadline.set(agenda.next());
        if agenda.is_bare() && (len <= BARE_MAX) {
            self.agenda = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::testing::Inbox;
    use crate::pubsub::Kind;
    use crate::store::event::Wanted;

    fn set(store: &Store, key: &str, deadline: u64) {
        let key = Key::new(key.as_bytes(), 0);
        store.apply(key.slot, 1, &Effect::SetString { key, value: b"v", deadline: Some(deadline) });
    }

    /// Rounds at `now` until nothing is left to do: how many keys and fields each freed.
    fn rounds(store: &Store, now: u64) -> Vec<usize> {
        let (mut slots, mut freed, mut has_more) = (HashSlot::all(), Vec::new(), true);
        while has_more || slots.len() > 0 {
            if slots.len() == 0 {
                (slots, has_more) = (HashSlot::all(), false);
            }
            let round = store.expire(&mut slots, now);
            freed.push(round.freed);
            has_more |= round.has_more;
        }
        freed
    }

    #[test]
    fn a_round_ends_after_some_thousand_keys_and_the_next_goes_on() {
        let store = Store::new(None);
        (0..9000).for_each(|n| set(&store, &format!("k{n}"), 100));
        (0..9000).for_each(|n| set(&store, &format!("{{t}}{n}"), if n % 3 == 0 { 1000 } else { 100 }));
        let freed = rounds(&store, 500);
        assert!(freed.iter().all(|freed| *freed < ROUND_FREED + 3 * FREED_MAX), "{freed:?}");
        assert_eq!(freed.iter().sum::<usize>(), 15_000);
        assert_eq!(rounds(&store, 999).iter().sum::<usize>(), 0);
        assert_eq!(rounds(&store, 1000).iter().sum::<usize>(), 3000);
        assert_eq!(store.next_deadline(Key::new(b"{t}", 0).slot), u64::MAX);
    }

    #[test]
    fn a_large_slot_is_not_looked_through_again_and_frees_on_time() {
        let (store, slot) = (Store::new(None), Key::new(b"{t}", 0).slot);
        (0..5000).for_each(|n| set(&store, &format!("{{t}}{n}"), 1_000_000 + n));
        set(&store, "{t}early", 100);
        assert_eq!((rounds(&store, 103).iter().sum::<usize>(), store.take_expiry_lag()), (1, 3));
        assert_eq!(store.next_deadline(slot), 1_000_000);
        set(&store, "{t}early", 104);
        assert_eq!(store.next_deadline(slot), 104);
        assert_eq!((rounds(&store, 104).iter().sum::<usize>(), store.take_expiry_lag()), (1, 0));
        for n in 0..5000 {
            assert_eq!(rounds(&store, 1_000_000 + n).iter().sum::<usize>(), 1);
        }
        assert_eq!(store.look(slot, Slot::len), 0);
    }

    #[test]
    fn a_deadline_that_changed_counts_as_it_is_now() {
        let store = Store::new(None);
        (0..1000).for_each(|n| set(&store, &format!("{{t}}{n}"), 500));
        set(&store, "{t}first", 100);
        assert_eq!(rounds(&store, 100).iter().sum::<usize>(), 1);
        (0..1000).for_each(|n| set(&store, &format!("{{t}}{n}"), if n % 2 == 0 { 400 } else { 600 }));
        let freed = [399, 400, 599, 600].map(|now| rounds(&store, now).iter().sum::<usize>());
        assert_eq!(freed, [0, 500, 0, 500]);
    }

    #[test]
    fn one_key_in_two_databases_is_freed_in_both() {
        let store = Store::new(None);
        for database in [0, 1] {
            let key = Key::new(b"k", database);
            store.apply(key.slot, 1, &Effect::SetString { key, value: b"v", deadline: Some(100) });
        }
        set(&store, "k", 100);
        assert_eq!(rounds(&store, 100).iter().sum::<usize>(), 2);
    }

    #[test]
    fn a_key_that_expired_is_told_once_whoever_comes_first() {
        let (store, inbox) = (Store::new(None), Inbox::new(1));
        store.events().hub().subscribe(Kind::Pattern, b"*", inbox.clone());
        store.events().want(Wanted::parse(b"xE").unwrap());
        ["a", "b", "c"].into_iter().for_each(|key| set(&store, key, 100));
        let key = Key::new(b"a", 0);
        store.apply(key.slot, 200, &Effect::SetString { key, value: b"v", deadline: None });
        assert_eq!(inbox.take(), ">4 $8 pmessage $1 * $22 __keyevent@0__:expired $1 a");
        rounds(&store, 200);
        let told = inbox.take();
        assert_eq!((told.matches("expired").count(), told.matches("$1 a").count()), (2, 0), "{told}");
    }
}
