//! The one clock of leases and timeouts.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since the machine was started, what it slept included: a lease ends while it sleeps.
pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    // Neither part is ever negative.
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let before = now();
        assert!(before > Duration::ZERO && now() >= before);
    }
}
