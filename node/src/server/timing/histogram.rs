//! Counts of latencies, with two significant digits: Redis's histograms (an `HdrHistogram` from 1 ns to 1 s).
//!
//! A latency below 256 ns has a place of its own; above, each power of two is cut into 128 places.

use std::sync::atomic::{AtomicU64, Ordering};

/// The longest latency that is told from longer ones, in nanoseconds.
const NANOS_MAX: u64 = 1_000_000_000;

/// Places of a power of two.
const CUTS: u64 = 128;
const CUT_BITS: u32 = CUTS.trailing_zeros();

/// Number of places.
const PLACES: usize = place(NANOS_MAX) + 1;

/// Counts by latency, written by one thread and read by any.
#[derive(Debug)]
pub(crate) struct Histogram([AtomicU64; PLACES]);

impl Default for Histogram {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }
}

impl Histogram {
    /// Counts `weight` calls that took `nanos` each. Only by the histogram's own thread.
    pub(crate) fn add(&self, nanos: u64, weight: u64) {
        let count = &self.0[place(nanos.min(NANOS_MAX))];
        count.store(count.load(Ordering::Relaxed) + weight, Ordering::Relaxed);
    }

    /// Adds the counts to `sums`, which is empty or of this size.
    pub(crate) fn add_to(&self, sums: &mut Vec<u64>) {
        sums.resize(PLACES, 0);
        sums.iter_mut().zip(&self.0).for_each(|(sum, count)| *sum += count.load(Ordering::Relaxed));
    }
}

/// The latency in nanoseconds that `percent` of the calls in `counts` did not pass; 0 without calls.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
pub(crate) fn percentile(counts: &[u64], percent: f64) -> u64 {
    let total: u64 = counts.iter().sum();
    let wanted = ((percent.min(100.0) / 100.0 * total as f64 + 0.5) as u64).max(1);
    let mut seen = 0;
    for (place, count) in counts.iter().enumerate() {
        seen += count;
        if seen >= wanted {
            return longest_of(place);
        }
    }
    0
}

/// Cumulative counts by powers of two: pairs of a bound in microseconds and the calls up to it. Only bounds at which
/// the count grows.
pub(crate) fn by_powers_of_two(counts: &[u64]) -> Vec<(u64, u64)> {
    let (mut pairs, mut seen, mut told) = (Vec::new(), 0, 0);
    let mut places = counts.iter().enumerate().peekable();
    // As in Redis: the bounds are powers of two of 1024 nanoseconds, told as microseconds.
    let mut bound = 1024;
    while places.peek().is_some() {
        while let Some((_, count)) = places.next_if(|(place, _)| longest_of(*place) <= reach_of(bound)) {
            seen += count;
        }
        if seen > told {
            pairs.push((reach_of(bound) / 1000, seen));
            told = seen;
        }
        bound *= 2;
    }
    pairs
}

/// The calls in `counts` that took no longer than `bound`, in nanoseconds below a second; within one percent.
pub(crate) fn up_to(counts: &[u64], bound: u64) -> u64 {
    counts.iter().take(place(bound) + 1).sum()
}

/// The longest latency that is counted up to `bound`: the end of the place that the bound lies in.
fn reach_of(bound: u64) -> u64 {
    longest_of(place(bound))
}

/// Where a latency is counted.
const fn place(nanos: u64) -> usize {
    if nanos < 2 * CUTS {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - CUT_BITS;
    ((shift as u64 * CUTS) + (nanos >> shift)) as usize
}

/// The longest latency that is counted at `place`, in nanoseconds.
fn longest_of(place: usize) -> u64 {
    let place = place as u64;
    if place < 2 * CUTS {
        return place;
    }
    let shift = place / CUTS - 1;
    ((place - shift * CUTS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_told_with_two_digits() {
        for nanos in [0, 1, 255, 256, 257, 1000, 222_000, 123_456_789, NANOS_MAX] {
            let told = longest_of(place(nanos));
            assert!(told >= nanos && told <= nanos + nanos / 100, "{nanos} is told as {told}");
        }
        // As redis-server tells it.
        assert_eq!(longest_of(place(222_000)), 222_207);
    }

    #[test]
    fn percentiles_are_those_of_the_calls() {
        let histogram = Histogram::default();
        (1..=100).for_each(|micros| histogram.add(micros * 1000, 2));
        let mut counts = Vec::new();
        histogram.add_to(&mut counts);
        assert_eq!(percentile(&counts, 50.0) / 1000, 50);
        assert_eq!(percentile(&counts, 100.0) / 1000, 100);
        assert_eq!(percentile(&counts, 0.0) / 1000, 1);
        assert_eq!(percentile(&[], 50.0), 0);
    }

    #[test]
    fn counts_grow_along_the_powers_of_two() {
        let histogram = Histogram::default();
        [500, 1500, 1600, 300_000].into_iter().for_each(|nanos| histogram.add(nanos, 1));
        let mut counts = Vec::new();
        histogram.add_to(&mut counts);
        assert_eq!(by_powers_of_two(&counts), [(1, 1), (2, 3), (528, 4)]);
        assert_eq!([400, 500, 1600, 299_000, NANOS_MAX].map(|bound| up_to(&counts, bound)), [0, 1, 3, 3, 4]);
        assert_eq!(up_to(&[], 1000), 0);
    }
}
