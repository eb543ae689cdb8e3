//! What came to a proxy in each of the last seconds, for whoever looks at it later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::ThreadMetrics;
use super::latency::{BUCKETS, Counts, percentile};
use crate::shared::Shared;

/// Seconds that are kept.
const SECONDS: usize = 60;

/// One second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Second {
    /// Its end, in milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
    /// Commands a second.
    pub(crate) commands: f64,
    /// Bytes a second from clients, and to them.
    pub(crate) input_bytes: f64,
    pub(crate) output_bytes: f64,
    /// Commands a second that were refused here.
    pub(crate) refused: f64,
    /// Latencies in microseconds, of the commands that were looked at; `None` where there were none.
    pub(crate) p50: Option<u64>,
    pub(crate) p99: Option<u64>,
    /// How many were looked at.
    pub(crate) samples: u64,
}

/// The last seconds.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    seconds: VecDeque<Second>,
    before: Option<Totals>,
}

/// What was counted since the start.
#[derive(Debug)]
struct Totals {
    at: Duration,
    numbers: [u64; 4],
    latencies: Counts,
}

impl Totals {
    fn of(metrics: &[Arc<ThreadMetrics>], at: Duration) -> Self {
        let sum = |of: fn(&ThreadMetrics) -> u64| metrics.iter().map(|metrics| of(metrics)).sum();
        let numbers = [
            sum(|metrics| metrics.commands.get()),
            sum(|metrics| metrics.input_bytes.get()),
            sum(|metrics| metrics.output_bytes.get()),
            sum(|metrics| metrics.rejected.get() + metrics.shed.get() + metrics.over_quota.get()),
        ];
        let mut latencies: Counts = [0; BUCKETS];
        metrics.iter().for_each(|metrics| metrics.recent.add_to(&mut latencies));
        Self { at, numbers, latencies }
    }

    fn since(&self, before: &Self) -> Second {
        let seconds = self.at.saturating_sub(before.at).as_secs_f64().max(0.001);
        let rate = |at: usize| self.numbers[at].saturating_sub(before.numbers[at]) as f64 / seconds;
        let mut latencies = self.latencies;
        latencies.iter_mut().zip(&before.latencies).for_each(|(now, then)| *now = now.saturating_sub(*then));
        Second {
            at_ms: u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX),
            commands: rate(0),
            input_bytes: rate(1),
            output_bytes: rate(2),
            refused: rate(3),
            p50: percentile(&latencies, 0.5),
            p99: percentile(&latencies, 0.99),
            samples: latencies.iter().sum(),
        }
    }
}

impl History {
    /// The last seconds, oldest first; at most 60.
    pub(crate) fn seconds(&self) -> Vec<Second> {
        self.kept().seconds.iter().copied().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self, metrics: &[Arc<ThreadMetrics>], at: Duration) {
        let totals = Totals::of(metrics, at);
        let mut kept = self.kept();
        if let Some(before) = &kept.before {
            let second = totals.since(before);
            kept.seconds.push_back(second);
        }
        if kept.seconds.len() > SECONDS {
            kept.seconds.pop_front();
        }
        kept.before = Some(totals);
    }
}

/// Notes each second. For one data thread.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let second = Duration::from_secs(1);
    let mut ticks = interval_at(Instant::now() + second, second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.history.tick(&shared.metrics, shared.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_what_came_in_it_and_only_the_last_are_kept() {
        let (history, metrics) = (History::default(), [Arc::<ThreadMetrics>::default(), Arc::default()]);
        for at in 0..100 {
            metrics[0].commands.add(10);
            metrics[1].commands.add(at);
            metrics[1].recent.note(Duration::from_micros(at));
            history.tick(&metrics, Duration::from_secs(1000 + at));
        }
        let seconds = history.seconds();
        assert_eq!(seconds.len(), SECONDS);
        let last = seconds[SECONDS - 1];
        assert_eq!((last.at_ms, last.commands, last.samples), (1_099_000, 109.0, 1));
        assert!(last.p50.is_some_and(|micros| (99..=112).contains(&micros)), "{last:?}");
        assert_eq!(seconds[0].at_ms, 1_040_000);
    }

    #[test]
    fn a_second_in_which_nothing_came_has_no_latency() {
        let (history, metrics) = (History::default(), [Arc::<ThreadMetrics>::default()]);
        (0..2).for_each(|at| history.tick(&metrics, Duration::from_secs(at)));
        let Second { commands, p50, samples, .. } = history.seconds()[0];
        assert_eq!((commands, p50, samples), (0.0, None, 0));
    }
}
