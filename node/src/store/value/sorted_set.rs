//! A sorted set: members ordered by score, then by bytes.
//!
//! A small one is a sorted vector and nothing else; a larger one has a table from members to scores beside it.
//! They differ at the same sizes as Redis's encodings and, as there, for good.

mod order;

use std::ops::Range;

use crate::store::entry::Entry;
use crate::store::heap::{allocated, boxed};
use crate::store::key::hash_of;
use crate::store::table::Table;
pub use order::Bound;
use order::{Item, Order};

/// Most members of a set that is packed (`zset-max-listpack-entries`): one leaf.
const PACKED_MAX: usize = order::LEAF_MAX;

/// Longest member in bytes of such a set (`zset-max-listpack-value`).
const PACKED_BYTES_MAX: usize = 64;

/// Members and their scores.
#[derive(Default)]
pub struct SortedSet {
    order: Order,
    /// Scores by member; `None` while the set is packed.
    scores: Option<Table>,
    /// What the members take, without what the table notes of them.
    member_bytes: usize,
}

/// What a place in the order takes: an item, and the room that is left between items.
const PLACE_BYTES: usize = size_of::<Item>() * 5 / 4;

impl SortedSet {
    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the set takes, about. O(1).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let places = self.len() * PLACE_BYTES + self.member_bytes;
        // The table's entries hold a member again, a header and the score.
        let noted = self.scores.as_ref().map(|table| allocated(table.bucket_bytes()) + self.len() * 16);
        boxed::<Self>() + places + noted.map_or(0, |bytes| bytes + self.member_bytes)
    }

    /// Whether Redis would keep the set packed (a `listpack`): it never held many members, nor long ones.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        self.scores.is_none()
    }

    /// Whether a packed set stays so when `member` comes in and makes it `len` members long.
    #[must_use]
    pub fn packs(len: usize, member: &[u8]) -> bool {
        len <= PACKED_MAX && member.len() <= PACKED_BYTES_MAX
    }

    /// The score of `member`.
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.scores {
            Some(scores) => scores.find(hash_of(member), 0, member).map(score_of),
            None => self.iter().find(|(name, _)| *name == member).map(|(_, score)| score),
        }
    }

    /// How many members lie below `member`, and its score.
    #[must_use]
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.position(&Bound::Item(score, member)), score))
    }

    /// How many members lie before `bound`, in O(log n).
    #[must_use]
    pub fn position(&self, bound: &Bound<'_>) -> usize {
        self.order.position(bound)
    }

    /// Members and scores, lowest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], f64)> {
        self.range(0..self.len(), false)
    }

    /// Members and scores of `ranks` (at most up to the length), highest first if `reverse`, in O(log n) and a
    /// little for each.
    pub fn range(
        &self,
        ranks: Range<usize>,
        reverse: bool,
    ) -> impl ExactSizeIterator<Item = (&[u8], f64)> + use<'_> {
        self.order.walk(ranks, reverse).map(|item| (&*item.member, item.score))
    }

    /// A member and its score chosen by `random`, each as likely as any other.
    #[must_use]
    pub fn pick(&self, random: u64) -> Option<(&[u8], f64)> {
        let rank = ((u128::from(random) * self.len() as u128) >> 64) as usize;
        self.order.get(rank).map(|item| (&*item.member, item.score))
    }

    /// Visits members and scores from cursor `from` on, as [`Table::scan`]; all of a packed set at once.
    pub fn scan<'s>(&'s self, from: u32, count: usize, mut visit: impl FnMut(&'s [u8], f64)) -> Option<u32> {
        match &self.scores {
            Some(scores) => scores.scan(from, count, hash_of, |entry| visit(entry.key(), score_of(entry))),
            None => {
                self.iter().for_each(|(member, score)| visit(member, score));
                None
            }
        }
    }

    /// Gives `member` the score; returns the one it had. `score` is not NaN; an equal one changes nothing (0 is
    /// equal to -0).
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.score(member);
        if old == Some(score) {
            return old;
        }
        if old.is_none() && !Self::packs(self.len() + 1, member) {
            self.spread();
        }
        let item = match old {
            Some(old) => Item { score, ..self.take(member, old) },
            None => {
                self.member_bytes += allocated(member.len());
                Item { score, member: member.into() }
            }
        };
        self.order.insert(item);
        if let Some(scores) = &mut self.scores {
            index(scores, member, score);
        }
        old
    }

    /// Takes `member` out; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(score) = self.score(member) else { return false };
        self.take(member, score);
        self.member_bytes -= allocated(member.len());
        if let Some(scores) = &mut self.scores {
            drop(scores.remove(hash_of(member), 0, member, hash_of));
        }
        true
    }

    /// Takes the item of `member`, which is there with this score, out of the order.
    fn take(&mut self, member: &[u8], score: f64) -> Item {
        let rank = self.position(&Bound::Item(score, member));
        self.order.remove(rank)
    }

    /// From here on scores are found by a table.
    fn spread(&mut self) {
        if self.is_packed() {
            let mut scores = Table::default();
            self.iter().for_each(|(member, score)| index(&mut scores, member, score));
            self.scores = Some(scores);
        }
    }
}

impl Clone for SortedSet {
    fn clone(&self) -> Self {
        let scores = self.scores.as_ref().map(|scores| scores.copied(hash_of));
        Self { order: self.order.clone(), scores, member_bytes: self.member_bytes }
    }
}

/// Notes the score of `member`.
fn index(scores: &mut Table, member: &[u8], score: f64) {
    let (hash, bytes) = (hash_of(member), score.to_le_bytes());
    let place = scores.find_mut(hash, 0, member);
    if !place.is_some_and(|mut entry| entry.overwrite(&bytes, None)) {
        drop(scores.insert(hash, Entry::string(0, member, &bytes, None), hash_of));
    }
}

/// The score that an entry of the table notes.
fn score_of(entry: crate::store::entry::EntryRef<'_>) -> f64 {
    let bytes = entry.as_string().and_then(|bytes| bytes.try_into().ok());
    f64::from_le_bytes(bytes.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a sorted set should be: a vector that is sorted anew after each change.
    #[derive(Default)]
    struct Model(Vec<(f64, Vec<u8>)>);

    impl Model {
        fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
            let old = self.0.iter().find(|(_, name)| name == member).map(|(score, _)| *score);
            self.0.retain(|(_, name)| name != member);
            self.0.push((score, member.to_vec()));
            self.0.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
            old
        }

        fn remove(&mut self, member: &[u8]) -> bool {
            let before = self.0.len();
            self.0.retain(|(_, name)| name != member);
            self.0.len() < before
        }

        fn position(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
            self.0.iter().take_while(|(score, name)| before(*score, name)).count()
        }
    }

    #[derive(Clone, Debug)]
    enum Change {
        Insert(u16, i8),
        Remove(u16),
        Ascend(u16),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            4 => (0u16..700, -20i8..20).prop_map(|(member, score)| Change::Insert(member, score)),
            3 => (0u16..700).prop_map(Change::Remove),
            2 => (0u16..700).prop_map(Change::Ascend),
        ]
    }

    fn name(member: u16) -> Vec<u8> {
        format!("{member:x}").into_bytes()
    }

    fn apply(set: &mut SortedSet, model: &mut Model, change: &Change) {
        match *change {
            Change::Insert(member, score) => {
                let (member, score) = (name(member), f64::from(score) / 4.0);
                assert_eq!(set.insert(&member, score), model.insert(&member, score));
            }
            Change::Remove(member) => {
                assert_eq!(set.remove(&name(member)), model.remove(&name(member)));
            }
            Change::Ascend(member) => {
                let score = f64::from(member);
                assert_eq!(set.insert(&name(member), score), model.insert(&name(member), score));
            }
        }
    }

    /// Every answer that `set` gives about its members is that of `model`.
    fn compare(set: &SortedSet, model: &Model) {
        let all: Vec<(f64, Vec<u8>)> = set.iter().map(|(name, score)| (score, name.to_vec())).collect();
        assert_eq!((&all, set.len()), (&model.0, model.0.len()));
        for (rank, (score, name)) in model.0.iter().enumerate() {
            assert_eq!(set.rank(name), Some((rank, *score)));
        }
        for at in -20..20 {
            let bound = f64::from(at) / 4.0;
            assert_eq!(set.position(&Bound::Score(bound)), model.position(|score, _| score < bound));
            assert_eq!(set.position(&Bound::AfterScore(bound)), model.position(|score, _| score <= bound));
        }
    }

    fn compare_range(set: &SortedSet, model: &Model, from: usize, to: usize) {
        let ranks = from.min(model.0.len())..to.clamp(from.min(model.0.len()), model.0.len());
        let expected = &model.0[ranks.clone()];
        let up = set.range(ranks.clone(), false).map(|(name, score)| (score, name.to_vec()));
        assert!(up.eq(expected.iter().cloned()));
        let down = set.range(ranks, true).map(|(name, score)| (score, name.to_vec()));
        assert!(down.eq(expected.iter().rev().cloned()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_sorted_set_behaves_as_a_sorted_vector(
            changes in proptest::collection::vec(change(), 1..1500),
            from in 0usize..500,
            to in 0usize..500,
        ) {
            let (mut set, mut model) = (SortedSet::default(), Model::default());
            for (number, change) in changes.iter().enumerate() {
                apply(&mut set, &mut model, change);
                if number % 100 == 0 {
                    compare(&set, &model);
                }
            }
            compare(&set, &model);
            compare_range(&set, &model, from, to);
        }

        #[test]
        fn members_of_equal_scores_are_found_by_their_bytes(
            members in proptest::collection::btree_set(proptest::collection::vec(0u8..4, 0..6), 0..600),
            bound in proptest::collection::vec(0u8..4, 0..6),
        ) {
            let mut set = SortedSet::default();
            for member in &members {
                set.insert(member, 0.0);
            }
            prop_assert_eq!(set.position(&Bound::Member(&bound)), members.range(..bound.clone()).count());
            prop_assert_eq!(set.position(&Bound::AfterMember(&bound)), members.range(..=bound).count());
        }
    }

    #[test]
    fn a_large_set_that_shrinks_again_stays_in_order() {
        let mut set = SortedSet::default();
        let scrambled = |n: u32| n.wrapping_mul(2_654_435_761) >> 7;
        for n in 0..40_000u32 {
            set.insert(&n.to_be_bytes(), f64::from(scrambled(n)));
        }
        for n in (0..40_000u32).filter(|n| n % 50 != 0) {
            assert!(set.remove(&n.to_be_bytes()));
        }
        let scores: Vec<f64> = set.iter().map(|(_, score)| score).collect();
        assert!(scores.len() == 800 && scores.is_sorted());
        for n in (0..40_000u32).step_by(50) {
            let (rank, score) = set.rank(&n.to_be_bytes()).unwrap();
            assert_eq!((score, scores[rank]), (f64::from(scrambled(n)), f64::from(scrambled(n))));
        }
    }

    #[test]
    fn a_set_is_packed_until_it_holds_many_members_or_a_long_one() {
        let mut set = SortedSet::default();
        (0..128u8).for_each(|n| assert_eq!(set.insert(&[n], 0.0), None));
        assert!(set.is_packed());
        set.insert(&[200], 0.0);
        assert!(!set.is_packed() && set.remove(&[200]) && !set.is_packed());
        let mut set = SortedSet::default();
        set.insert(&[b'x'; PACKED_BYTES_MAX + 1], 1.0);
        assert!(!set.is_packed());
    }
}
