//! The queue of new keys: a ring of eight bytes a key for each thread, of which it keeps about a hundredth.
//!
//! It names keys by slot and hash. One that was deleted stays in it until its turn comes; one that falls off the end
//! while memory is not full yet counts as seasoned.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ringmaster_protocol::slot::HashSlot;

use super::super::table::order;

/// Threads beyond so many share rings.
const RINGS: usize = 64;
/// Sizes are kept in this unit of bytes.
const UNIT: usize = 16;
const UNITS_MAX: u64 = (1 << 18) - 1;
/// Most keys of a ring, however small they are: 8 MiB.
const RING_MAX: usize = 1 << 20;
/// A ring is never kept shorter than so many keys.
const RING_MIN: usize = 4;

/// A key in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FreshKey {
    pub(super) slot: HashSlot,
    /// The upper half of its hash.
    pub(super) order: u32,
}

#[derive(Debug, Default)]
struct Ring {
    /// `| slot, 14 bits | units, 18 | order, 32 |`, the oldest in front.
    keys: VecDeque<u64>,
    units: u64,
}

/// The rings of all threads.
#[derive(Debug)]
pub(super) struct Fresh {
    rings: Box<[Padded]>,
    /// Units in all rings.
    units: AtomicU64,
}

/// On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(Mutex<Ring>);

impl Default for Fresh {
    fn default() -> Self {
        Self { rings: (0..RINGS).map(|_| Padded::default()).collect(), units: AtomicU64::new(0) }
    }
}

/// The number of this thread, in the order in which threads first asked.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    if NUMBER.get() == usize::MAX {
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

impl Fresh {
    fn ring(&self, number: usize) -> MutexGuard<'_, Ring> {
        // Whoever held it last, its content is whole.
        self.rings[number % RINGS].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the keys in the queue.
    pub(super) fn bytes(&self) -> u64 {
        self.units.load(Ordering::Relaxed) * UNIT as u64
    }

    /// Bytes of the rings themselves.
    pub(super) fn kept_bytes(&self) -> usize {
        (0..RINGS).map(|number| self.ring(number).keys.capacity() * size_of::<u64>()).sum()
    }

    /// A key of an entry of `bytes` comes last. What is beyond `window` bytes by more than a half falls off.
    pub(super) fn push(&self, slot: HashSlot, hash: u64, bytes: usize, window: u64) {
        let units = (bytes.div_ceil(UNIT) as u64).min(UNITS_MAX);
        let key = u64::from(slot.number()) << 50 | units << 32 | u64::from(order(hash));
        let mut ring = self.ring(thread_number());
        ring.keys.push_back(key);
        ring.units += units;
        self.units.fetch_add(units, Ordering::Relaxed);
        let room = (window + window / 2) / UNIT as u64;
        while ring.keys.len() > RING_MAX || ring.units > room && ring.keys.len() > RING_MIN {
            self.take_first(&mut ring);
        }
    }

    fn take_first(&self, ring: &mut Ring) -> Option<FreshKey> {
        let key = ring.keys.pop_front()?;
        let units = key >> 32 & UNITS_MAX;
        ring.units -= units;
        self.units.fetch_sub(units, Ordering::Relaxed);
        let slot = HashSlot::new((key >> 50) as u16)?;
        Some(FreshKey { slot, order: (key & 0xffff_ffff) as u32 })
    }

    /// The key that came first on this thread or, if none did, on another.
    pub(super) fn pop(&self) -> Option<FreshKey> {
        let own = thread_number();
        (own..own + RINGS).find_map(|number| self.take_first(&mut self.ring(number)))
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        for number in 0..RINGS {
            let mut ring = self.ring(number);
            while self.take_first(&mut ring).is_some() {}
            ring.keys = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_leave_in_order_and_the_window_bounds_them() {
        let (fresh, slot) = (Fresh::default(), HashSlot::new(16_383).unwrap());
        (1..=100u64).for_each(|n| fresh.push(slot, n << 32 | 5, 64, 640));
        assert_eq!(fresh.bytes(), 15 * 64);
        assert_eq!(fresh.pop(), Some(FreshKey { slot, order: 86 }));
        assert_eq!(fresh.pop(), Some(FreshKey { slot, order: 87 }));
        fresh.clear();
        assert_eq!((fresh.pop(), fresh.bytes()), (None, 0));
    }
}
