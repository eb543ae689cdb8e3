//! The worst keys that were seen lately: Redis's eviction pool.

use ringmaster_protocol::slot::HashSlot;

use super::policy::Score;

/// Keys in the pool.
const POOL: usize = 16;

/// A key that may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) score: Score,
    pub(super) slot: HashSlot,
    /// The upper half of its hash.
    pub(super) order: u32,
    /// Its record when it was seen: one that has changed was used meanwhile.
    pub(super) record: u32,
}

/// Candidates, the best in front, so that the worst is at hand.
#[derive(Debug, Default)]
pub(super) struct Pool(Vec<Candidate>);

impl Pool {
    /// Whether a key of `score` would be let in.
    pub(super) fn wants(&self, score: Score) -> bool {
        self.0.len() < POOL || self.0[0].score > score
    }

    /// Lets a candidate in, in place of the best if the pool is full.
    pub(super) fn push(&mut self, candidate: Candidate) {
        let same = |known: &Candidate| (known.slot, known.order) == (candidate.slot, candidate.order);
        if self.0.iter().any(same) {
            return;
        }
        if self.0.len() == POOL {
            self.0.remove(0);
        }
        let at = self.0.partition_point(|known| known.score > candidate.score);
        self.0.insert(at, candidate);
    }

    /// The worst.
    pub(super) fn pop(&mut self) -> Option<Candidate> {
        self.0.pop()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_leave_first_and_the_best_make_room() {
        let mut pool = Pool::default();
        let slot = HashSlot::new(0).unwrap();
        for n in (0..40u32).rev() {
            let score = Score(u64::from(n));
            if pool.wants(score) {
                pool.push(Candidate { score, slot, order: n, record: 0 });
            }
        }
        assert!(!pool.wants(Score(16)) && pool.wants(Score(14)));
        let orders: Vec<u32> = std::iter::from_fn(|| pool.pop()).map(|candidate| candidate.order).collect();
        assert_eq!(orders, (0..16).collect::<Vec<_>>());
    }
}
