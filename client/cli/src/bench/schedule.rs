//! When requests are to be sent. Fixed by rate, kind and seed alone: nothing that a server does moves it.

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use serde::Serialize;

use super::clock::Nanos;

/// How the arrivals are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Arrivals {
    /// At even distances.
    Uniform,
    /// Independent of one another, as of many users: exponential distances.
    Poisson,
}

/// The intended times of one thread's requests.
#[derive(Debug)]
pub(super) struct Schedule {
    next: f64,
    distance: f64,
    arrivals: Arrivals,
    rng: SmallRng,
}

impl Schedule {
    /// `rate`: requests a second of this thread, above 0. `phase`: its share of the first distance, in 0..1, so
    /// that threads do not send at the same moments.
    pub(super) fn new(rate: f64, arrivals: Arrivals, phase: f64, seed: u64) -> Schedule {
        let distance = 1e9 / rate;
        let mut schedule = Schedule { next: 0.0, distance, arrivals, rng: SmallRng::seed_from_u64(seed) };
        match arrivals {
            Arrivals::Uniform => schedule.next = phase * distance,
            Arrivals::Poisson => schedule.advance(),
        }
        schedule
    }

    /// When the next request is to be sent.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time since the start, in ns"
    )]
    pub(super) fn due(&self) -> Nanos {
        self.next as Nanos
    }

    /// Goes on to the request after it.
    pub(super) fn advance(&mut self) {
        self.next += match self.arrivals {
            Arrivals::Uniform => self.distance,
            // 1 - random is above 0: its logarithm is finite.
            Arrivals::Poisson => -(1.0 - self.rng.random::<f64>()).ln() * self.distance,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(count: usize, mut schedule: Schedule) -> Vec<Nanos> {
        let mut next = || {
            let due = schedule.due();
            schedule.advance();
            due
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn uniform_arrivals_are_evenly_spread_and_phases_interleave_threads() {
        assert_eq!(first(3, Schedule::new(1000.0, Arrivals::Uniform, 0.0, 1)), [0, 1_000_000, 2_000_000]);
        assert_eq!(first(2, Schedule::new(1000.0, Arrivals::Uniform, 0.5, 1)), [500_000, 1_500_000]);
    }

    #[test]
    fn poisson_arrivals_keep_the_rate_and_their_distances_spread_as_much_as_their_mean() {
        let times = first(100_001, Schedule::new(1000.0, Arrivals::Poisson, 0.0, 7));
        let distances: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        let mean = distances.iter().sum::<f64>() / 1e5;
        let variance = distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 1e5;
        assert!((mean - 1.0).abs() < 0.02 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn the_same_seed_gives_the_same_times() {
        let times = |seed| first(100, Schedule::new(1e6, Arrivals::Poisson, 0.0, seed));
        assert_eq!(times(3), times(3));
        assert_ne!(times(3), times(4));
    }
}
