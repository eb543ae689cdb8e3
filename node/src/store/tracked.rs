//! The keys of a slot that clients have read and keep (`CLIENT TRACKING`): told at the one door.
//!
//! As in Redis a key is remembered without its database, until it changes or too many are remembered; then those who
//! read it are told and it is forgotten.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use ringmaster_protocol::slot::HashSlot;
use smallvec::SmallVec;

use super::Store;
use super::effect::Effect;
use super::key::Key;
use super::slot::{Operation, Slot};
use crate::tracking::Tracking;

/// Keys that are forgotten in one hold of a slot's lock.
const FORGOTTEN_MAX: usize = 64;

/// From so many clients of one key on, those that have gone are looked for when their number doubles.
const READERS_KEPT: usize = 32;

/// Ids of the clients that have read a key, ascending.
type Readers = SmallVec<[u64; 2]>;

/// The remembered keys of one slot.
#[derive(Default)]
pub(crate) struct Tracked(HashMap<Box<[u8]>, Readers>);

impl Tracked {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, key: &[u8], id: u64, tracking: &Tracking) {
        let Some(readers) = self.0.get_mut(key) else {
            self.0.insert(key.into(), SmallVec::from_slice(&[id]));
            tracking.keys.fetch_add(1, Ordering::Relaxed);
            tracking.items.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Err(mut place) = readers.binary_search(&id) else { return };
        if readers.len() >= READERS_KEPT && readers.len().is_power_of_two() {
            let before = readers.len();
            readers.retain(|id| tracking.knows(*id));
            tracking.items.fetch_sub(before - readers.len(), Ordering::Relaxed);
            place = readers.binary_search(&id).unwrap_or_else(|place| place);
        }
        readers.insert(place, id);
        tracking.items.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&mut self, key: &[u8], tracking: &Tracking) -> Option<Readers> {
        let readers = self.0.remove(key)?;
        tracking.keys.fetch_sub(1, Ordering::Relaxed);
        tracking.items.fetch_sub(readers.len(), Ordering::Relaxed);
        Some(readers)
    }

    fn clear(&mut self, tracking: &Tracking) {
        let readers: usize = self.0.values().map(SmallVec::len).sum();
        tracking.keys.fetch_sub(self.0.len(), Ordering::Relaxed);
        tracking.items.fetch_sub(readers, Ordering::Relaxed);
        self.0.clear();
    }
}

impl Slot {
    /// Remembers that the client `id` has read `key`.
    #[cold]
    pub(crate) fn track(&mut self, key: Key<'_>, id: u64, tracking: &Tracking) {
        self.observers.get_or_insert_default().tracked.add(key.bytes, id, tracking);
    }

    /// Tells who has read the keys that `effect` has changed, and forgets it.
    pub(super) fn tell_trackers(&mut self, operation: &Operation<'_>, effect: &Effect<'_>) {
        let (Some(observers), Some(events)) = (&mut self.observers, operation.events) else { return };
        if observers.tracked.is_empty() {
            return;
        }
        for key in effect.keys().into_iter().flatten() {
            if let Some(readers) = observers.tracked.take(key.bytes, events.tracking()) {
                events.tracking().invalidate(&readers, key.bytes, operation.client);
            }
        }
        self.forget_observers();
    }

    /// Forgets all remembered keys and tells nobody: everybody is told that all is gone, when it is.
    pub(crate) fn forget_all_tracked(&mut self, tracking: &Tracking) {
        if let Some(observers) = &mut self.observers {
            observers.tracked.clear(tracking);
            self.forget_observers();
        }
    }

    /// Forgets up to `max` remembered keys; who has read them is told. Returns how many there were.
    fn forget_tracked(&mut self, max: usize, tracking: &Tracking) -> usize {
        let Some(observers) = &mut self.observers else { return 0 };
        let keys: Vec<Box<[u8]>> = observers.tracked.0.keys().take(max).cloned().collect();
        for key in &keys {
            if let Some(readers) = observers.tracked.take(key, tracking) {
                tracking.invalidate(&readers, key, 0);
            }
        }
        self.forget_observers();
        keys.len()
    }
}

impl Store {
    /// Forgets remembered keys that are too many, in the next of `slots` until there is no excess or those end.
    /// Returns how many were forgotten.
    pub(crate) fn forget_tracked(&self, slots: &mut impl Iterator<Item = HashSlot>) -> usize {
        let tracking = self.events().tracking();
        let mut forgotten = 0;
        while tracking.excess() > 0
            && let Some(slot) = slots.next()
        {
            let max = tracking.excess().min(FORGOTTEN_MAX);
            forgotten += self.try_lock(slot).map_or(0, |mut guard| guard.forget_tracked(max, tracking));
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::testing::Inbox;
    use crate::tracking::Tracker;

    fn track(store: &Store, key: &str, id: u64) {
        let key = Key::new(key.as_bytes(), 0);
        store.lock(key.slot).track(key, id, store.events().tracking());
    }

    #[test]
    fn a_changed_key_is_told_once_to_all_who_read_it() {
        let (store, a, b) = (Store::new(None), Inbox::new(1), Inbox::new(2));
        let tracking = store.events().tracking();
        tracking.begin(Tracker::new(a.clone()));
        tracking.begin(Tracker::new(b.clone()));
        [1, 2, 1].into_iter().for_each(|id| track(&store, "k", id));
        track(&store, "other", 1);
        assert_eq!((tracking.keys.load(Ordering::Relaxed), tracking.items.load(Ordering::Relaxed)), (2, 3));
        let key = Key::new(b"k", 3);
        for _ in 0..2 {
            store.apply(key.slot, 1, &Effect::SetString { key, value: b"v", deadline: None });
        }
        let told = ">2 $10 invalidate *1 $1 k";
        assert_eq!((a.take().as_str(), b.take().as_str()), (told, told));
        assert_eq!((tracking.keys.load(Ordering::Relaxed), tracking.items.load(Ordering::Relaxed)), (1, 1));
        store.look(key.slot, |slot| assert!(slot.observers.is_none()));
    }

    #[test]
    fn too_many_keys_are_forgotten_and_told() {
        let (store, a) = (Store::new(None), Inbox::new(1));
        let tracking = store.events().tracking();
        tracking.begin(Tracker::new(a.clone()));
        (0..100).for_each(|n| track(&store, &format!("k{n}"), 1));
        assert_eq!(store.forget_tracked(&mut HashSlot::all()), 0);
        tracking.set_keys_max(30);
        assert_eq!(store.forget_tracked(&mut HashSlot::all()), 70);
        assert_eq!((tracking.excess(), a.take().matches("invalidate").count()), (0, 70));
    }

    #[test]
    fn readers_that_have_gone_do_not_pile_up() {
        let (store, a) = (Store::new(None), Inbox::new(1));
        let tracking = store.events().tracking();
        tracking.begin(Tracker::new(a.clone()));
        track(&store, "k", 1);
        (2..5000).for_each(|id| track(&store, "k", id));
        assert!(tracking.items.load(Ordering::Relaxed) <= READERS_KEPT);
    }
}
