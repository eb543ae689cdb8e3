//! Time within a run, in nanoseconds since its start.

use std::time::{Duration, Instant};

/// Nanoseconds since the start of a window. 64 bits last for 584 years.
pub(super) type Nanos = u64;

/// The clock of a window; all its threads share one start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    /// A clock whose zero is `delay` from now.
    pub(super) fn starting_in(delay: Duration) -> Clock {
        Clock(Instant::now() + delay)
    }

    /// Nanoseconds since zero; 0 before it.
    pub(super) fn now(self) -> Nanos {
        nanos(Instant::now().saturating_duration_since(self.0))
    }

    /// Sleeps until `at`.
    pub(super) fn sleep_until(self, at: Nanos) {
        let wait = (self.0 + Duration::from_nanos(at)).saturating_duration_since(Instant::now());
        std::thread::sleep(wait);
    }
}

/// `duration` in nanoseconds, at most [`u64::MAX`].
pub(super) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
