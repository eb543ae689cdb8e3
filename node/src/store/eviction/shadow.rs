//! A miniature of the store: the policy `s3fifo` over a sample of the keys, in a share of the memory.
//!
//! What share of its reads finds their key is about what the store would find with that memory (Waldspurger et al.,
//! "Cache Modeling and Optimization using Miniature Simulations", USENIX ATC 2017).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::Mode;
use super::ghosts::Ghosts;
use super::record::{Family, Touch};

/// Keys among which the worst is looked for.
const SAMPLES: usize = 16;

/// The queue of new keys is never kept shorter.
const FRESH_MIN: usize = 4;

/// Ticks in which as many accesses pass as there are keys, as in the store.
const TICKS_A_ROUND: u64 = 32;

/// Keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[derive(Clone, Copy, Debug)]
struct Item {
    hash: u64,
    bytes: u32,
    record: u32,
}

/// The miniature.
#[derive(Debug)]
pub(super) struct Shadow {
    pub(super) mode: Mode,
    /// Bytes that it may hold.
    pub(super) capacity: u64,
    bytes: u64,
    places: HashMap<u64, u32, BuildHasherDefault<Same>>,
    items: Vec<Item>,
    /// New keys with their sizes, the oldest in front.
    fresh: VecDeque<(u64, u32)>,
    fresh_bytes: u64,
    ghosts: Ghosts,
    touch: Touch,
    /// Accesses, in 32ths, since the last tick.
    passed: u64,
    random: u64,
}

impl Shadow {
    /// An empty one.
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            mode,
            capacity: 0,
            bytes: 0,
            places: HashMap::default(),
            items: Vec::new(),
            fresh: VecDeque::new(),
            fresh_bytes: 0,
            ghosts: Ghosts::default(),
            touch: Touch::default().with_family(Family::Queues),
            passed: 0,
            random: 1,
        }
    }

    /// Keys that it holds, and their bytes.
    pub(super) fn held(&self) -> (u64, u64) {
        (self.items.len() as u64, self.bytes)
    }

    /// Reads a key, which comes with `bytes` if it is not there. Returns whether it was.
    pub(super) fn read(&mut self, hash: u64, bytes: u32) -> bool {
        self.pass();
        if let Some(place) = self.places.get(&hash) {
            let item = &mut self.items[*place as usize];
            item.record = self.touch.used(item.record).unwrap_or(item.record);
            return true;
        }
        self.insert(hash, bytes);
        false
    }

    /// Writes a key.
    pub(super) fn write(&mut self, hash: u64, bytes: u32) {
        self.pass();
        let Some(place) = self.places.get(&hash) else { return self.insert(hash, bytes) };
        let item = &mut self.items[*place as usize];
        self.bytes = self.bytes - u64::from(item.bytes) + u64::from(bytes);
        item.bytes = bytes;
        item.record = self.touch.used(item.record).unwrap_or(item.record);
        self.make_room(0);
    }

    fn pass(&mut self) {
        self.passed += TICKS_A_ROUND;
        let step = (self.items.len() as u64).max(TICKS_A_ROUND);
        if self.passed >= step {
            self.touch = self.touch.later(self.passed / step);
            self.passed %= step;
        }
    }

    fn insert(&mut self, hash: u64, bytes: u32) {
        self.make_room(u64::from(bytes));
        let uses = self.ghosts.take(hash).map_or(0, |uses| uses + 1);
        self.places.insert(hash, self.items.len() as u32);
        self.items.push(Item { hash, bytes, record: self.touch.birth(uses) });
        self.bytes += u64::from(bytes);
        if self.mode != Mode::Recent {
            self.fresh.push_back((hash, bytes));
            self.fresh_bytes += u64::from(bytes);
            self.trim_fresh();
        }
    }

    /// What is beyond the window by more than a half is fresh no more, as in the store while that is not full yet.
    fn trim_fresh(&mut self) {
        let window = self.mode.window(self.capacity);
        while self.fresh_bytes > window + window / 2 && self.fresh.len() > FRESH_MIN {
            let Some((hash, bytes)) = self.fresh.pop_front() else { return };
            self.fresh_bytes -= u64::from(bytes);
            if let Some(place) = self.places.get(&hash) {
                let item = &mut self.items[*place as usize];
                item.record = Touch::seasoned(item.record);
            }
        }
    }

    fn make_room(&mut self, bytes: u64) {
        while self.bytes + bytes > self.capacity && !self.items.is_empty() {
            if !self.ghosts.fits(self.items.len() as u64) {
                self.ghosts = Ghosts::new(self.items.len() as u64);
            }
            let out = self.out();
            self.take(out);
        }
    }

    /// The key that is to go.
    fn out(&mut self) -> usize {
        let worst = self.worst();
        if self.mode == Mode::Recent {
            return worst;
        }
        while self.fresh_bytes > self.mode.window(self.capacity)
            && let Some((hash, bytes)) = self.fresh.pop_front()
        {
            self.fresh_bytes -= u64::from(bytes);
            let Some(place) = self.places.get(&hash).map(|place| *place as usize) else { continue };
            let record = self.items[place].record;
            if !Touch::is_fresh(record) {
                continue;
            }
            if place != worst && self.touch.uses(record) <= self.touch.uses(self.items[worst].record) {
                return place;
            }
            self.items[place].record = Touch::seasoned(record);
            return worst;
        }
        worst
    }

    /// The worst of some keys, fresh ones only if there are no others among them.
    fn worst(&mut self) -> usize {
        let len = self.items.len() as u64;
        let mut pick = || {
            self.random = self.random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            (((self.random >> 32) * len) >> 32) as usize
        };
        let picks: [usize; SAMPLES] = std::array::from_fn(|_| pick());
        let value = |place: &usize| {
            let record = self.items[*place].record;
            let old = u32::MAX - self.touch.age(record);
            match self.mode {
                Mode::Recent => (false, 0, old),
                Mode::Narrow | Mode::Wide => (Touch::is_fresh(record), self.touch.uses(record), old),
            }
        };
        picks.into_iter().min_by_key(value).unwrap_or(0)
    }

    fn take(&mut self, place: usize) {
        let item = self.items.swap_remove(place);
        self.places.remove(&item.hash);
        self.bytes -= u64::from(item.bytes);
        self.ghosts.put(item.hash, self.touch.uses(item.record) as u8);
        if let Some(moved) = self.items.get(place) {
            self.places.insert(moved.hash, place as u32);
        }
    }

    /// Drops the keys that are sampled no more.
    pub(super) fn retain(&mut self, sampled: impl Fn(u64) -> bool) {
        for place in (0..self.items.len()).rev() {
            if !sampled(self.items[place].hash) {
                self.take(place);
            }
        }
        self.fresh.retain(|(hash, _)| sampled(*hash));
        self.fresh_bytes = self.fresh.iter().map(|(_, bytes)| u64::from(*bytes)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::key::hash_of;

    /// Hits among 20,000 reads of a loop of 400 keys by a miniature of 100, once it is warm.
    fn hits_of_a_loop(mode: Mode) -> usize {
        let mut shadow = Shadow::new(mode);
        shadow.capacity = 100 * 64;
        let keys: Vec<u64> = (0..400u64).map(|n| hash_of(&n.to_le_bytes())).collect();
        let hits: Vec<bool> = (0..40_000).map(|n| shadow.read(keys[n % 400], 64)).collect();
        assert_eq!(shadow.held(), (100, 100 * 64));
        hits[20_000..].iter().filter(|hit| **hit).count()
    }

    #[test]
    fn a_narrow_window_keeps_a_part_of_a_loop_and_recency_nothing() {
        let hits = Mode::ALL.map(hits_of_a_loop);
        assert!(hits[0] > 2500 && hits[2] < 200, "{hits:?}");
    }

    #[test]
    fn a_larger_value_makes_others_go_and_a_smaller_sample_drops_keys() {
        let mut shadow = Shadow::new(Mode::Wide);
        shadow.capacity = 1000;
        (0..10u64).for_each(|n| shadow.write(n << 32 | n << 9, 100));
        shadow.write(9 << 32 | 9 << 9, 500);
        assert!(shadow.held().1 <= 1000);
        shadow.retain(|hash| hash >> 32 == 9);
        assert_eq!(shadow.held(), (1, 500));
    }
}
