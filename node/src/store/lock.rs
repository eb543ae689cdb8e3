//! The lock of one slot: tried, never waited for by a thread.
//!
//! A command holds a slot for a fraction of a microsecond, so a short spin nearly always succeeds. When it does
//! not, the connection (not its thread) waits: it leaves its waker in the [`Parking`] and the thread goes on
//! with its other connections.
//!
//! ```text
//! FREE ──try_lock──► HELD ──someone parks──► WANTED ──unlock──► FREE, wakers of the slot woken
//! ```
//! This is one of the node's few modules with `unsafe`: a lock that can be tried by one instruction, released by
//! one, and tells at release whether anybody waits is not among the ready-made ones.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Poll, Waker};

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use super::holds::HoldWatch;
use super::slot::Slot;

const FREE: u32 = 0;
const HELD: u32 = 1;
const WANTED: u32 = 2;

/// Tries before a connection parks: about a microsecond.
const SPINS: u32 = 64;

/// Groups of slots that share a list of waiting connections.
const PARKING_LOTS: usize = 64;

/// One slot and its lock. What a lookup needs lies in the first of its two cache lines, what a change needs in the
/// second ([`Slot`] is laid out for that).
#[repr(C, align(64))]
pub(crate) struct SlotLock {
    state: AtomicU32,
    /// Where the slot's table lies, for prefetching without the lock; see [`Slot::table_hint`].
    hint: AtomicU64,
    slot: UnsafeCell<Slot>,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<SlotLock>() == 128, "a third cache line for each operation");

// SAFETY: the slot is reached only through a `SlotGuard`, and there is at most one: `state` leaves FREE by a
// compare-exchange with Acquire and returns to it with Release.
unsafe impl Sync for SlotLock {}

impl SlotLock {
    pub(crate) fn new(slot: Slot) -> Self {
        Self { state: AtomicU32::new(FREE), hint: AtomicU64::new(0), slot: UnsafeCell::new(slot) }
    }

    /// The slot if it is free, or becomes so within a microsecond.
    #[inline]
    pub(crate) fn try_lock<'a>(&'a self, parking: &'a Parking, index: u16) -> Option<SlotGuard<'a>> {
        let mut guard = self.try_lock_unmeasured(parking, index)?;
        guard.held_from = parking.holds.begin();
        Some(guard)
    }

    /// As [`SlotLock::try_lock`]; how long it is held is not measured.
    #[inline]
    pub(crate) fn try_lock_unmeasured<'a>(
        &'a self,
        parking: &'a Parking,
        index: u16,
    ) -> Option<SlotGuard<'a>> {
        if self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.spin()?;
        }
        Some(SlotGuard { lock: self, parking, index, changed: false, held_from: 0 })
    }

    #[cold]
    fn spin(&self) -> Option<()> {
        for _ in 0..SPINS {
            std::hint::spin_loop();
            if self.state.compare_exchange_weak(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Some(());
            }
        }
        None
    }

    /// Address of what a lookup needs and of what only a change needs, to prefetch.
    #[inline]
    pub(crate) fn lines(&self) -> (*const u8, *const u8) {
        let first = std::ptr::from_ref(self).cast::<u8>();
        (first, first.wrapping_add(64))
    }

    /// The latest published place of the table. May be out of date: good for prefetching only.
    #[inline]
    pub(crate) fn table_hint(&self) -> u64 {
        self.hint.load(Ordering::Relaxed)
    }

    /// Ready when the slot was seen free; else leaves `waker` to be woken at the next release.
    pub(crate) fn poll_free(&self, parking: &Parking, index: u16, waker: &Waker) -> Poll<()> {
        parking.park(index, waker.clone());
        // Marked after parking: a release between the two finds WANTED or has left FREE, which is seen here.
        match self.state.compare_exchange(HELD, WANTED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(WANTED) => Poll::Pending,
            Err(_) => {
                parking.unpark(index, waker);
                Poll::Ready(())
            }
        }
    }
}

/// The slot, held. Released when dropped.
pub(crate) struct SlotGuard<'a> {
    lock: &'a SlotLock,
    parking: &'a Parking,
    index: u16,
    /// Lent for a change: what is published may be out of date.
    changed: bool,
    /// As [`HoldWatch::begin`] told it; 0 if the hold is not measured.
    held_from: u64,
}

impl Deref for SlotGuard<'_> {
    type Target = Slot;

    #[inline]
    fn deref(&self) -> &Slot {
        // SAFETY: a guard exists only while its lock is held by it.
        unsafe { &*self.lock.slot.get() }
    }
}

impl DerefMut for SlotGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Slot {
        self.changed = true;
        // SAFETY: as above, and `&mut self` is the only way to this guard.
        unsafe { &mut *self.lock.slot.get() }
    }
}

impl Drop for SlotGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.changed {
            self.lock.hint.store(self.table_hint(), Ordering::Relaxed);
            // Mostly as it was: to store it anew is to wait for a cache line that nothing else here needs.
            let index = usize::from(self.index);
            if let Some(deadline) = self.take_untold_deadline() {
                self.parking.deadlines[index].store(deadline, Ordering::Relaxed);
            }
        }
        if self.held_from != 0 {
            self.parking.holds.end(self.held_from);
        }
        if self.lock.state.swap(FREE, Ordering::AcqRel) == WANTED {
            self.parking.wake(self.index);
        }
    }
}

/// What stands beside the slots: the connections that wait for them (each for one slot at most), and their deadlines
/// side by side, so that a look for due keys reads 128 KiB in a row and not a line of every slot.
pub(crate) struct Parking {
    lots: [Mutex<Vec<(u16, Waker)>>; PARKING_LOTS],
    /// Each slot's [`Slot::next_deadline`] as of its last release.
    deadlines: Box<[AtomicU64]>,
    /// How long slots are held.
    pub(super) holds: HoldWatch,
}

impl Default for Parking {
    fn default() -> Self {
        let deadlines = (0..SLOT_COUNT).map(|_| AtomicU64::new(u64::MAX)).collect();
        Self { lots: std::array::from_fn(|_| Mutex::default()), deadlines, holds: HoldWatch::default() }
    }
}

impl Parking {
    /// The published lower bound of the deadlines in `slot`, in Unix milliseconds.
    #[inline]
    pub(crate) fn next_deadline(&self, slot: HashSlot) -> u64 {
        self.deadlines[slot.index()].load(Ordering::Relaxed)
    }

    fn lot(&self, slot: u16) -> std::sync::MutexGuard<'_, Vec<(u16, Waker)>> {
        // Poisoning means that a waker panicked while being dropped; the list itself is whole.
        self.lots[usize::from(slot) % PARKING_LOTS].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn park(&self, slot: u16, waker: Waker) {
        let mut lot = self.lot(slot);
        if !lot.iter().any(|(parked, known)| *parked == slot && known.will_wake(&waker)) {
            lot.push((slot, waker));
        }
    }

    fn unpark(&self, slot: u16, waker: &Waker) {
        self.lot(slot).retain(|(parked, known)| *parked != slot || !known.will_wake(waker));
    }

    #[cold]
    pub(super) fn wake(&self, slot: u16) {
        let woken: Vec<Waker> =
            self.lot(slot).extract_if(.., |(parked, _)| *parked == slot).map(|(_, waker)| waker).collect();
        woken.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_held_slot_parks_the_second_and_wakes_it_at_release() {
        let (lock, parking) = (SlotLock::new(Slot::default()), Parking::default());
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let guard = lock.try_lock(&parking, 7).unwrap();
        assert!(lock.try_lock(&parking, 7).is_none());
        assert!(lock.poll_free(&parking, 7, &waker).is_pending());
        drop(guard);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(lock.try_lock(&parking, 7).is_some());
        assert!(lock.poll_free(&parking, 7, &waker).is_ready());
    }

    #[test]
    fn threads_that_count_under_the_lock_lose_no_step() {
        let (lock, parking) = (SlotLock::new(Slot::default()), Parking::default());
        let held =
            || std::iter::from_fn(|| Some(lock.try_lock(&parking, 0))).flatten().next().expect("endless");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2000).for_each(|_| held().version.n += 1));
            }
        });
        assert_eq!(lock.try_lock(&parking, 0).unwrap().version.n, 8000);
    }
}
