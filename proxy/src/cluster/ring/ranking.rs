//! A node's ranking of all slots, and how far that puts it from each.

use ringmaster_protocol::slot::SLOT_COUNT;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Fixed for ever: another seed would move nearly all slots of every cluster.
const SEED: u64 = 0x7269_6e67_6d61_7374;

/// How far a node is from a slot; comparable between nodes.
pub(super) type Distance = u64;

/// The place of each slot in the order of one node's preference. It comes from the node's name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking(Box<[u16; SLOT_COUNT]>);

impl Ranking {
    /// Ranks the slots by a hash of name and slot.
    pub fn of(name: &str) -> Self {
        let seed = xxh3_64_with_seed(name.as_bytes(), SEED);
        let hash = |slot: u16| xxh3_64_with_seed(&slot.to_le_bytes(), seed);
        let mut by_hash: Vec<(u64, u16)> = (0..SLOT_COUNT as u16).map(|slot| (hash(slot), slot)).collect();
        by_hash.sort_unstable();
        let mut ranks = Box::new([0; SLOT_COUNT]);
        for (rank, (_, slot)) in by_hash.into_iter().enumerate() {
            ranks[usize::from(slot)] = rank as u16;
        }
        Self(ranks)
    }

    /// Distance from `slot` for a node of this weight, which is not 0.
    ///
    /// The nodes race to the slot: the time of each is an exponential variable divided by its weight, so the chance to
    /// be first is exactly its share of the weights. Among 16384 slots the variable of rank r is the expected r-th
    /// smallest.
    pub(super) fn distance(&self, slot: u16, weight: u32) -> Distance {
        let rank = self.0[usize::from(slot)];
        (ORDER_STATISTICS[usize::from(rank)] << 16) / Distance::from(weight)
    }
}

/// Expected r-th smallest of 16384 exponential variables, times 2^40: the sum of 1/16384, 1/16383, ..., 1/(16384 - r).
/// The greatest is 10.3 × 2^40, so 16 bits more still fit.
static ORDER_STATISTICS: [u64; SLOT_COUNT] = order_statistics();

const fn order_statistics() -> [u64; SLOT_COUNT] {
    let mut statistics = [0; SLOT_COUNT];
    let (mut sum, mut rank) = (0, 0);
    while rank < SLOT_COUNT {
        sum += (1 << 40) / (SLOT_COUNT - rank) as u64;
        statistics[rank] = sum;
        rank += 1;
    }
    statistics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ranking_has_each_rank_once_and_depends_on_the_name() {
        let ranking = Ranking::of("node-1");
        let mut ranks = ranking.0.to_vec();
        ranks.sort_unstable();
        assert!(ranks.iter().enumerate().all(|(at, &rank)| at == usize::from(rank)));
        assert_ne!(ranking, Ranking::of("node-2"));
    }

    #[test]
    fn distances_fit_for_the_last_rank() {
        assert!(ORDER_STATISTICS[SLOT_COUNT - 1] < 1 << 48);
        assert!(ORDER_STATISTICS.is_sorted());
    }
}
