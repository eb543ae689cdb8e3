//! Eviction: which keys go when memory is full.
//!
//! Each entry carries 17 bits about its use (see `record`), in spare bits of its header; no list links entries.
//! What is to go is found by looking at a few entries after the other, in the order of the tables, and keeping the
//! worst of them in a small pool, as Redis does. That costs a hit one compare and at most one store, and no lock
//! but its slot's.
//!
//! The policy `s3fifo` has S3-FIFO's parts (Yang et al., SOSP 2023): a small queue that new keys pass, a main part, and
//! ghosts of what went. Two things differ, because they measured better (docs/BENCHMARKS.md): a key leaves the small
//! queue for the main part only if it was used more often than what would have to go for it there (the rule of
//! TinyLFU, Einziger et al., 2017), and the queue's share follows the load.

mod candidates;
mod curve;
mod evictor;
mod fresh;
mod ghosts;
mod naming;
mod policy;
mod record;
mod shadow;
mod ticks;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use arc_swap::ArcSwap;

pub use curve::Misses;
pub use evictor::{Evictor, Step};
pub use policy::{Policy, Score};
pub use record::Touch;

use super::entry::EntryRef;
use super::key::Key;
use curve::Curve;
use fresh::Fresh;
use ghosts::Ghosts;
use record::Family;
use ticks::Ticks;

/// Ticks in which as many accesses pass as there are keys.
const TICKS_A_ROUND: u64 = 32;

/// How the policy `s3fifo` weighs recency against frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// A window of a hundredth for new keys: for popularity that stays, for scans and loops.
    Narrow,
    /// A window of a tenth.
    Wide,
    /// The least recently used goes: for keys that are used for a while and then no more.
    Recent,
}

impl Mode {
    /// All modes, from the one that looks back furthest.
    pub const ALL: [Self; 3] = [Self::Narrow, Self::Wide, Self::Recent];

    fn of(bits: u8) -> Self {
        Self::ALL[usize::from(bits).min(Self::ALL.len() - 1)]
    }

    /// The window's share of `bytes`.
    #[must_use]
    pub fn window(self, bytes: u64) -> u64 {
        match self {
            Self::Narrow => bytes / 100,
            Self::Wide => bytes / 10,
            Self::Recent => 0,
        }
    }
}

/// What a store knows of the use of its keys as a whole.
#[derive(Debug)]
pub struct Replacement {
    /// A [`Touch`].
    touch: AtomicU64,
    policy: AtomicU8,
    mode: AtomicU8,
    /// Accesses so far, in a unit that only ticks know.
    passed: AtomicU64,
    /// The next tick comes when so many have passed.
    tick_at: AtomicU64,
    ticks: Ticks,
    /// The clock in seconds, as of the last look.
    seconds: AtomicU64,
    /// When records began to mean what they mean now.
    meant_since: AtomicU64,
    keys: AtomicU64,
    bytes: AtomicU64,
    fresh: Fresh,
    ghosts: ArcSwap<Ghosts>,
    curve: Curve,
}

impl Default for Replacement {
    fn default() -> Self {
        let this = Self {
            touch: AtomicU64::default(),
            policy: AtomicU8::default(),
            mode: AtomicU8::new(Mode::Wide as u8),
            passed: AtomicU64::default(),
            tick_at: AtomicU64::default(),
            ticks: Ticks::default(),
            seconds: AtomicU64::default(),
            meant_since: AtomicU64::default(),
            keys: AtomicU64::default(),
            bytes: AtomicU64::default(),
            fresh: Fresh::default(),
            ghosts: ArcSwap::default(),
            curve: Curve::default(),
        };
        this.set_policy(Policy::default());
        this.set_lfu(10, 1);
        this
    }
}

impl Replacement {
    /// How an access of now is noted.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> Touch {
        Touch::of(self.touch.load(Ordering::Relaxed))
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::of(self.policy.load(Ordering::Relaxed))
    }

    /// Changes the policy. What the keys' records say means something else from now on until they are used again.
    pub fn set_policy(&self, policy: Policy) {
        self.policy.store(policy as u8, Ordering::Relaxed);
        if self.touch().family() != policy.family() {
            let seconds = self.seconds.load(Ordering::Relaxed);
            self.meant_since.store(seconds, Ordering::Relaxed);
            // The time was in ticks, or is to be: it starts anew.
            self.change_touch(|touch| touch.with_family(policy.family()).at(seconds));
            self.ticks.pass(self.touch().tick().wrapping_sub(1), 1, seconds);
        }
        self.fresh.clear();
        self.ghosts.store(std::sync::Arc::default());
    }

    /// How `s3fifo` works at present.
    #[must_use]
    pub fn mode(&self) -> Mode {
        Mode::of(self.mode.load(Ordering::Relaxed))
    }

    /// Makes `s3fifo` work in `mode`.
    pub fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::Relaxed);
    }

    /// Redis's `lfu-log-factor` and `lfu-decay-time` (minutes), each at most 65,535.
    pub fn set_lfu(&self, log_factor: u16, decay_minutes: u16) {
        self.change_touch(|touch| touch.with_lfu(log_factor, decay_minutes));
    }

    /// What [`Replacement::set_lfu`] has set.
    #[must_use]
    pub fn lfu(&self) -> (u16, u16) {
        self.touch().lfu()
    }

    fn change_touch(&self, change: impl Fn(Touch) -> Touch) {
        let changed = |bits| Some(change(Touch::of(bits)).bits());
        // The closure never declines.
        let _ = self.touch.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
    }

    /// Seconds since the last use that `record` tells of; 0 where that is not kept. Under `s3fifo` it is the time since
    /// the tick of that use began. A record from before the policy changed counts as one of that moment.
    pub(super) fn idle_seconds(&self, record: u32) -> u64 {
        let (touch, seconds) = (self.touch(), self.seconds.load(Ordering::Relaxed));
        let idle = match touch.family() {
            Family::Queues => self.ticks.seconds_since(Touch::tick_of(record), seconds),
            _ => touch.idle(record),
        };
        idle.min(seconds.saturating_sub(self.meant_since.load(Ordering::Relaxed)))
    }

    /// Tells how many keys there are, how many bytes they are, and the clock in seconds.
    pub fn look(&self, keys: u64, bytes: u64, seconds: u64) {
        self.keys.store(keys, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        if self.seconds.swap(seconds, Ordering::Relaxed) == 0 {
            // The tick of the start.
            self.ticks.pass(self.touch().tick().wrapping_sub(1), 1, seconds);
        }
        self.change_touch(|touch| if touch.family() == Family::Queues { touch } else { touch.at(seconds) });
    }

    /// Notes a read of `key`, which found `entry`.
    #[inline]
    pub fn read(&self, key: Key<'_>, entry: Option<EntryRef<'_>>) {
        if let Some(entry) = entry {
            entry.touch(self.touch());
        }
        if self.curve.samples(key.hash)
            && let Some(mode) = self.curve.read(key.hash, entry.map(EntryRef::block_bytes))
        {
            self.set_mode(mode);
        }
    }

    /// Notes a write of `key`, which now takes `bytes`.
    #[inline]
    pub(super) fn write(&self, key: Key<'_>, bytes: usize) {
        if self.curve.samples(key.hash) {
            self.curve.write(key.hash, bytes);
        }
    }

    /// Fits the miss-ratio curve to a bound of `max` bytes (0 is none), once the half of that is used.
    pub fn fit_curve(&self, max: u64) {
        let (keys, bytes) = (self.keys.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        if keys > 0 && max > 0 && bytes > max / 2 {
            self.curve.fit((u128::from(keys) * u128::from(max) / u128::from(bytes)) as u64);
        }
    }

    /// Bytes of what is kept about keys beside their records: ghosts and the queue of new keys.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.ghosts.load().bytes() + self.fresh.kept_bytes()
    }

    /// What share of reads misses by the size of memory; `None` before memory is half full.
    #[must_use]
    pub fn misses(&self) -> Option<Misses> {
        self.curve.misses()
    }

    /// Notes that `accesses` have passed; the clock of the queues is made of them.
    #[inline]
    pub fn pass(&self, accesses: u64) {
        let passed = self.passed.fetch_add(accesses * TICKS_A_ROUND, Ordering::Relaxed);
        if passed >= self.tick_at.load(Ordering::Relaxed) {
            self.tick(passed);
        }
    }

    #[cold]
    fn tick(&self, passed: u64) {
        let step = self.keys.load(Ordering::Relaxed).max(TICKS_A_ROUND);
        let due = self.tick_at.load(Ordering::Relaxed);
        let steps = passed.saturating_sub(due) / step + 1;
        let next = due + steps * step;
        let won = self.tick_at.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if won {
            self.ticks.pass(self.touch().tick(), steps, self.seconds.load(Ordering::Relaxed));
            self.change_touch(
                |touch| if touch.family() == Family::Queues { touch.later(steps) } else { touch },
            );
        }
    }

    /// Notes that `key` came anew, as an entry of `bytes`. Returns what is to be known of its use.
    pub(super) fn admit(&self, key: Key<'_>, bytes: usize) -> u32 {
        let touch = self.touch();
        if touch.family() != Family::Queues {
            return touch.birth(0);
        }
        let mode = self.mode();
        if mode != Mode::Recent {
            self.fresh.push(key.slot, key.hash, bytes, mode.window(self.bytes.load(Ordering::Relaxed)));
        }
        let ghost = self.ghosts.load().take(key.hash);
        touch.birth(ghost.map_or(0, |frequency| frequency + 1))
    }
}
