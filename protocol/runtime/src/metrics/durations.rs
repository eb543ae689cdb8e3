//! Counts of times in a few classes: what a Prometheus histogram is made of.
//!
//! The classes go from 10 µs to 10 s in steps of 1, 2 and 5: a share of all is told with half a step of error, and a family
//! takes 22 lines of the page. One thread writes, so counting is two loads and two stores.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Samples;

/// The upper bounds of the classes, in nanoseconds.
const BOUNDS: [u64; 19] = [
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Classes, that of what is longer than all bounds included.
const CLASSES: usize = BOUNDS.len() + 1;

/// Counts by class, written by one thread and read by any.
#[derive(Debug, Default)]
pub struct Durations {
    counts: [AtomicU64; CLASSES],
    nanos: AtomicU64,
}

impl Durations {
    /// Counts one. Only by the thread whose counts these are.
    pub fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let class = &self.counts[BOUNDS.partition_point(|bound| *bound < nanos)];
        class.store(class.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.nanos.store(self.nanos.load(Ordering::Relaxed).saturating_add(nanos), Ordering::Relaxed);
    }
}

/// Sums over several threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    counts: [u64; CLASSES],
    nanos: u64,
}

impl Sums {
    /// The sums of all of them.
    #[must_use]
    pub fn of<'d>(all: impl Iterator<Item = &'d Durations>) -> Self {
        let mut sums = Self::default();
        for one in all {
            sums.counts
                .iter_mut()
                .zip(&one.counts)
                .for_each(|(sum, one)| *sum += one.load(Ordering::Relaxed));
            sums.nanos = sums.nanos.saturating_add(one.nanos.load(Ordering::Relaxed));
        }
        sums
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Writes them with these values of the family's labels; nothing if there are none.
    pub fn write(&self, labels: &[&str], samples: &mut Samples<'_>) {
        if self.count() == 0 {
            return;
        }
        let mut up_to = 0;
        let classes = BOUNDS.iter().zip(&self.counts).map(|(bound, count)| {
            up_to += count;
            (Duration::from_nanos(*bound).as_secs_f64(), up_to)
        });
        let classes: Vec<(f64, u64)> = classes.collect();
        samples.histogram(labels, &classes, self.count(), Duration::from_nanos(self.nanos).as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Family, Kind, render};

    #[test]
    fn times_are_counted_up_to_each_bound_and_the_longest_beyond_all() {
        let (one, other) = (Durations::default(), Durations::default());
        one.add(Duration::from_micros(10));
        one.add(Duration::from_micros(11));
        other.add(Duration::from_secs(60));
        let sums = Sums::of([&one, &other].into_iter());
        let family = Family {
            name: "x_seconds",
            kind: Kind::Histogram,
            labels: &[],
            help: "X.",
            collect: |sums: &Sums, samples| sums.write(&[], samples),
        };
        let mut page = String::new();
        render(&[family], &sums, &mut page);
        for line in [
            "x_seconds_bucket{le=\"0.00001\"} 1\n",
            "x_seconds_bucket{le=\"0.00002\"} 2\n",
            "x_seconds_bucket{le=\"10\"} 2\n",
            "x_seconds_bucket{le=\"+Inf\"} 3\n",
            "x_seconds_sum 60.000021\n",
            "x_seconds_count 3\n",
        ] {
            assert!(page.contains(line), "{line}{page}");
        }
    }

    #[test]
    fn what_never_came_writes_nothing() {
        let family = Family {
            name: "x_seconds",
            kind: Kind::Histogram,
            labels: &[],
            help: "X.",
            collect: |sums: &Sums, samples| sums.write(&[], samples),
        };
        let mut page = String::new();
        render(&[family], &Sums::default(), &mut page);
        assert_eq!(page, "");
    }
}
