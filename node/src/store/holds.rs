//! How long slots are held, by the CPU clock of the holding thread. Off by default: reading that clock is a system
//! call, longer than most holds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// The CPU time of the calling thread in nanoseconds.
pub(crate) fn cpu_clock() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Whether holds are measured, and the longest one.
#[derive(Debug, Default)]
pub(crate) struct HoldWatch {
    on: AtomicBool,
    longest_nanos: AtomicU64,
}

impl HoldWatch {
    /// The clock at the begin of a hold, or 0 if holds are not measured.
    #[inline]
    pub(super) fn begin(&self) -> u64 {
        if self.on.load(Ordering::Relaxed) { cpu_clock() } else { 0 }
    }

    /// The end of a hold that was measured from `began` on.
    #[cold]
    pub(super) fn end(&self, began: u64) {
        self.longest_nanos.fetch_max(cpu_clock().saturating_sub(began), Ordering::Relaxed);
    }

    /// Begins or ends measuring.
    pub(super) fn set(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// The longest hold in nanoseconds since the last call of [`HoldWatch::reset`].
    pub(super) fn longest_nanos(&self) -> u64 {
        self.longest_nanos.load(Ordering::Relaxed)
    }

    /// Begins anew.
    pub(super) fn reset(&self) {
        self.longest_nanos.store(0, Ordering::Relaxed);
    }
}
