//! Which commands of a thread are traced: one of so many, at random distances.
//!
//! A fixed distance would always hit the same command of a client that sends its commands in a fixed order. The distance is drawn
//! when one was hit, so that all others cost a subtraction and a comparison.

use std::cell::Cell;

use super::Sample;

/// The countdown of one thread.
#[derive(Debug)]
pub struct Sampler {
    /// Commands until the next that is traced.
    left: Cell<u32>,
    random: Cell<u64>,
    /// Average distance; `None`: none is traced.
    mean: Option<f64>,
}

impl Sampler {
    /// `seed` need not be secret.
    #[must_use]
    pub fn new(sample: Sample, seed: u64) -> Self {
        let sampler = Self { left: Cell::new(0), random: Cell::new(seed | 1), mean: sample.mean_gap() };
        sampler.left.set(sampler.draw());
        sampler
    }

    /// Whether this command is traced.
    #[inline(always)]
    pub fn is_due(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        left == 0 && self.begin_anew()
    }

    #[cold]
    fn begin_anew(&self) -> bool {
        self.left.set(self.draw());
        self.mean.is_some()
    }

    /// A distance, at least 1: evenly up to twice the mean.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded")]
    fn draw(&self) -> u32 {
        let Some(mean) = self.mean else { return u32::MAX };
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        let share = f64::from((random >> 32) as u32) / f64::from(u32::MAX);
        1 + (share * 2.0 * (mean - 1.0)).round().min(f64::from(u32::MAX - 1)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(share: f64, commands: u32) -> u32 {
        let sampler = Sampler::new(Sample::of(share).unwrap(), 7);
        (0..commands).map(|_| u32::from(sampler.is_due())).sum()
    }

    #[test]
    fn as_many_are_traced_as_were_asked_for() {
        assert_eq!(hits(0.0, 1_000_000), 0);
        assert_eq!(hits(1.0, 1000), 1000);
        for share in [0.7, 0.1, 0.001] {
            let (hits, expected) = (f64::from(hits(share, 1_000_000)), share * 1e6);
            assert!((hits - expected).abs() < expected * 0.1, "{share}: {hits}");
        }
    }

    #[test]
    fn a_sampler_that_traces_none_never_does() {
        let sampler = Sampler::new(Sample::NONE, 7);
        sampler.left.set(1);
        assert!(!sampler.is_due());
        assert_eq!(sampler.left.get(), u32::MAX);
    }

    #[test]
    fn distances_differ() {
        let sampler = Sampler::new(Sample::of(0.1).unwrap(), 7);
        let drawn: std::collections::BTreeSet<u32> = (0..100).map(|_| sampler.draw()).collect();
        assert!(drawn.len() > 10 && drawn.iter().all(|gap| (1..=19).contains(gap)), "{drawn:?}");
    }
}
