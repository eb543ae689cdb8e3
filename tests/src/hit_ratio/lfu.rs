//! Exact LFU: of the keys in the cache the least frequently used since it came goes; of equals, the least recently used.

use std::collections::BTreeSet;

use super::Cache;

/// The cache.
pub struct Lfu {
    /// Uses, time of the last use, key.
    order: BTreeSet<(u32, u64, u32)>,
    state: Vec<Option<(u32, u64)>>,
    capacity: usize,
    time: u64,
}

impl Lfu {
    /// Of `capacity` out of `keys` keys.
    #[must_use]
    pub fn new(keys: u32, capacity: usize) -> Self {
        Self { order: BTreeSet::new(), state: vec![None; keys as usize], capacity, time: 0 }
    }
}

impl Cache for Lfu {
    fn access(&mut self, key: u32) -> bool {
        self.time += 1;
        let old = self.state[key as usize];
        if let Some((uses, time)) = old {
            self.order.remove(&(uses, time, key));
        } else if self.order.len() == self.capacity
            && let Some((_, _, out)) = self.order.pop_first()
        {
            self.state[out as usize] = None;
        }
        let uses = old.map_or(0, |(uses, _)| uses) + 1;
        self.state[key as usize] = Some((uses, self.time));
        self.order.insert((uses, self.time, key));
        old.is_some()
    }
}
