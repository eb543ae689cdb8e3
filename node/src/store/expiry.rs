//! Prompt expiry: each data thread frees what is due in its share of the slots.
//!
//! A slot publishes a lower bound of its deadlines. A round reads one word a slot and visits only the slots where
//! something may be due; a visit frees a bounded number of keys, so that no lock is held for long.

use std::sync::atomic::Ordering;

use ringmaster_protocol::slot::HashSlot;

use super::Store;
use super::effect::Effect;
use super::key::Key;
use super::slot::{Operation, Slot};

/// Keys freed in one hold of a slot's lock: about 0.1 ms.
const FREED_MAX: usize = 512;

/// Keys freed before other tasks of the thread have a turn: about half a millisecond. A round may pass it by one slot's.
pub(crate) const ROUND_FREED: usize = 2048;

/// Entries looked at for each millisecond that must pass before a slot is looked through again. It bounds what a
/// slot of millions of keys costs; a slot of up to a hundred keys waits for nothing.
const ENTRIES_A_MILLISECOND: usize = 100;

impl Store {
    /// One round: frees keys that are due at `now` in the next of `slots`, until those end or [`ROUND_FREED`] keys are
    /// freed. Returns how many were.
    pub(crate) fn expire(&self, slots: &mut impl Iterator<Item = HashSlot>, now: u64) -> usize {
        let mut freed = 0;
        for slot in slots {
            let deadline = self.next_deadline(slot);
            if deadline <= now {
                let freed_here = self.expire_slot(slot, now);
                if freed_here > 0 {
                    self.expiry_lag_millis.fetch_max(now - deadline, Ordering::Relaxed);
                }
                freed += freed_here;
            }
            if freed >= ROUND_FREED {
                break;
            }
        }
        freed
    }

    /// The longest time in milliseconds that a key outlived its deadline before it was freed, since the last call.
    pub(crate) fn take_expiry_lag(&self) -> u64 {
        self.expiry_lag_millis.swap(0, Ordering::Relaxed)
    }

    /// Frees up to [`FREED_MAX`] keys of one slot, if it is free itself.
    fn expire_slot(&self, slot: HashSlot, now: u64) -> usize {
        let Some(mut guard) = self.try_lock(slot) else { return 0 };
        let due = guard.due(now, FREED_MAX);
        let mut operation = self.operation(slot, now);
        for (database, key) in &due {
            guard.apply(&mut operation, &Effect::Remove { key: Key::new(key, *database) });
        }
        let freed = due.len() + self.expire_fields(&mut guard, &mut operation, FREED_MAX - due.len());
        if freed < FREED_MAX {
            let pause = (guard.len() / ENTRIES_A_MILLISECOND) as u64;
            guard.refresh_next_deadline(now, pause);
        }
        freed
    }

    /// Frees up to `max` due fields of the slot's hashes.
    fn expire_fields(&self, slot: &mut Slot, operation: &mut Operation<'_>, max: usize) -> usize {
        if !slot.fields_may_be_due(operation.now) {
            return 0;
        }
        let mut freed = 0;
        for (database, key) in slot.hashes_due(operation.now, max) {
            if freed < max {
                freed += slot.free_fields(Key::new(&key, database), max - freed, operation, self.events());
            }
        }
        freed
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

    #[test]
    fn a_round_ends_after_some_thousand_keys_and_the_next_goes_on() {
        let store = Store::new(None);
        (0..9000).for_each(|n| set(&store, &format!("k{n}"), 100));
        (0..9000).for_each(|n| set(&store, &format!("{{t}}{n}"), if n % 3 == 0 { 1000 } else { 100 }));
        let (mut slots, mut freed) = (HashSlot::all(), Vec::new());
        for _ in 0..1000 {
            let round = store.expire(&mut slots, 500);
            freed.push(round);
            if round < ROUND_FREED {
                slots = HashSlot::all();
            }
        }
        assert!(freed.iter().all(|freed| *freed < ROUND_FREED + FREED_MAX));
        assert_eq!(freed.iter().sum::<usize>(), 15_000);
    }

    #[test]
    fn a_large_slot_is_not_looked_through_again_at_once() {
        let (store, slot) = (Store::new(None), Key::new(b"{t}", 0).slot);
        (0..5000).for_each(|n| set(&store, &format!("{{t}}{n}"), 1_000_000));
        set(&store, "{t}early", 100);
        assert_eq!((store.expire(&mut HashSlot::all(), 103), store.take_expiry_lag()), (1, 3));
        set(&store, "{t}early", 104);
        assert_eq!(store.next_deadline(slot), 153);
        assert_eq!(store.expire(&mut HashSlot::all(), 152), 0);
        assert_eq!(store.expire(&mut HashSlot::all(), 153), 1);
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
        store.expire(&mut HashSlot::all(), 200);
        let told = inbox.take();
        assert_eq!((told.matches("expired").count(), told.matches("$1 a").count()), (2, 0), "{told}");
    }
}
