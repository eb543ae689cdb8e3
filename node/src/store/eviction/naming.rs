//! Keys that would be evicted, named instead of taken out: what goes from a chain is decided by its tail, which sees the
//! reads, and taken out by its head.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ringmaster_protocol::extension::{VICTIMS_MAX, Victim};
use ringmaster_protocol::slot::HashSlot;

use super::super::effect::Effect;
use super::super::event::Class;
use super::super::key::Key;
use super::super::keyspace::Keyspace;
use super::super::{SlotGuard, Store};
use super::evictor::Reaping;
use super::{Evictor, Step};

/// How long one search may take.
const SEARCH: Duration = Duration::from_millis(1);

/// Steps between two looks at the clock.
const STEPS: usize = 16;

impl Evictor {
    /// Names keys of those slots that are worth least, of `wanted` bytes together or a little more, at most
    /// [`VICTIMS_MAX`]. They stay; the hand goes on, so that it comes back to them last.
    pub fn name(&mut self, store: &Store, wanted: u64, among: &dyn Fn(HashSlot) -> bool) -> Vec<Victim> {
        let (mut victims, mut bytes, began) = (Vec::new(), 0, Instant::now());
        for step in 1.. {
            if bytes >= wanted || victims.len() >= VICTIMS_MAX {
                break;
            }
            let mut end = |guard: SlotGuard<'_>, key: Key<'_>, size: usize| {
                let size = (size + guard.share_bytes()) as u64;
                let Key { slot, database, .. } = key;
                victims.push(Victim { slot, database, key: Bytes::copy_from_slice(key.bytes), bytes: size });
                bytes += size;
                true
            };
            let is_over = self.reap(store, &mut Reaping { among, end: &mut end }) == Step::Exhausted;
            if is_over || step % STEPS == 0 && began.elapsed() >= SEARCH {
                break;
            }
        }
        victims
    }
}

impl Keyspace<'_, '_> {
    /// Evicts those of the keys that are still there, all of held slots; returns how many those were.
    pub(crate) fn evict_held(&mut self, keys: &[Key<'_>]) -> usize {
        let (mut evicted, store) = (0, self.store());
        self.visit_held(|slot, operation| {
            let number = operation.slot;
            for key in keys.iter().filter(|key| key.slot == number) {
                if slot.find(*key, operation.now).is_some() {
                    store.events().notify(Class::Evicted, "evicted", *key);
                    evicted += usize::from(slot.apply(operation, &Effect::Remove { key: *key }).changed);
                }
            }
            true
        });
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::eviction::Policy;

    fn filled(keys: usize) -> Store {
        let store = Store::new(None);
        store.replacement().set_policy(Policy::AllkeysLru);
        for n in 0..keys {
            let bytes = format!("key:{n}");
            let key = Key::new(bytes.as_bytes(), 0);
            store.apply(key.slot, 0, &Effect::SetString { key, value: &[b'v'; 100], deadline: None });
        }
        store
    }

    #[test]
    fn named_keys_stay_and_are_of_the_slots_asked_for() {
        let store = filled(1000);
        let among = |slot: HashSlot| slot.number().is_multiple_of(2);
        let victims = Evictor::new(0).name(&store, 2000, &among);
        let bytes: u64 = victims.iter().map(|victim| victim.bytes).sum();
        assert!((2000..4000).contains(&bytes), "{bytes}");
        assert!(victims.iter().all(|victim| among(victim.slot)));
        assert_eq!(store.census()[0].keys, 1000);
    }

    #[test]
    fn none_is_named_twice_before_the_others() {
        let store = filled(200);
        let mut evictor = Evictor::new(0);
        let mut names: Vec<Bytes> = Vec::new();
        for _ in 0..10 {
            names.extend(evictor.name(&store, 1000, &|_| true).into_iter().map(|victim| victim.key));
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn nothing_is_named_where_nothing_may_go() {
        let store = filled(10);
        store.replacement().set_policy(Policy::NoEviction);
        assert!(Evictor::new(0).name(&store, 1 << 20, &|_| true).is_empty());
        store.replacement().set_policy(Policy::VolatileLru);
        assert!(Evictor::new(0).name(&store, 1 << 20, &|_| true).is_empty());
    }
}
