//! What a data thread counts of each command: calls, failures, and time.
//!
//! Time is taken with the wall clock, which costs some 25 ns at each end; a pipelined GET costs two hundred. So the
//! commands that are long by nature (those that are not `fast`) are timed at each call, and the short ones at their
//! first [`EACH_CALLS`] calls and then at every [`SHORT_STEP`]th, a prime, so that the rhythm of a pipeline is not
//! sampled in one place. A sample stands for the calls since the sample before. [`CommandCounters::is_timed`] and
//! [`CommandCounters::called`] cost a load, a store and a comparison on a cache line of the thread's own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringmaster_protocol::command::{Flags, Spec};

use super::Counter;
use crate::server::timing::histogram::Histogram;

/// A short command's first calls that are all timed, so that the figures of few calls are exact.
const EACH_CALLS: u64 = 1024;

/// One of so many calls of a short command is timed.
const SHORT_STEP: u64 = 61;

/// A command with more arguments than this is timed at each call.
const FEW_ARGUMENTS: usize = 64;

/// Counters of one command, on a cache line of their own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct CommandCounters {
    calls: Counter,
    /// The call that is to be timed next.
    next_timed: AtomicU64,
    /// Calls that the samples stand for.
    sampled_calls: Counter,
    sampled_nanos: Counter,
    /// Refused before they began.
    rejected: Counter,
    /// Answered with an error.
    failed: Counter,
    latencies: OnceLock<Box<Histogram>>,
}

impl CommandCounters {
    /// Whether the next call, which has so many arguments, is to be timed.
    #[inline]
    pub(crate) fn is_timed(&self, arguments: usize) -> bool {
        self.calls.value() + 1 >= self.next_timed.load(Ordering::Relaxed) || arguments > FEW_ARGUMENTS
    }

    /// Counts a call.
    #[inline]
    pub(crate) fn called(&self) {
        self.calls.add(1);
    }

    /// Counts one that was refused before it began.
    pub(crate) fn reject(&self) {
        self.rejected.add(1);
    }

    /// Counts an error reply.
    pub(crate) fn fail(&self) {
        self.failed.add(1);
    }

    /// Counts the time of the latest call; `each` asks for that of the next one, too.
    pub(crate) fn took(&self, spec: &Spec, time: Duration, each: bool, with_histogram: bool) {
        let calls = self.calls.value();
        let weight = calls.saturating_sub(self.sampled_calls.value()).max(1);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.sampled_calls.add(weight);
        self.sampled_nanos.add(nanos.saturating_mul(weight));
        if with_histogram {
            self.latencies.get_or_init(Box::default).add(nanos, weight);
        }
        let step = if each || calls < EACH_CALLS || !is_short(spec) { 1 } else { SHORT_STEP };
        self.next_timed.store(calls + step, Ordering::Relaxed);
    }
}

/// Whether a command is short by nature. A plain SET is, though Redis does not call it so. The audit log is told of a command
/// where its time is taken, so what belongs there counts as none.
fn is_short(spec: &Spec) -> bool {
    (spec.flags.contains(Flags::FAST) || spec.name == "set") && !spec.is_audited()
}

/// Sums of one command over the threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandTotals {
    pub(crate) calls: u64,
    pub(crate) rejected: u64,
    pub(crate) failed: u64,
    sampled_calls: u64,
    sampled_nanos: u64,
    /// Calls by their latency, as in [`Histogram`]; empty if there are none.
    pub(crate) latencies: Vec<u64>,
}

impl CommandTotals {
    /// Adds a thread's counters.
    pub(crate) fn add(&mut self, one: &CommandCounters) {
        self.calls += one.calls.value();
        self.rejected += one.rejected.value();
        self.failed += one.failed.value();
        self.sampled_calls += one.sampled_calls.value();
        self.sampled_nanos += one.sampled_nanos.value();
        if let Some(latencies) = one.latencies.get() {
            latencies.add_to(&mut self.latencies);
        }
    }

    /// What came since `base`.
    pub(crate) fn since(mut self, base: &Self) -> Self {
        self.calls = self.calls.saturating_sub(base.calls);
        self.rejected = self.rejected.saturating_sub(base.rejected);
        self.failed = self.failed.saturating_sub(base.failed);
        self.sampled_calls = self.sampled_calls.saturating_sub(base.sampled_calls);
        self.sampled_nanos = self.sampled_nanos.saturating_sub(base.sampled_nanos);
        for (count, before) in self.latencies.iter_mut().zip(&base.latencies) {
            *count = count.saturating_sub(*before);
        }
        self
    }

    /// Whether the command came at all.
    pub(crate) fn is_used(&self) -> bool {
        self.calls + self.rejected + self.failed > 0
    }

    /// Microseconds of all calls, by those that were timed.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds below 2^53")]
    pub(crate) fn micros(&self) -> u64 {
        if self.sampled_calls == 0 {
            return 0;
        }
        let mean_nanos = self.sampled_nanos as f64 / self.sampled_calls as f64;
        (mean_nanos * self.calls as f64 / 1000.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::command::{all, lookup};

    /// How many of `calls` calls of `name` are timed; each takes two microseconds.
    fn timed(name: &[u8], calls: u64) -> (u64, CommandTotals) {
        let (spec, counters) = (lookup(name).unwrap(), CommandCounters::default());
        let mut timed = 0;
        for _ in 0..calls {
            let is_timed = counters.is_timed(2);
            counters.called();
            if is_timed {
                timed += 1;
                counters.took(spec, Duration::from_micros(2), false, true);
            }
        }
        let mut totals = CommandTotals::default();
        totals.add(&counters);
        (timed, totals)
    }

    #[test]
    fn few_calls_are_all_timed_and_of_many_short_ones_a_few() {
        assert_eq!(timed(b"get", 100).0, 100);
        assert_eq!(timed(b"lrange", 5000).0, 5000);
        let (samples, totals) = timed(b"get", 100_000);
        assert!((2500..2800).contains(&samples), "{samples}");
        assert_eq!((totals.calls, totals.micros()), (100_000, 200_000));
        let in_histogram: u64 = totals.latencies.iter().sum();
        assert!((99_900..=100_000).contains(&in_histogram), "{in_histogram}");
    }

    #[test]
    fn what_belongs_into_the_audit_log_is_timed_at_each_call() {
        assert_eq!(timed(b"swapdb", 5000).0, 5000, "Redis calls it fast");
        let short: Vec<_> = all().iter().filter(|spec| spec.is_audited() && is_short(spec)).collect();
        assert!(short.is_empty(), "{:?}", short.iter().map(|spec| spec.name).collect::<Vec<_>>());
    }

    #[test]
    fn a_base_is_taken_off() {
        let (_, totals) = timed(b"get", 10);
        let rest = totals.clone().since(&totals);
        assert!(!rest.is_used());
        assert_eq!((rest.micros(), rest.latencies.iter().sum::<u64>()), (0, 0));
    }
}
