//! Where time goes: latencies of commands, the slow log, latency events, the longest turns and holds.
//!
//! By default only what is cheap is measured (see `super::counters`). A threshold for latency events, or
//! one below a millisecond for the slow log, has every call timed; the former also has the turns of the threads and
//! the holds of slots measured with the threads' CPU clocks.

pub(crate) mod events;
pub(crate) mod histogram;
mod longest;
pub(crate) mod observed;
mod settings;
mod slow_log;
mod turn;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

pub(crate) use longest::Longest;
pub(crate) use settings::ROWS;
pub(crate) use turn::measured;

use events::Events;
use slow_log::SlowLog;

/// Below this threshold of the slow log every call is timed, in microseconds.
const FINE_MICROS: i64 = 1000;

/// All that is known about time on this node.
#[derive(Debug)]
pub(crate) struct Timing {
    pub(crate) slow_log: SlowLog,
    pub(crate) events: Events,
    pub(crate) longest: Longest,
    /// Whether every call is timed.
    each: AtomicBool,
    /// Whether latencies go into histograms.
    tracking: AtomicBool,
    /// The percentiles that INFO shows.
    percentiles: Mutex<Vec<f64>>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            slow_log: SlowLog::default(),
            events: Events::default(),
            longest: Longest::default(),
            each: AtomicBool::new(false),
            tracking: AtomicBool::new(true),
            percentiles: Mutex::new(vec![50.0, 99.0, 99.9]),
        }
    }
}

impl Timing {
    /// Whether every call is to be timed.
    pub(crate) fn times_each(&self) -> bool {
        self.each.load(Ordering::Relaxed)
    }

    /// Whether turns and holds are measured with the CPU clock.
    #[inline]
    pub(crate) fn is_exact(&self) -> bool {
        self.events.threshold_millis() > 0
    }

    /// Whether latencies go into histograms.
    pub(crate) fn tracks(&self) -> bool {
        self.tracking.load(Ordering::Relaxed)
    }

    /// The percentiles that INFO shows.
    pub(crate) fn percentiles(&self) -> Vec<f64> {
        self.percentiles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// To be called when a threshold was changed.
    fn thresholds_changed(&self) {
        let fine = (0..FINE_MICROS).contains(&self.slow_log.threshold_micros());
        self.each.store(fine || self.is_exact(), Ordering::Relaxed);
    }
}
