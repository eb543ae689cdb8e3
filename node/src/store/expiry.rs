//! Prompt expiry: each data thread frees what is due in its share of the slots.
//!
//! A slot publishes a lower bound of its deadlines. A round reads one word a slot and visits only the slots where
//! something may be due; a visit frees a bounded number of keys, so that no lock is held for long.

use ringmaster_protocol::slot::HashSlot;

use super::Store;
use super::effect::Effect;
use super::key::Key;

/// Keys freed in one hold of a slot's lock: about 0.1 ms.
const FREED_MAX: usize = 512;

/// Entries looked at for each millisecond that must pass before a slot is looked through again. It bounds what a
/// slot of millions of keys costs; a slot of up to a hundred keys waits for nothing.
const ENTRIES_A_MILLISECOND: usize = 100;

impl Store {
    /// Frees keys that are due at `now` in every `step`-th slot from `first` on. Returns how many.
    pub(crate) fn expire_share(&self, first: usize, step: usize, now: u64) -> usize {
        let slots = HashSlot::all().skip(first).step_by(step);
        slots.filter(|slot| self.next_deadline(*slot) <= now).map(|slot| self.expire_slot(slot, now)).sum()
    }

    /// Frees up to [`FREED_MAX`] keys of one slot, if it is free itself.
    fn expire_slot(&self, slot: HashSlot, now: u64) -> usize {
        let Some(mut guard) = self.try_lock(slot) else { return 0 };
        let due = guard.due(now, FREED_MAX);
        let mut operation = self.operation(slot, now);
        for (database, key) in &due {
            guard.apply(&mut operation, &Effect::Remove { key: Key::new(key, *database) });
        }
        if due.len() < FREED_MAX {
            let pause = (guard.len() / ENTRIES_A_MILLISECOND) as u64;
            guard.refresh_next_deadline(if pause == 0 { 0 } else { now + pause });
        }
        due.len()
    }
}
