//! Exact LRU: the least recently used goes.

use super::Cache;
use super::lists::Lists;

/// The cache.
pub struct Lru {
    lists: Lists,
    capacity: usize,
}

impl Lru {
    /// Of `capacity` out of `keys` keys.
    #[must_use]
    pub fn new(keys: u32, capacity: usize) -> Self {
        Self { lists: Lists::new(keys, 1), capacity }
    }
}

impl Cache for Lru {
    fn access(&mut self, key: u32) -> bool {
        let hit = self.lists.holds(key);
        self.lists.push(0, key);
        if self.lists.len(0) > self.capacity {
            self.lists.pop(0);
        }
        hit
    }
}
