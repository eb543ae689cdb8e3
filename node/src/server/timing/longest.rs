//! The longest turn of a thread and the longest hold of a slot since the figures were last reset.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A maximum that any thread may raise.
#[derive(Debug, Default)]
pub(crate) struct Maximum(AtomicU64);

impl Maximum {
    /// Raises it to `time`, if that is longer.
    pub(crate) fn raise(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // Looked at first: the line stays shared while nothing is longer.
        if nanos > self.0.load(Ordering::Relaxed) {
            self.0.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// The maximum in microseconds.
    pub(crate) fn micros(&self) -> u64 {
        self.0.load(Ordering::Relaxed) / 1000
    }

    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The longest of each kind.
#[derive(Debug, Default)]
pub(crate) struct Longest {
    /// Turn of a connection by the wall clock: of turns with many commands or with one that was timed.
    pub(crate) turn: Maximum,
    /// Turn of any task of a data thread by the thread's CPU clock, while the timing is exact.
    pub(crate) turn_cpu: Maximum,
}

impl Longest {
    /// Begins anew.
    pub(crate) fn reset(&self) {
        self.turn.reset();
        self.turn_cpu.reset();
    }
}
