//! The keys that come most often, found in bounded memory: space-saving counters that fade (Metwally, Agrawal, El
//! Abbadi: Efficient computation of frequent and top-k elements in data streams, 2005).
//!
//! A key without a counter takes that of the one that came least, with its count: so a count may be too high, by what
//! was there before, and never too low.

use xxhash_rust::xxh3::xxh3_64;

/// Keys that are counted at once.
pub(super) const COUNTERS: usize = 64;

/// One key's counter.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) key: Box<[u8]>,
    pub(super) database: u8,
    /// How often it came, at most.
    pub(super) count: u32,
    /// How much of `count` may be others'.
    pub(super) over: u32,
    /// How often it came to be changed since it has the counter.
    pub(super) writes: u32,
    hash: u64,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    counters: Vec<Counted>,
    seen: u64,
}

impl Sketch {
    /// A key has come.
    pub(super) fn count(&mut self, key: &[u8], database: u8, writes: bool) {
        self.seen += 1;
        let hash = xxh3_64(key);
        let is_it = |counted: &&mut Counted| {
            counted.hash == hash && counted.database == database && *counted.key == *key
        };
        if let Some(counted) = self.counters.iter_mut().find(is_it) {
            counted.count = counted.count.saturating_add(1);
            counted.writes = counted.writes.saturating_add(u32::from(writes));
            return;
        }
        let fresh = |over: u32| Counted {
            key: key.into(),
            database,
            count: over.saturating_add(1),
            over,
            writes: u32::from(writes),
            hash,
        };
        if self.counters.len() < COUNTERS {
            self.counters.push(fresh(0));
        } else if let Some(least) = self.counters.iter_mut().min_by_key(|counted| counted.count) {
            *least = fresh(least.count);
        }
    }

    /// The counters, in no order.
    pub(super) fn counters(&self) -> &[Counted] {
        &self.counters
    }

    /// Keys that have come; what came before a fading counts for half.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// What has come until now counts for half from here on.
    pub(super) fn fade(&mut self) {
        self.seen /= 2;
        for counted in &mut self.counters {
            counted.count /= 2;
            counted.over /= 2;
            counted.writes /= 2;
        }
        self.counters.retain(|counted| counted.count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn of<'s>(sketch: &'s Sketch, key: &[u8]) -> Option<&'s Counted> {
        sketch.counters().iter().find(|counted| *counted.key == *key)
    }

    proptest! {
        #[test]
        fn what_comes_often_has_a_counter_that_is_never_too_low(keys in prop::collection::vec(0u8..200, 1..3000)) {
            let (mut sketch, mut exact) = (Sketch::default(), HashMap::new());
            for key in &keys {
                sketch.count(&[*key], 0, false);
                *exact.entry(*key).or_insert(0u32) += 1;
            }
            prop_assert!(sketch.counters().len() <= COUNTERS);
            for (key, times) in exact {
                match of(&sketch, &[key]) {
                    Some(counted) => {
                        prop_assert!(counted.count >= times);
                        prop_assert!(counted.count - counted.over <= times);
                    }
                    None => prop_assert!((times as usize) * COUNTERS <= keys.len()),
                }
            }
        }
    }

    #[test]
    fn the_same_key_of_two_databases_is_two_and_writes_are_told_apart() {
        let mut sketch = Sketch::default();
        for (database, writes) in [(0, false), (1, true), (1, false)] {
            sketch.count(b"k", database, writes);
        }
        let counts: Vec<_> =
            sketch.counters().iter().map(|one| (one.database, one.count, one.writes)).collect();
        assert_eq!(counts, [(0, 1, 0), (1, 2, 1)]);
    }

    #[test]
    fn what_comes_no_more_fades_away() {
        let mut sketch = Sketch::default();
        (0..100).for_each(|_| sketch.count(b"once", 0, true));
        for left in [50, 25, 12, 6, 3, 1] {
            sketch.fade();
            assert_eq!(
                of(&sketch, b"once").map(|counted| (counted.count, counted.writes)),
                Some((left, left))
            );
        }
        sketch.fade();
        assert!(sketch.counters().is_empty());
        assert_eq!(sketch.seen(), 0);
    }
}
