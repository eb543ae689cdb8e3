//! Which commands of a thread are traced: one of so many, at random distances.
//!
//! A fixed distance would always hit the same command of a client that sends its commands in a fixed order. The distance is drawn
//! when one was hit, so that all others cost a subtraction and a comparison. A long distance is counted down in stages: at the end
//! of each the share is looked at, which may have been changed.

use std::cell::Cell;
use std::sync::Arc;

use super::{LiveSample, Sample};

/// The countdown of one thread.
#[derive(Debug)]
pub struct Sampler {
    /// Commands until the end of the stage.
    left: Cell<u32>,
    /// Commands from there to the next that is traced; `None`: none is.
    rest: Cell<Option<u32>>,
    random: Cell<u64>,
    /// What the distance was drawn by.
    drawn_by: Cell<Sample>,
    live: Option<Arc<LiveSample>>,
}

impl Sampler {
    /// Commands after which another share is gone by at the latest.
    pub const LOOK_EVERY: u32 = 128;

    /// Goes by `live`; without it, none is traced. `seed` need not be secret.
    #[must_use]
    pub fn new(live: Option<Arc<LiveSample>>, seed: u64) -> Self {
        let drawn_by = Cell::new(Sample::NONE);
        let sampler =
            Self { left: Cell::new(1), rest: Cell::new(None), random: Cell::new(seed | 1), drawn_by, live };
        sampler.draw();
        sampler
    }

    /// Whether this command is traced.
    #[inline(always)]
    pub fn is_due(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        left == 0 && self.ends_stage()
    }

    /// Whether the command at the end of a stage is traced. Begins the next.
    #[cold]
    fn ends_stage(&self) -> bool {
        let is_due = self.rest.get() == Some(0);
        if is_due || self.live.as_ref().is_some_and(|live| live.load() != self.drawn_by.get()) {
            self.draw();
        } else {
            self.begin_stage();
        }
        is_due
    }

    /// A stage of what is left of the distance.
    fn begin_stage(&self) {
        let rest = self.rest.get();
        // Without anything that could be changed, nothing is looked at.
        let longest = if self.live.is_some() { Self::LOOK_EVERY } else { u32::MAX };
        let stage = rest.map_or(longest, |rest| rest.min(longest));
        self.left.set(stage);
        self.rest.set(rest.map(|rest| rest - stage));
    }

    /// Draws a distance, at least 1: evenly up to twice the mean.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded")]
    fn draw(&self) {
        let sample = self.live.as_ref().map_or(Sample::NONE, |live| live.load());
        self.drawn_by.set(sample);
        self.rest.set(sample.mean_gap().map(|mean| {
            let share = f64::from((self.next_random() >> 32) as u32) / f64::from(u32::MAX);
            1 + (share * 2.0 * (mean - 1.0)).round().min(f64::from(u32::MAX - 1)) as u32
        }));
        self.begin_stage();
    }

    fn next_random(&self) -> u64 {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(share: f64) -> Arc<LiveSample> {
        Arc::new(LiveSample::new(Sample::of(share).unwrap()))
    }

    fn count(sampler: &Sampler, commands: u32) -> u32 {
        (0..commands).map(|_| u32::from(sampler.is_due())).sum()
    }

    #[test]
    fn as_many_are_traced_as_were_asked_for() {
        let hits = |share, commands| count(&Sampler::new(Some(live(share)), 7), commands);
        assert_eq!(hits(0.0, 1_000_000), 0);
        assert_eq!(hits(1.0, 1000), 1000);
        for share in [0.7, 0.1, 0.001, 0.0001] {
            let (hits, expected) = (f64::from(hits(share, 10_000_000)), share * 1e7);
            assert!((hits - expected).abs() < expected * 0.1, "{share}: {hits}");
        }
    }

    #[test]
    fn a_sampler_that_nothing_is_told_of_never_traces() {
        let sampler = Sampler::new(None, 7);
        assert_eq!(sampler.left.get(), u32::MAX);
        sampler.left.set(1);
        assert!(!sampler.is_due());
        assert_eq!(sampler.left.get(), u32::MAX);
    }

    #[test]
    fn another_share_is_gone_by_soon_in_both_directions() {
        let live = live(0.0);
        let sampler = Sampler::new(Some(Arc::clone(&live)), 7);
        assert_eq!(count(&sampler, 1000), 0);
        live.store(Sample::of(1.0).unwrap());
        assert!(count(&sampler, Sampler::LOOK_EVERY + 10) >= 10);
        live.store(Sample::of(0.000_000_001).unwrap());
        count(&sampler, 1);
        assert_eq!(count(&sampler, 100_000), 0);
        live.store(Sample::of(0.5).unwrap());
        assert!(count(&sampler, 10_000) > 4_000);
        live.store(Sample::NONE);
        count(&sampler, Sampler::LOOK_EVERY);
        assert_eq!(count(&sampler, 100_000), 0);
    }

    #[test]
    fn distances_differ() {
        let sampler = Sampler::new(Some(live(0.1)), 7);
        let mut distances = std::collections::BTreeSet::new();
        let mut distance = 0;
        for _ in 0..1000 {
            distance += 1;
            if sampler.is_due() {
                distances.insert(std::mem::take(&mut distance));
            }
        }
        assert!(distances.len() > 10 && distances.iter().all(|gap| (1..=19).contains(gap)), "{distances:?}");
    }
}
