//! ARC: Megiddo and Modha, FAST 2003, figure 4, with its names.

use super::Cache;
use super::lists::Lists;

const T1: u8 = 0;
const T2: u8 = 1;
const B1: u8 = 2;
const B2: u8 = 3;

/// The cache.
pub struct Arc {
    lists: Lists,
    capacity: usize,
    target: usize,
}

impl Arc {
    /// Of `capacity` out of `keys` keys.
    #[must_use]
    pub fn new(keys: u32, capacity: usize) -> Self {
        Self { lists: Lists::new(keys, 4), capacity, target: 0 }
    }

    fn replace(&mut self, of_b2: bool) {
        let recent = self.lists.len(T1);
        let from_recent = recent > 0 && (recent > self.target || of_b2 && recent == self.target);
        let (from, to) = if from_recent { (T1, B1) } else { (T2, B2) };
        if let Some(out) = self.lists.last(from) {
            self.lists.push(to, out);
        }
    }

    fn recall(&mut self, key: u32, of_b2: bool) {
        let (own, other) = if of_b2 { (B2, B1) } else { (B1, B2) };
        let step = (self.lists.len(other) / self.lists.len(own)).max(1);
        self.target = match of_b2 {
            true => self.target.saturating_sub(step),
            false => (self.target + step).min(self.capacity),
        };
        self.replace(of_b2);
        self.lists.push(T2, key);
    }

    fn take_in(&mut self, key: u32) {
        let all: usize = (T1..=B2).map(|list| self.lists.len(list)).sum();
        if self.lists.len(T1) + self.lists.len(B1) == self.capacity {
            if self.lists.len(T1) < self.capacity {
                self.lists.pop(B1);
                self.replace(false);
            } else {
                self.lists.pop(T1);
            }
        } else if all >= self.capacity {
            if all == 2 * self.capacity {
                self.lists.pop(B2);
            }
            self.replace(false);
        }
        self.lists.push(T1, key);
    }
}

impl Cache for Arc {
    fn access(&mut self, key: u32) -> bool {
        match self.lists.list_of(key) {
            T1 | T2 => {
                self.lists.push(T2, key);
                return true;
            }
            B1 => self.recall(key, false),
            B2 => self.recall(key, true),
            _ => self.take_in(key),
        }
        false
    }
}
