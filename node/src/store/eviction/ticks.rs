//! When the ticks of the queues began, so that a record of theirs tells a time: the policy `s3fifo` counts accesses, and
//! `OBJECT IDLETIME` tells seconds. Sixteen KiB a node.

use std::sync::atomic::{AtomicU32, Ordering};

use super::record::TICKS;

/// The clock in seconds at the begin of each tick.
#[derive(Debug)]
pub(super) struct Ticks {
    began: Box<[AtomicU32]>,
}

impl Default for Ticks {
    fn default() -> Self {
        Self { began: (0..TICKS).map(|_| AtomicU32::new(0)).collect() }
    }
}

impl Ticks {
    /// Notes that `steps` ticks have begun after `tick`, the last of them now.
    pub(super) fn pass(&self, tick: u32, steps: u64, seconds: u64) {
        let steps = u32::try_from(steps).unwrap_or(TICKS).min(TICKS);
        for step in 1..=steps {
            self.place(tick.wrapping_add(step)).store(seconds as u32, Ordering::Relaxed);
        }
    }

    /// Seconds since `tick` began: no use that was noted in it is longer ago.
    pub(super) fn seconds_since(&self, tick: u32, seconds: u64) -> u64 {
        let began = self.place(tick).load(Ordering::Relaxed);
        if began == 0 { 0 } else { u64::from((seconds as u32).saturating_sub(began)) }
    }

    fn place(&self, tick: u32) -> &AtomicU32 {
        &self.began[(tick % TICKS) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_began_when_it_was_passed_to() {
        let ticks = Ticks::default();
        ticks.pass(7, 1, 100);
        ticks.pass(8, 3, 160);
        let since = [7, 8, 9, 11].map(|tick| ticks.seconds_since(tick, 200));
        assert_eq!(since, [0, 100, 40, 40]);
        ticks.pass(TICKS - 1, 1, 170);
        assert_eq!(ticks.seconds_since(TICKS, 200), 30);
    }
}
