//! S3-FIFO: Yang et al., SOSP 2023. A small queue of a tenth, a main queue, and ghosts as many as the main queue holds.

use super::Cache;
use super::lists::Lists;

const SMALL: u8 = 0;
const MAIN: u8 = 1;
const GHOST: u8 = 2;

/// The cache.
pub struct S3Fifo {
    lists: Lists,
    uses: Vec<u8>,
    small_max: usize,
    capacity: usize,
}

impl S3Fifo {
    /// Of `capacity` out of `keys` keys.
    #[must_use]
    pub fn new(keys: u32, capacity: usize) -> Self {
        let (lists, uses) = (Lists::new(keys, 3), vec![0; keys as usize]);
        Self { lists, uses, small_max: (capacity / 10).max(1), capacity }
    }

    fn evict(&mut self) {
        if self.lists.len(SMALL) >= self.small_max || self.lists.is_empty(MAIN) {
            self.evict_small();
        } else {
            self.evict_main();
        }
    }

    fn evict_small(&mut self) {
        while let Some(out) = self.lists.last(SMALL) {
            if self.uses[out as usize] <= 1 {
                self.lists.push(GHOST, out);
                if self.lists.len(GHOST) > self.capacity - self.small_max {
                    self.lists.pop(GHOST);
                }
                return;
            }
            self.uses[out as usize] = 0;
            self.lists.push(MAIN, out);
            if self.lists.len(MAIN) > self.capacity - self.small_max {
                return self.evict_main();
            }
        }
        self.evict_main();
    }

    fn evict_main(&mut self) {
        while let Some(out) = self.lists.last(MAIN) {
            if self.uses[out as usize] == 0 {
                return self.lists.take(out);
            }
            self.uses[out as usize] -= 1;
            self.lists.push(MAIN, out);
        }
    }
}

impl Cache for S3Fifo {
    fn access(&mut self, key: u32) -> bool {
        if matches!(self.lists.list_of(key), SMALL | MAIN) {
            self.uses[key as usize] = (self.uses[key as usize] + 1).min(3);
            return true;
        }
        while self.lists.len(SMALL) + self.lists.len(MAIN) >= self.capacity {
            self.evict();
        }
        self.uses[key as usize] = 0;
        let remembered = self.lists.list_of(key) == GHOST;
        self.lists.push(if remembered { MAIN } else { SMALL }, key);
        false
    }
}
