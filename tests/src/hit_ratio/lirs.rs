//! LIRS: Jiang and Zhang, SIGMETRICS 2002. A hundredth of the cache is for keys of high recency; twice as many keys
//! as the cache holds are remembered after they went.

use super::Cache;
use super::lists::Lists;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gone,
    /// Low inter-reference recency: stays.
    Low,
    /// High: goes next.
    High,
}

/// The cache.
pub struct Lirs {
    stack: Lists,
    queue: Lists,
    ghosts: Lists,
    kinds: Vec<Kind>,
    low: usize,
    low_max: usize,
    high_max: usize,
    ghosts_max: usize,
}

impl Lirs {
    /// Of `capacity` out of `keys` keys.
    #[must_use]
    pub fn new(keys: u32, capacity: usize) -> Self {
        let high_max = (capacity / 100).max(2).min(capacity);
        Self {
            stack: Lists::new(keys, 1),
            queue: Lists::new(keys, 1),
            ghosts: Lists::new(keys, 1),
            kinds: vec![Kind::Gone; keys as usize],
            low: 0,
            low_max: capacity.saturating_sub(high_max).max(1),
            high_max,
            ghosts_max: 2 * capacity,
        }
    }

    /// The bottom of the stack is of low recency, always.
    fn prune(&mut self) {
        while let Some(last) = self.stack.last(0).filter(|last| self.kinds[*last as usize] != Kind::Low) {
            self.stack.pop(0);
            self.ghosts.take(last);
        }
    }

    fn make_low(&mut self, key: u32) {
        self.queue.take(key);
        self.ghosts.take(key);
        self.kinds[key as usize] = Kind::Low;
        self.low += 1;
        self.stack.push(0, key);
        if self.low > self.low_max
            && let Some(last) = self.stack.pop(0)
        {
            self.kinds[last as usize] = Kind::High;
            self.low -= 1;
            self.queue.push(0, last);
            self.prune();
        }
    }

    fn make_high(&mut self, key: u32) {
        self.kinds[key as usize] = Kind::High;
        self.stack.push(0, key);
        self.queue.push(0, key);
    }

    fn make_room(&mut self) {
        if self.queue.len(0) < self.high_max {
            return;
        }
        let Some(out) = self.queue.pop(0) else { return };
        self.kinds[out as usize] = Kind::Gone;
        if self.stack.holds(out) {
            self.ghosts.push(0, out);
        }
        if self.ghosts.len(0) > self.ghosts_max
            && let Some(old) = self.ghosts.pop(0)
        {
            self.stack.take(old);
        }
    }

    fn miss(&mut self, key: u32) {
        let remembered = self.stack.holds(key);
        if self.low < self.low_max && !remembered {
            return self.make_low(key);
        }
        self.make_room();
        if remembered {
            self.make_low(key);
        } else {
            self.make_high(key);
        }
    }
}

impl Cache for Lirs {
    fn access(&mut self, key: u32) -> bool {
        match self.kinds[key as usize] {
            Kind::Low => {
                let was_bottom = self.stack.last(0) == Some(key);
                self.stack.push(0, key);
                if was_bottom {
                    self.prune();
                }
            }
            Kind::High if self.stack.holds(key) => self.make_low(key),
            Kind::High => self.make_high(key),
            Kind::Gone => {
                self.miss(key);
                return false;
            }
        }
        true
    }
}
