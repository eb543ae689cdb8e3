//! How long commands take, as their clients see it, in steps that are fine enough for percentiles of one second. Which are timed
//! is in [`super::sampling`].

use std::array;
use std::time::Duration;

use super::Counter;

/// Buckets for each doubling.
const STEPS: usize = 8;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// From a microsecond to 2^27 of them, two minutes; what takes longer is in the last bucket.
pub(super) const BUCKETS: usize = STEPS * 25;

/// Counts by bucket.
pub(crate) type Counts = [u64; BUCKETS];

/// How often each latency was seen by a thread.
#[derive(Debug)]
pub(crate) struct Latencies([Counter; BUCKETS]);

impl Default for Latencies {
    fn default() -> Self {
        Self(array::from_fn(|_| Counter::default()))
    }
}

impl Latencies {
    /// One command took so long. Only for the thread that owns it.
    pub(crate) fn note(&self, took: Duration) {
        self.0[bucket(took)].add(1);
    }

    /// Adds what was noted to `counts`.
    pub(super) fn add_to(&self, counts: &mut Counts) {
        counts.iter_mut().zip(&self.0).for_each(|(count, noted)| *count += noted.get());
    }
}

fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if micros < STEPS as u64 {
        return micros as usize;
    }
    let doublings = micros.ilog2() - STEP_BITS;
    let step = (micros >> doublings) as usize - STEPS;
    (STEPS * (doublings as usize + 1) + step).min(BUCKETS - 1)
}

/// The longest latency of a bucket, in microseconds.
fn upper_micros(bucket: usize) -> u64 {
    let (doublings, step) = (bucket / STEPS, bucket % STEPS);
    if doublings == 0 { step as u64 + 1 } else { ((STEPS + step + 1) as u64) << (doublings - 1) }
}

/// The latency that `share` of all were below, in microseconds; `None` where there were none.
pub(super) fn percentile(counts: &Counts, share: f64) -> Option<u64> {
    let all: u64 = counts.iter().sum();
    let rank = ((all as f64 * share).ceil() as u64).max(1);
    let mut seen = 0;
    let reaches = |(_, count): &(usize, &u64)| {
        seen += **count;
        seen >= rank
    };
    counts.iter().enumerate().find(reaches).map(|(bucket, _)| upper_micros(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_at_most_an_eighth_apart() {
        for micros in [0, 1, 7, 8, 9, 15, 16, 17, 999, 1000, 123_456, 60_000_000] {
            let bucket = bucket(Duration::from_micros(micros));
            let upper = upper_micros(bucket);
            assert!(upper > micros && upper <= micros + 1 + micros / 8, "{micros}: {upper}");
            assert!(bucket == 0 || upper_micros(bucket - 1) <= micros, "{micros}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_those_of_what_was_noted() {
        let (latencies, mut counts) = (Latencies::default(), [0; BUCKETS]);
        assert_eq!(percentile(&counts, 0.5), None);
        (1..=100).for_each(|micros| latencies.note(Duration::from_micros(micros * 10)));
        latencies.add_to(&mut counts);
        let [half, most] = [0.5, 0.99].map(|share| percentile(&counts, share).unwrap());
        assert!((500..=570).contains(&half) && (990..=1120).contains(&most), "{half} {most}");
    }
}
