//! Room for a write where memory is full: the connection that writes takes out what it needs.
//!
//! ```text
//! within the bound ──► go on
//! above it: close who lets replies wait that nobody reads; else
//!           evict for a third of a millisecond ──► within, or nearly ──► go on
//!           │ nothing can go: refuse          └─ above: others have a turn, then again
//! ```

pub(crate) mod chains;

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ringmaster_protocol::slot::HashSlot;

use super::clients::Shed;
use super::counters::Counters;
use super::shared::{Shared, unix_millis};
use super::worker::Worker;
use crate::store::eviction::{Evictor, Step};

/// How long a thread evicts before its other connections have a turn.
const SLICE: Duration = Duration::from_micros(300);

/// Steps between two looks at the clock.
const STEPS: usize = 16;

/// Memory may pass its bound by this share of it, and by no more than [`EXCESS_BYTES`], while eviction catches up.
const EXCESS_SHARE: u64 = 128;

/// See [`EXCESS_SHARE`].
const EXCESS_BYTES: std::ops::RangeInclusive<u64> = 64 << 10..=16 << 20;

/// Whether there is room for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is.
    Enough,
    /// There is, since keys were taken out: that may have taken long.
    Made,
    /// There will be: ask again after other connections had a turn.
    Later,
    /// There is none, and nothing can go.
    None,
}

/// What memory may be above its bound for a moment.
pub(crate) fn excess(max: u64) -> u64 {
    (max / EXCESS_SHARE).clamp(*EXCESS_BYTES.start(), *EXCESS_BYTES.end())
}

impl Shared {
    /// Whether memory is further above its bound than eviction ever leaves it.
    pub(crate) fn is_full(&self) -> bool {
        let max = self.maxmemory.load(Ordering::Relaxed);
        max > 0 && self.memory.used_bytes() > max + excess(max)
    }

    /// Where memory is above its bound and clients let more wait than memory may be above it, closes the one that
    /// lets most wait. Returns whether a client is closing: what it held comes back when its thread has a turn.
    #[cold]
    pub(crate) fn shed_unread(&self, counters: &Counters) -> bool {
        let max = self.maxmemory.load(Ordering::Relaxed);
        if max == 0 || !self.clients.backlog.may_be_much() || self.memory.used_bytes() <= max {
            return false;
        }
        match self.clients.shed(usize::try_from(excess(max)).unwrap_or(usize::MAX)) {
            Shed::Nobody => {
                // What clients that have gone held is known to their threads only.
                self.memory.look();
                return false;
            }
            Shed::Closing => {}
            Shed::Closed { id, peer, bytes } => {
                counters.clients_shed.add(1);
                tracing::info!(
                    client = id,
                    peer,
                    unread_bytes = bytes,
                    "closed a client that does not read, for memory"
                );
            }
        }
        true
    }
}

impl Worker {
    /// Makes room for a write that needs memory.
    #[inline]
    pub(crate) fn make_room(&self) -> Room {
        let max = self.shared.maxmemory.load(Ordering::Relaxed);
        if max == 0 || self.used_bytes() <= max {
            return Room::Enough;
        }
        if self.shared.clients.backlog.may_be_much() {
            if self.shared.shed_unread(self.counters()) {
                return Room::Later;
            }
            if self.used_bytes() <= max {
                return Room::Enough;
            }
        }
        self.evict(max, &|_| true)
    }

    #[cold]
    fn evict(&self, max: u64, among: &dyn Fn(HashSlot) -> bool) -> Room {
        let (began, now) = (Instant::now(), unix_millis());
        let mut evictor = self.evictor.borrow_mut();
        evictor.samples = self.shared.eviction_samples.load(Ordering::Relaxed);
        let within = self.evict_until(&mut evictor, max, (began, now), among);
        match within {
            Some(true) => Room::Made,
            None if self.used_bytes() <= max => Room::Made,
            None => Room::None,
            Some(false) if self.used_bytes() <= max + excess(max) => Room::Made,
            Some(false) => Room::Later,
        }
    }

    /// Evicts until memory is within `max` (then true) or the slice is over; `None` if nothing can go.
    fn evict_until(
        &self,
        evictor: &mut Evictor,
        max: u64,
        (began, now): (Instant, u64),
        among: &dyn Fn(HashSlot) -> bool,
    ) -> Option<bool> {
        let store = self.shared.engine.store();
        for step in 1.. {
            match evictor.step_among(store, now, among) {
                Step::Evicted => self.counters().evicted.add(1),
                Step::Nothing => {}
                Step::Exhausted => return None,
            }
            if self.used_bytes() <= max {
                return Some(true);
            }
            if step % STEPS == 0 && began.elapsed() >= SLICE {
                break;
            }
        }
        Some(false)
    }
}

/// A thread's evictor.
pub(crate) fn evictor(thread: usize) -> RefCell<Evictor> {
    RefCell::new(Evictor::new(thread))
}
