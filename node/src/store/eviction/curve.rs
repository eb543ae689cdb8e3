//! The miss-ratio curve: what share of reads misses, and would miss with half, twice and four times the memory.
//!
//! A key in some hundreds or thousands, chosen by its hash (SHARDS, Waldspurger et al., FAST 2015), goes through
//! miniatures of the store of several sizes, and of each mode of the policy `s3fifo`; the mode that finds most is the
//! one that the store then works in. A key that is not sampled costs one compare. About half a MiB, made when memory
//! is first half full.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, TryLockError};

use super::Mode;
use super::shadow::Shadow;

/// Keys that the miniature of the store's own size holds, about.
const SAMPLED_KEYS: u64 = 1024;

/// Sampled hashes are below the threshold in these bits, which nothing else is chosen by.
const SAMPLE_BITS: u32 = 23;
const SAMPLE_SHIFT: u32 = 9;

/// What a key takes beside its entry, and all of it where nothing is known yet.
const ENTRY_BYTES: u64 = 64;

/// Reads of sampled keys after which older ones count half.
const HALVED_AFTER: u64 = 1 << 13;

/// Reads after which the mode is chosen anew, for each key of the miniature.
const CHOICE_ROUNDS: u64 = 2;

/// Least reads between two choices.
const CHOICE_READS_MIN: u64 = 500;

/// Another mode must find more by this factor, and choices remember this share of the reads before.
const BETTER: f64 = 1.01;
const REMEMBERED: f64 = 0.7;

/// Sizes of the miniatures, beside those of the store's own size, as halves of it.
const HALVES: [u64; 3] = [1, 4, 8];

const MODES: usize = Mode::ALL.len();

/// What share of the reads misses, in percent, with so much memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Misses {
    /// Half of what there is.
    pub half: f64,
    /// What there is.
    pub same: f64,
    /// Twice.
    pub twice: f64,
    /// Four times.
    pub four_times: f64,
}

#[derive(Debug, Default)]
pub(super) struct Curve {
    /// Hashes below it are sampled; 0 is none.
    threshold: AtomicU32,
    miniatures: Mutex<Option<Box<Miniatures>>>,
}

#[inline]
fn sample(hash: u64) -> u32 {
    (hash >> SAMPLE_SHIFT) as u32 & ((1 << SAMPLE_BITS) - 1)
}

impl Curve {
    /// Whether the key of `hash` is in the sample.
    #[inline]
    pub(super) fn samples(&self, hash: u64) -> bool {
        sample(hash) < self.threshold.load(Ordering::Relaxed)
    }

    /// Runs `change` on the miniatures. Not if another thread is at them: a sample may miss an access.
    fn with<R>(&self, change: impl FnOnce(&mut Miniatures) -> R) -> Option<R> {
        let mut miniatures = match self.miniatures.try_lock() {
            Ok(miniatures) => miniatures,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        miniatures.as_mut().map(|miniatures| change(miniatures))
    }

    /// Notes a read of a sampled key, of `bytes` if it was there. Returns the mode to work in, if that is to change.
    #[cold]
    pub(super) fn read(&self, hash: u64, bytes: Option<usize>) -> Option<Mode> {
        self.with(|miniatures| miniatures.read(hash, bytes)).flatten()
    }

    /// Notes a write of a sampled key.
    #[cold]
    pub(super) fn write(&self, hash: u64, bytes: usize) {
        self.with(|miniatures| miniatures.write(hash, clamped(bytes)));
    }

    /// Fits sample and miniatures to a store that has room for `keys`.
    pub(super) fn fit(&self, keys: u64) {
        let whole = 1u64 << SAMPLE_BITS;
        let wanted = (SAMPLED_KEYS * whole / keys.max(1)).clamp(1, whole);
        let now = u64::from(self.threshold.load(Ordering::Relaxed));
        let fits = now <= wanted * 2 && wanted <= now * 2;
        let threshold = if fits { now } else { wanted };
        if let Ok(mut miniatures) = self.miniatures.try_lock() {
            let miniatures = miniatures.get_or_insert_default();
            if threshold < now {
                miniatures.retain(|hash| u64::from(sample(hash)) < threshold);
            }
            miniatures.resize(((u128::from(keys) * u128::from(threshold)) >> SAMPLE_BITS) as u64);
        }
        self.threshold.store(threshold as u32, Ordering::Relaxed);
    }

    /// The curve, if there were reads to make it from.
    pub(super) fn misses(&self) -> Option<Misses> {
        self.with(|miniatures| miniatures.misses()).flatten()
    }
}

fn clamped(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[derive(Debug)]
struct Miniatures {
    /// One of each mode, of the store's own size.
    modes: [Shadow; MODES],
    /// Of the sizes of [`HALVES`], in the mode of the store.
    sizes: [Shadow; HALVES.len()],
    /// Reads, and those that found their key, of all sizes; the store's own comes last.
    reads: u64,
    hits: [u64; HALVES.len() + 1],
    /// Of the modes, since they were chosen from last.
    choice_reads: u64,
    choice_hits: [f64; MODES],
    /// Reads between two choices.
    choice_after: u64,
    mode: usize,
}

impl Default for Miniatures {
    fn default() -> Self {
        Self {
            modes: Mode::ALL.map(Shadow::new),
            sizes: HALVES.map(|_| Shadow::new(Mode::Wide)),
            reads: 0,
            hits: [0; HALVES.len() + 1],
            choice_reads: 0,
            choice_hits: [0.0; MODES],
            choice_after: CHOICE_READS_MIN,
            mode: Mode::Wide as usize,
        }
    }
}

impl Miniatures {
    /// What a key takes in the mean, by the largest miniature.
    fn mean_bytes(&self) -> u64 {
        let (keys, bytes) = self.sizes[HALVES.len() - 1].held();
        bytes.checked_div(keys).unwrap_or(ENTRY_BYTES).max(1)
    }

    fn read(&mut self, hash: u64, bytes: Option<usize>) -> Option<Mode> {
        let bytes = bytes.map_or_else(|| self.mean_bytes().min(u64::from(u32::MAX)) as u32, clamped);
        if self.reads >= HALVED_AFTER {
            self.reads /= 2;
            self.hits.iter_mut().for_each(|hits| *hits /= 2);
        }
        self.reads += 1;
        for (shadow, hits) in self.sizes.iter_mut().zip(&mut self.hits) {
            *hits += u64::from(shadow.read(hash, bytes));
        }
        for (place, shadow) in self.modes.iter_mut().enumerate() {
            let hit = shadow.read(hash, bytes);
            self.choice_hits[place] += f64::from(u8::from(hit));
            if place == self.mode {
                self.hits[HALVES.len()] += u64::from(hit);
            }
        }
        self.choice_reads += 1;
        (self.choice_reads >= self.choice_after).then(|| self.choose()).flatten()
    }

    fn write(&mut self, hash: u64, bytes: u32) {
        self.sizes.iter_mut().chain(&mut self.modes).for_each(|shadow| shadow.write(hash, bytes));
    }

    fn choose(&mut self) -> Option<Mode> {
        let now = self.choice_hits[self.mode];
        let best = (0..MODES).max_by(|a, b| self.choice_hits[*a].total_cmp(&self.choice_hits[*b]))?;
        let better = self.choice_hits[best] > now * BETTER;
        self.choice_reads = 0;
        self.choice_hits.iter_mut().for_each(|hits| *hits *= REMEMBERED);
        if better {
            self.mode = best;
            self.sizes.iter_mut().for_each(|shadow| shadow.mode = Mode::ALL[best]);
        }
        better.then(|| Mode::ALL[best])
    }

    fn retain(&mut self, sampled: impl Fn(u64) -> bool) {
        self.sizes.iter_mut().chain(&mut self.modes).for_each(|shadow| shadow.retain(&sampled));
    }

    /// Gives the miniature of the store's own size room for `keys`.
    fn resize(&mut self, keys: u64) {
        let own = keys.max(8) * self.mean_bytes();
        self.modes.iter_mut().for_each(|shadow| shadow.capacity = own);
        for (shadow, halves) in self.sizes.iter_mut().zip(HALVES) {
            shadow.capacity = own * halves / 2;
        }
        self.choice_after = (keys * CHOICE_ROUNDS).max(CHOICE_READS_MIN);
    }

    fn misses(&self) -> Option<Misses> {
        let percent = |place: usize| 100.0 * (1.0 - self.hits[place] as f64 / self.reads as f64);
        (self.reads > 0).then(|| Misses {
            half: percent(0),
            same: percent(HALVES.len()),
            twice: percent(1),
            four_times: percent(2),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::key::hash_of;

    /// Reads, three quarters of them of a few keys, a quarter of a wide range.
    fn skewed(n: u64) -> u64 {
        let mixed = hash_of(&n.to_le_bytes());
        let range = [200, 2_000, 20_000, 200_000][(mixed >> 60) as usize % 4];
        hash_of(&(((mixed & 0xffff_ffff) * range) >> 32).to_le_bytes())
    }

    #[test]
    fn the_curve_of_a_sample_is_that_of_all_keys() {
        let (curve, room) = (Curve::default(), 20_000u64);
        curve.fit(room);
        let sizes = [room / 2, room, room * 2, room * 4];
        let mut exact = sizes.map(|keys| {
            let mut shadow = Shadow::new(Mode::Narrow);
            shadow.capacity = keys * 64;
            (shadow, 0u32)
        });
        let (reads, warm) = (600_000, 200_000);
        for n in 0..reads {
            let hash = skewed(n);
            for (shadow, misses) in &mut exact {
                *misses += u32::from(!shadow.read(hash, 64) && n >= warm);
            }
            if curve.samples(hash) {
                curve.read(hash, Some(64));
            }
        }
        let exact = exact.map(|(_, misses)| 100.0 * f64::from(misses) / (reads - warm) as f64);
        let Misses { half, same, twice, four_times } = curve.misses().unwrap();
        for (sampled, exact) in [half, same, twice, four_times].into_iter().zip(exact) {
            assert!((sampled - exact).abs() < 4.0, "{sampled} instead of {exact}");
        }
    }

    #[test]
    fn keys_that_come_once_more_and_then_never_are_kept_by_recency() {
        let curve = Curve::default();
        curve.fit(1000);
        let mut mode = Mode::Wide;
        for n in 0..400_000u64 {
            // Each key is read again after some hundred others.
            let key = if n % 2 == 0 { n } else { n.saturating_sub(801) };
            mode = curve.read(hash_of(&key.to_le_bytes()), Some(64)).unwrap_or(mode);
        }
        assert_eq!(mode, Mode::Recent);
    }

    #[test]
    fn nothing_is_sampled_before_memory_is_half_full() {
        let curve = Curve::default();
        assert!(!curve.samples(0));
        assert_eq!((curve.read(0, None), curve.misses()), (None, None));
    }
}
