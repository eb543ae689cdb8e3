//! W-TinyLFU: Einziger, Friedman and Manes, 2017. A window of a hundredth before a segmented LRU; a sketch of counts,
//! halved after ten times the capacity, decides who may enter.

use super::Cache;
use super::lists::Lists;
use super::trace::mix;

const WINDOW: u8 = 0;
const PROBATION: u8 = 1;
const PROTECTED: u8 = 2;

/// A count-min sketch with four rows of four-bit counters.
struct Sketch {
    counters: Vec<u8>,
    mask: u64,
    additions: usize,
    period: usize,
}

impl Sketch {
    fn new(capacity: usize) -> Self {
        let width = (capacity.max(16) * 4).next_power_of_two();
        Self { counters: vec![0; width * 4], mask: width as u64 - 1, additions: 0, period: capacity * 10 }
    }

    fn places(&self, key: u32) -> [usize; 4] {
        let hash = mix(u64::from(key) + 1);
        let row = |row: usize| (mix(hash.wrapping_add(row as u64)) & self.mask) as usize * 4 + row;
        std::array::from_fn(row)
    }

    fn count(&self, key: u32) -> u8 {
        self.places(key).iter().map(|place| self.counters[*place]).min().unwrap_or(0)
    }

    fn add(&mut self, key: u32) {
        for place in self.places(key) {
            self.counters[place] = (self.counters[place] + 1).min(15);
        }
        self.additions += 1;
        if self.additions >= self.period {
            self.additions /= 2;
            self.counters.iter_mut().for_each(|count| *count /= 2);
        }
    }
}

/// The cache.
pub struct TinyLfu {
    lists: Lists,
    sketch: Sketch,
    window_max: usize,
    protected_max: usize,
    main_max: usize,
}

impl TinyLfu {
    /// Of `capacity` out of `keys` keys.
    #[must_use]
    pub fn new(keys: u32, capacity: usize) -> Self {
        let window_max = (capacity / 100).max(1);
        let main_max = capacity.saturating_sub(window_max).max(1);
        let (lists, sketch) = (Lists::new(keys, 3), Sketch::new(capacity));
        Self { lists, sketch, window_max, protected_max: main_max * 8 / 10, main_max }
    }

    /// The key that leaves the window enters if it was used more often than who would have to go for it.
    fn admit(&mut self, candidate: u32) {
        if self.lists.len(PROBATION) + self.lists.len(PROTECTED) < self.main_max {
            return self.lists.push(PROBATION, candidate);
        }
        let Some(victim) = self.lists.last(PROBATION).or(self.lists.last(PROTECTED)) else { return };
        if self.sketch.count(candidate) > self.sketch.count(victim) {
            self.lists.take(victim);
            self.lists.push(PROBATION, candidate);
        } else {
            self.lists.take(candidate);
        }
    }
}

impl Cache for TinyLfu {
    fn access(&mut self, key: u32) -> bool {
        self.sketch.add(key);
        match self.lists.list_of(key) {
            WINDOW => self.lists.push(WINDOW, key),
            PROBATION | PROTECTED => {
                self.lists.push(PROTECTED, key);
                if self.lists.len(PROTECTED) > self.protected_max
                    && let Some(last) = self.lists.last(PROTECTED)
                {
                    self.lists.push(PROBATION, last);
                }
            }
            _ => {
                self.lists.push(WINDOW, key);
                if self.lists.len(WINDOW) > self.window_max
                    && let Some(candidate) = self.lists.last(WINDOW)
                {
                    self.admit(candidate);
                }
                return false;
            }
        }
        true
    }
}
