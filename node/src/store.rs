//! The store: 16384 slots, each with its own lock, version and table. Nothing here is global but the allocator.

mod agenda;
mod ahead;
pub mod census;
pub(crate) mod describe;
mod door;
pub mod effect;
pub mod entry;
pub mod event;
pub mod eviction;
mod expiry;
mod fields;
pub mod heap;
mod holds;
pub mod journal;
pub mod key;
pub mod keyspace;
pub(crate) mod load;
mod lock;
mod next_deadline;
pub mod observers;
pub(crate) mod placed;
pub mod reclaim;
mod restore;
pub(crate) mod saving;
pub mod slot;
pub mod table;
mod tracked;
pub mod value;

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use crate::cluster::replica;
use census::{Census, Count, DATABASES};
use effect::Effect;
use event::Events;
use eviction::Replacement;
pub(crate) use holds::cpu_clock;
use journal::{Journal, Pending};
use keyspace::Moment;
pub(crate) use lock::SlotGuard;
use lock::{Parking, SlotLock};
pub use restore::Restored;
use slot::{Operation, Slot};

/// Bytes of recent operations that a member keeps for entries that lack some.
const RECENT_BYTES_MAX: usize = 64 << 20;

/// Bytes of operations that wait at a member for those before them.
const HELD_BYTES_MAX: usize = 16 << 20;

/// All slots of a node.
pub struct Store {
    slots: Box<[SlotLock]>,
    parking: Parking,
    journal: OnceLock<Box<dyn Journal>>,
    events: Events,
    replacement: Replacement,
    expiry_lag_millis: AtomicU64,
    replicas: replica::Shared,
}

impl Store {
    /// An empty store. `journal` hears of every operation.
    #[must_use]
    pub fn new(journal: Option<Box<dyn Journal>>) -> Self {
        let slots = (0..SLOT_COUNT).map(|_| SlotLock::new(Slot::default())).collect();
        Self {
            slots,
            parking: Parking::default(),
            journal: journal.map(OnceLock::from).unwrap_or_default(),
            events: Events::default(),
            replacement: Replacement::default(),
            expiry_lag_millis: AtomicU64::new(0),
            replicas: replica::Shared::new(RECENT_BYTES_MAX, HELD_BYTES_MAX),
        }
    }

    /// What is known of the use of keys as a whole, and the policy of eviction.
    #[inline]
    #[must_use]
    pub fn replacement(&self) -> &Replacement {
        &self.replacement
    }

    /// What the replicas of all slots share.
    #[inline]
    pub(crate) fn replicas(&self) -> &replica::Shared {
        &self.replicas
    }

    /// The node's memory has this bound in bytes, 0 for none: what is kept for other members is at most a sixteenth.
    pub(crate) fn set_memory_max(&self, max: u64) {
        let share = usize::try_from(max / 16).unwrap_or(usize::MAX);
        self.replicas.recent.set_max(if max == 0 { RECENT_BYTES_MAX } else { share.min(RECENT_BYTES_MAX) });
    }

    /// Where keyspace events go.
    #[inline]
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The slot, if nobody holds it for longer than a moment.
    #[inline]
    pub(crate) fn try_lock(&self, slot: HashSlot) -> Option<SlotGuard<'_>> {
        let guard = self.slots[slot.index()].try_lock(&self.parking, slot.number())?;
        if let Some(journal) = self.journal.get()
            && journal.looks()
        {
            journal.look(slot);
        }
        Some(guard)
    }

    /// Has `journal` hear of every operation from now on, if nobody does so far.
    pub fn set_journal(&self, journal: Box<dyn Journal>) {
        // Set once, when the log has been read.
        let _ = self.journal.set(journal);
    }

    /// Whether what need not be changed is to be left: the journal cannot keep it at present.
    #[cold]
    pub(crate) fn is_refused(&self) -> bool {
        self.journal().is_some_and(Journal::refuses)
    }

    #[inline]
    fn journal(&self) -> Option<&dyn Journal> {
        self.journal.get().map(|journal| &**journal)
    }

    /// Ready when `slot` was free a moment ago; else the task is woken when it becomes free.
    pub(crate) fn poll_free(&self, slot: HashSlot, context: &Context<'_>) -> Poll<()> {
        self.slots[slot.index()].poll_free(&self.parking, slot.number(), context.waker())
    }

    /// Wakes who waits for `slot`, though it is not free: they look again at who holds it.
    pub(crate) fn wake_waiting(&self, slot: HashSlot) {
        self.parking.wake(slot.number());
    }

    /// The slot, waited for by turning the thread's time over to others. For tests, start and the walks that
    /// hold no other slot; commands use [`Store::try_lock`] and park.
    pub(crate) fn lock(&self, slot: HashSlot) -> SlotGuard<'_> {
        loop {
            if let Some(guard) = self.try_lock(slot) {
                return guard;
            }
            std::thread::yield_now();
        }
    }

    /// Begins or ends measuring how long slots are held.
    pub(crate) fn watch_holds(&self, on: bool) {
        self.parking.holds.set(on);
    }

    /// The longest hold of a slot that was measured, in nanoseconds of its thread's CPU clock.
    pub(crate) fn longest_hold_nanos(&self) -> u64 {
        self.parking.holds.longest_nanos()
    }

    /// Forgets the longest hold.
    pub(crate) fn forget_longest_hold(&self) {
        self.parking.holds.reset();
    }

    /// An operation on `slot` that begins at `now`.
    #[inline]
    pub(crate) fn operation(&self, slot: HashSlot, now: u64) -> Operation<'_> {
        Operation {
            slot,
            now,
            pending: Pending::new(self.journal(), slot),
            events: Some(&self.events),
            client: 0,
            no_touch: false,
            replacement: &self.replacement,
            versioned: false,
        }
    }

    /// An operation on `slot` by a command of this moment.
    #[inline]
    pub(crate) fn operation_of(&self, slot: HashSlot, moment: Moment) -> Operation<'_> {
        let mut operation = self.operation(slot, moment.now);
        (operation.client, operation.no_touch) = (moment.client, moment.no_touch);
        operation
    }

    /// Applies one effect as an operation of its own: a replayed effect, an expiry, a flush.
    pub fn apply(&self, slot: HashSlot, now: u64, effect: &Effect<'_>) -> effect::Applied {
        let mut guard = self.lock(slot);
        let mut operation = self.operation(slot, now);
        guard.apply(&mut operation, effect)
    }

    /// Looks at `slot` while nobody changes it.
    pub fn look<R>(&self, slot: HashSlot, look: impl FnOnce(&Slot) -> R) -> R {
        look(&self.lock(slot))
    }

    /// Keys in each database, summed over the slots one by one.
    #[must_use]
    pub fn census(&self) -> [Count; DATABASES as usize] {
        self.sum_census(|slot, add| {
            // A slot that a long script holds is left out: the thread that counts may be the script's.
            let _ = self.glance(slot, |slot| add(slot.census()));
        })
    }

    /// Bytes of the tables of all slots; one that is held for long is left out.
    pub(crate) fn table_bytes(&self) -> usize {
        HashSlot::all().filter_map(|slot| self.glance(slot, Slot::table_bytes)).sum()
    }

    /// Looks at `slot` for a figure about all slots: what is there is not shown, and so many short holds are not measured,
    /// for the clock costs more than they do. `None` if somebody holds the slot for longer than a moment.
    pub(crate) fn glance<R>(&self, slot: HashSlot, look: impl FnOnce(&Slot) -> R) -> Option<R> {
        let guard = self.slots[slot.index()].try_lock_unmeasured(&self.parking, slot.number())?;
        Some(look(&guard))
    }

    /// Keys in each database, as `look` shows the slots.
    fn sum_census(&self, look: impl Fn(HashSlot, &mut dyn FnMut(&Census))) -> [Count; DATABASES as usize] {
        let mut total = [Count::default(); DATABASES as usize];
        for slot in HashSlot::all() {
            look(slot, &mut |census| {
                (0..DATABASES).for_each(|database| total[usize::from(database)] += census.count(database));
            });
        }
        total
    }

    /// The published lower bound of deadlines in `slot`, in Unix milliseconds.
    #[inline]
    pub(crate) fn next_deadline(&self, slot: HashSlot) -> u64 {
        self.parking.next_deadline(slot)
    }
}

/// Asks the processor to bring the cache line at `address`. Any address will do: nothing is read.
#[inline]
#[allow(unsafe_code)]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint and faults on no address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
