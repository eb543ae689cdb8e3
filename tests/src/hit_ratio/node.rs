//! The node's own policy, driven through its store.

use ringmaster_node::store::Store;
use ringmaster_node::store::effect::Effect;
use ringmaster_node::store::eviction::{Evictor, Mode, Step};
use ringmaster_node::store::key::Key;

use super::Cache;

/// Accesses after which the store is told how large it is, as housekeeping does.
const LOOK_AFTER: u64 = 64;

/// About what an entry takes.
const ENTRY_BYTES: u64 = 42;

/// The cache.
pub struct Node {
    store: Store,
    evictor: Evictor,
    capacity: u64,
    len: u64,
    accesses: u64,
    /// Whether the store chooses its mode by its own curve.
    adapts: bool,
    /// Slots that keys are spread over; `None` for all.
    slots: Option<u32>,
}

impl Node {
    /// Of `capacity` keys, in `mode` or, without one, in that which the store finds best.
    #[must_use]
    pub fn new(capacity: usize, mode: Option<Mode>) -> Self {
        let store = Store::new(None);
        store.replacement().set_mode(mode.unwrap_or(Mode::Wide));
        let (evictor, capacity) = (Evictor::new(0), capacity as u64);
        Self { store, evictor, capacity, len: 0, accesses: 0, adapts: mode.is_none(), slots: None }
    }

    /// The same, with about `keys` keys in each slot that holds any.
    #[must_use]
    pub fn crowded(self, keys: u64) -> Self {
        let slots = u32::try_from((self.capacity / keys).max(1)).unwrap_or(u32::MAX);
        Self { slots: Some(slots), ..self }
    }

    fn make_room(&mut self) {
        while self.len >= self.capacity {
            match self.evictor.step(&self.store, 1) {
                Step::Evicted => self.len -= 1,
                Step::Nothing => {}
                Step::Exhausted => panic!("a full cache has a key to evict"),
            }
        }
    }

    fn look(&mut self) {
        let replacement = self.store.replacement();
        replacement.pass(1);
        if self.accesses.is_multiple_of(LOOK_AFTER) {
            replacement.look(self.len, self.len * ENTRY_BYTES, self.accesses / 1000);
            if self.adapts {
                replacement.fit_curve(self.capacity * ENTRY_BYTES);
            }
        }
        self.accesses += 1;
    }
}

impl Cache for Node {
    fn access(&mut self, key: u32) -> bool {
        self.look();
        let text = match self.slots {
            Some(slots) => format!("{{{}}}{key}", key % slots),
            None => format!("key:{key}"),
        };
        let key = Key::new(text.as_bytes(), 0);
        let hit = self.store.look(key.slot, |slot| {
            let entry = slot.find(key, 1);
            self.store.replacement().read(key, entry);
            entry.is_some()
        });
        if !hit {
            self.make_room();
            self.store.apply(key.slot, 1, &Effect::SetString { key, value: b"value", deadline: None });
            self.len += 1;
        }
        hit
    }
}
