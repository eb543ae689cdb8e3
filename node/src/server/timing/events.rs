//! Latency events: what took long, by kind, at most one sample a second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmaster_protocol::session::{LatencyEvent, LatencySample};

/// Most samples of a kind.
const SAMPLES_MAX: usize = 160;

/// A command that is not `fast`.
pub(crate) const COMMAND: &str = "command";
/// A command that is `fast`.
pub(crate) const FAST_COMMAND: &str = "fast-command";
/// A round of freeing expired keys.
pub(crate) const EXPIRE_CYCLE: &str = "expire-cycle";

/// The events and their threshold.
#[derive(Debug, Default)]
pub(crate) struct Events {
    threshold_millis: AtomicU64,
    by_name: Mutex<BTreeMap<&'static str, Series>>,
}

#[derive(Debug, Default)]
struct Series {
    samples: VecDeque<LatencySample>,
    longest_millis: u32,
}

impl Events {
    fn by_name(&self) -> MutexGuard<'_, BTreeMap<&'static str, Series>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From how many milliseconds on an event is noted; 0: none is.
    #[inline]
    pub(crate) fn threshold_millis(&self) -> u64 {
        self.threshold_millis.load(Ordering::Relaxed)
    }

    pub(super) fn set_threshold_millis(&self, millis: u64) {
        self.threshold_millis.store(millis, Ordering::Relaxed);
    }

    /// Notes an event that took `took` and ended `at` (since the Unix epoch), if that is long.
    pub(crate) fn note(&self, name: &'static str, at: Duration, took: Duration) {
        let threshold = u128::from(self.threshold_millis());
        if threshold > 0 && took.as_millis() >= threshold {
            self.add(name, at.as_secs(), u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
        }
    }

    #[cold]
    fn add(&self, name: &'static str, at_seconds: u64, millis: u32) {
        let mut by_name = self.by_name();
        let series = by_name.entry(name).or_default();
        series.longest_millis = series.longest_millis.max(millis);
        match series.samples.back_mut() {
            Some(last) if last.at_seconds == at_seconds => last.millis = last.millis.max(millis),
            _ => series.samples.push_back(LatencySample { at_seconds, millis }),
        }
        if series.samples.len() > SAMPLES_MAX {
            series.samples.pop_front();
        }
    }

    /// All events, by name.
    pub(crate) fn all(&self) -> Vec<LatencyEvent> {
        let event = |(name, series): (&&'static str, &Series)| LatencyEvent {
            name,
            samples: series.samples.iter().copied().collect(),
            longest_millis: series.longest_millis,
        };
        self.by_name().iter().map(event).collect()
    }

    /// Forgets the events of these names, or all if there are none; how many were forgotten.
    pub(crate) fn forget(&self, names: &mut dyn ExactSizeIterator<Item = &[u8]>) -> usize {
        let mut by_name = self.by_name();
        let before = by_name.len();
        if names.len() == 0 {
            by_name.clear();
        }
        for forgotten in names {
            by_name.retain(|name, _| name.as_bytes() != forgotten);
        }
        before - by_name.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_sample_and_a_kind_a_bound() {
        let events = Events::default();
        let note = |seconds, millis| {
            events.note(COMMAND, Duration::from_secs(seconds), Duration::from_millis(millis));
        };
        note(1, 50);
        assert_eq!(events.all(), []);
        events.set_threshold_millis(10);
        note(1, 9);
        (2..300).for_each(|second| (10..13).rev().for_each(|millis| note(second, millis)));
        let all = events.all();
        assert_eq!((all.len(), all[0].samples.len(), all[0].longest_millis), (1, SAMPLES_MAX, 12));
        assert_eq!(events.forget(&mut [&b"x"[..], b"command"].into_iter()), 1);
    }
}
