//! A sorted set: members ordered by score, then by bytes.
//!
//! A small one is packed in its entry; a larger one is a tree that counts, with a table beside it that finds members.
//! They differ at the same sizes as Redis's encodings and, as there, for good.

mod order;
mod ranked;
mod scores;

use std::ops::Range;

use super::packed::ITEM_BYTES_MAX;
use super::{Collection, ValueMut};
use crate::store::entry::Entry;
pub use order::Bound;
pub use ranked::Ranked;
use scores::{Scores, written};

/// Most members of a set that is packed (`zset-max-listpack-entries`).
const PACKED_MAX: usize = 128;

/// Members and their scores, to read.
#[derive(Clone, Copy)]
pub struct SortedSet<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Packed(Scores<'a>),
    Ranked(&'a Ranked),
}

impl<'a> SortedSet<'a> {
    pub(super) fn packed(bytes: &'a [u8]) -> Self {
        Self(Form::Packed(Scores::new(bytes)))
    }

    pub(super) fn spread(ranked: &'a Ranked) -> Self {
        Self(Form::Ranked(ranked))
    }

    pub(in crate::store) fn ranked(self) -> Option<&'a Ranked> {
        match self.0 {
            Form::Packed(_) => None,
            Form::Ranked(ranked) => Some(ranked),
        }
    }

    /// Number of members.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            Form::Packed(scores) => scores.count(),
            Form::Ranked(ranked) => ranked.len(),
        }
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self.0 {
            Form::Packed(scores) => scores.is_empty(),
            Form::Ranked(ranked) => ranked.len() == 0,
        }
    }

    /// Whether the set is packed (a `listpack` in Redis): it never held many members, nor long ones.
    #[must_use]
    pub fn is_packed(self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Whether a packed set stays so when `member` comes in and makes it `len` members long.
    #[must_use]
    pub fn packs(len: usize, member: &[u8]) -> bool {
        len <= PACKED_MAX && member.len() <= ITEM_BYTES_MAX
    }

    /// Bytes of memory that it takes beside its entry's block, about. O(1).
    #[must_use]
    pub fn heap_bytes(self) -> usize {
        self.ranked().map_or(0, Ranked::heap_bytes)
    }

    /// The score of `member`.
    #[must_use]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self.0 {
            Form::Packed(scores) => scores.find(member).map(|(_, score)| score),
            Form::Ranked(ranked) => ranked.score(member),
        }
    }

    /// How many members lie below `member`, and its score.
    #[must_use]
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.position(&Bound::Item(score, member)), score))
    }

    /// How many members lie before `bound`, in O(log n).
    #[must_use]
    pub fn position(self, bound: &Bound<'_>) -> usize {
        match self.0 {
            Form::Packed(scores) => scores.position(bound).0,
            Form::Ranked(ranked) => ranked.position(bound),
        }
    }

    /// Members and scores, lowest first.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (&'a [u8], f64)> + use<'a> {
        self.range(0..self.len(), false)
    }

    /// Members and scores of `ranks` (at most up to the length), highest first if `reverse`, in O(log n) and a
    /// little for each.
    pub fn range(
        self,
        ranks: Range<usize>,
        reverse: bool,
    ) -> impl ExactSizeIterator<Item = (&'a [u8], f64)> + use<'a> {
        match self.0 {
            Form::Ranked(ranked) => Walk::Ranked(ranked.walk(ranks, reverse)),
            Form::Packed(mut scores) => {
                if ranks.start > 0 {
                    scores.nth(ranks.start - 1);
                }
                if reverse {
                    let mut listed: Vec<_> = scores.take(ranks.len()).collect();
                    listed.reverse();
                    Walk::Listed(listed.into_iter())
                } else {
                    Walk::Packed(scores, ranks.len())
                }
            }
        }
    }

    /// A member and its score chosen by `random`, each as likely as any other.
    #[must_use]
    pub fn pick(self, random: u64) -> Option<(&'a [u8], f64)> {
        let rank = ((u128::from(random) * self.len() as u128) >> 64) as usize;
        match self.0 {
            Form::Packed(mut scores) => scores.nth(rank),
            Form::Ranked(ranked) => ranked.get(rank),
        }
    }

    /// Visits members and scores from cursor `from` on, as a table's scan does; all of a packed set at once.
    pub fn scan(self, from: u32, count: usize, mut visit: impl FnMut(&'a [u8], f64)) -> Option<u32> {
        match self.0 {
            Form::Ranked(ranked) => ranked.scan(from, count, visit),
            Form::Packed(scores) => {
                scores.for_each(|(member, score)| visit(member, score));
                None
            }
        }
    }
}

/// Members and scores one after the other.
enum Walk<'a> {
    /// So many of a packed set.
    Packed(Scores<'a>, usize),
    /// Some of a packed set in another order.
    Listed(std::vec::IntoIter<(&'a [u8], f64)>),
    Ranked(order::Walk<'a>),
}

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Packed(scores, left) => {
                *left = left.checked_sub(1)?;
                scores.next()
            }
            Self::Listed(listed) => listed.next(),
            Self::Ranked(walk) => walk.next().map(|item| (item.name(), item.score)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Packed(_, left) => (*left, Some(*left)),
            Self::Listed(listed) => listed.size_hint(),
            Self::Ranked(walk) => walk.size_hint(),
        }
    }
}

impl ExactSizeIterator for Walk<'_> {}

/// The sorted set that an entry holds, to change.
pub struct SortedSetMut<'e>(&'e mut Entry);

impl<'e> SortedSetMut<'e> {
    /// The sorted set of `entry`, which holds one.
    pub(in crate::store) fn of(entry: &'e mut Entry) -> Self {
        Self(entry)
    }

    fn ranked(&mut self) -> Option<&mut Ranked> {
        match self.0.value_mut() {
            ValueMut::SortedSet(ranked) => Some(ranked),
            _ => None,
        }
    }

    /// The members, while they are packed.
    fn packed(&self) -> Option<Scores<'_>> {
        self.0.as_ref().packed().map(Scores::new)
    }

    /// Gives `member` the score; returns the one it had. `score` is not NaN; an equal one changes nothing (0 is
    /// equal to -0).
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let Some(scores) = self.packed() else {
            return self.ranked().and_then(|ranked| ranked.insert(member, score));
        };
        let found = scores.find(member);
        let old = found.as_ref().map(|(_, score)| *score);
        match found {
            Some((_, old)) if old == score => return Some(old),
            Some((range, _)) => self.0.splice(range, &[]),
            None if !SortedSet::packs(scores.count() + 1, member) => {
                self.spread().insert(member, score);
                return None;
            }
            None => {}
        }
        let at = self.packed().map_or(0, |scores| scores.position(&Bound::Item(score, member)).1);
        let (before, behind, len) = written(member, score);
        self.0.splice(at..at, &[&before, member, &behind[..len]]);
        old
    }

    /// Takes `member` out; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(scores) = self.packed() else {
            return self.ranked().is_some_and(|ranked| ranked.remove(member));
        };
        let found = scores.find(member);
        found.map(|(range, _)| self.0.splice(range, &[])).is_some()
    }

    /// From here on members are found by a table.
    fn spread(&mut self) -> &mut Ranked {
        let mut ranked = Box::<Ranked>::default();
        for (member, score) in self.packed().into_iter().flatten() {
            ranked.insert(member, score);
        }
        self.0.unpack(Collection::SortedSet(ranked));
        self.ranked().expect("it was put there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::value::{Kind, Value};
    use proptest::prelude::*;

    /// An entry with a sorted set.
    struct Held(Entry);

    impl Default for Held {
        fn default() -> Self {
            Self(Entry::empty(0, b"key", Kind::SortedSet))
        }
    }

    impl Held {
        fn set(&self) -> SortedSet<'_> {
            match self.0.as_ref().value() {
                Value::SortedSet(set) => set,
                _ => panic!("a sorted set"),
            }
        }

        fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
            SortedSetMut::of(&mut self.0).insert(member, score)
        }

        fn remove(&mut self, member: &[u8]) -> bool {
            SortedSetMut::of(&mut self.0).remove(member)
        }
    }

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

    fn change(members: u16) -> impl Strategy<Value = Change> {
        prop_oneof![
            4 => (0..members, -20i8..20).prop_map(|(member, score)| Change::Insert(member, score)),
            3 => (0..members).prop_map(Change::Remove),
            2 => (0..members).prop_map(Change::Ascend),
        ]
    }

    fn name(member: u16) -> Vec<u8> {
        format!("{member:x}").into_bytes()
    }

    fn apply(set: &mut Held, model: &mut Model, change: &Change) {
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
    fn compare(set: SortedSet<'_>, model: &Model) {
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

    fn compare_range(set: SortedSet<'_>, model: &Model, from: usize, to: usize) {
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
            changes in (1u16..700).prop_flat_map(|members| proptest::collection::vec(change(members), 1..1500)),
            from in 0usize..500,
            to in 0usize..500,
        ) {
            let (mut set, mut model) = (Held::default(), Model::default());
            for (number, change) in changes.iter().enumerate() {
                apply(&mut set, &mut model, change);
                if number % 100 == 0 {
                    compare(set.set(), &model);
                }
            }
            compare(set.set(), &model);
            compare_range(set.set(), &model, from, to);
            let mut copy = Held(set.0.as_ref().copied(0, b"copy"));
            drop(set);
            compare(copy.set(), &model);
            prop_assert!(model.0.iter().all(|(_, member)| copy.remove(member)) && copy.set().is_empty());
        }

        #[test]
        fn members_of_equal_scores_are_found_by_their_bytes(
            members in proptest::collection::btree_set(proptest::collection::vec(0u8..4, 0..6), 0..600),
            bound in proptest::collection::vec(0u8..4, 0..6),
        ) {
            let mut set = Held::default();
            for member in &members {
                set.insert(member, 0.0);
            }
            prop_assert_eq!(set.set().position(&Bound::Member(&bound)), members.range(..bound.clone()).count());
            prop_assert_eq!(set.set().position(&Bound::AfterMember(&bound)), members.range(..=bound).count());
        }
    }

    #[test]
    fn a_large_set_that_shrinks_again_stays_in_order() {
        let mut set = Held::default();
        let scrambled = |n: u32| n.wrapping_mul(2_654_435_761) >> 7;
        for n in 0..40_000u32 {
            set.insert(&n.to_be_bytes(), f64::from(scrambled(n)));
        }
        for n in (0..40_000u32).filter(|n| n % 50 != 0) {
            assert!(set.remove(&n.to_be_bytes()));
        }
        let scores: Vec<f64> = set.set().iter().map(|(_, score)| score).collect();
        assert!(scores.len() == 800 && scores.is_sorted());
        for n in (0..40_000u32).step_by(50) {
            let (rank, score) = set.set().rank(&n.to_be_bytes()).unwrap();
            assert_eq!((score, scores[rank]), (f64::from(scrambled(n)), f64::from(scrambled(n))));
        }
    }

    #[test]
    fn a_set_is_packed_until_it_holds_many_members_or_a_long_one() {
        let mut set = Held::default();
        (0..128u8).for_each(|n| assert_eq!(set.insert(&[n], 0.0), None));
        assert!(set.set().is_packed());
        set.insert(&[200], 0.0);
        assert!(!set.set().is_packed() && set.remove(&[200]) && !set.set().is_packed());
        let mut set = Held::default();
        set.insert(&[b'x'; ITEM_BYTES_MAX + 1], 1.0);
        assert!(!set.set().is_packed());
    }

    #[test]
    fn a_large_set_counts_its_memory_by_member() {
        let mut set = Held::default();
        for n in 0..20_000u32 {
            set.insert(format!("member:{n:010}").as_bytes(), f64::from(n % 977));
        }
        let bytes = set.0.as_ref().heap_bytes() / 20_000;
        assert!((55..=70).contains(&bytes), "{bytes}");
    }
}
