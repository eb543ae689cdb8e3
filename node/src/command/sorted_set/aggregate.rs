//! The arithmetic of unions and intersections, and the sets and sorted sets that they are made of.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::store::value::{Set, SortedSet, Text};

/// How the scores that a member has in several inputs become one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// `score` and one more. The sum of two opposite infinities is 0, as in Redis.
    fn join(self, score: f64, other: f64) -> f64 {
        match self {
            Self::Sum => no_nan(score + other),
            Self::Min if other < score => other,
            Self::Max if other > score => other,
            Self::Min | Self::Max => score,
        }
    }
}

fn no_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// Members and scores of a result.
pub(super) type Scored<'k> = Vec<(Text<'k>, f64)>;

/// What a key of a union, intersection or difference holds.
#[derive(Clone, Copy)]
pub(super) enum Content<'k> {
    Absent,
    /// A plain set: its members have the score 1.
    Set(Set<'k>),
    Sorted(SortedSet<'k>),
}

impl<'k> Content<'k> {
    fn len(self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Set(set) => set.len(),
            Self::Sorted(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Absent => None,
            Self::Set(set) => set.contains(member).then_some(1.0),
            Self::Sorted(set) => set.score(member),
        }
    }

    fn visit(self, mut visit: impl FnMut(Text<'k>, f64)) {
        match self {
            Self::Absent => {}
            Self::Set(set) => set.iter().for_each(|member| visit(member, 1.0)),
            Self::Sorted(set) => set.iter().for_each(|(member, score)| visit(Text::bytes(member), score)),
        }
    }

    fn members(self) -> Scored<'k> {
        let mut members = Vec::with_capacity(self.len());
        self.visit(|member, score| members.push((member, score)));
        members
    }
}

/// A content and the factor of its scores.
#[derive(Clone, Copy)]
pub(super) struct Input<'k> {
    pub(super) content: Content<'k>,
    pub(super) weight: f64,
}

/// Smallest first, as Redis adds the scores: the order of a sum shows in its last digits.
fn by_size(inputs: &mut [Input<'_>]) {
    inputs.sort_by_key(|input| input.content.len());
}

/// Members of any input.
pub(super) fn union<'k>(mut inputs: Vec<Input<'k>>, aggregate: Aggregate) -> Scored<'k> {
    by_size(&mut inputs);
    let mut scores: HashMap<Text<'_>, f64> = HashMap::new();
    for Input { content, weight } in inputs {
        content.visit(|member, score| {
            let score = no_nan(weight * score);
            let joined = |known: &mut f64| *known = aggregate.join(*known, score);
            scores.entry(member).and_modify(joined).or_insert(score);
        });
    }
    scores.into_iter().collect()
}

/// Members of all inputs, at most `limit` of them.
pub(super) fn intersection<'k>(mut inputs: Vec<Input<'k>>, aggregate: Aggregate, limit: usize) -> Scored<'k> {
    by_size(&mut inputs);
    let Some((smallest, others)) = inputs.split_first() else { return Vec::new() };
    let in_all = |(member, score): (Text<'k>, f64)| {
        others
            .iter()
            .try_fold(no_nan(smallest.weight * score), |joined, input| {
                let other = input.content.score(&member)?;
                Some(aggregate.join(joined, other * input.weight))
            })
            .map(|score| (member, score))
    };
    smallest.content.members().into_iter().filter_map(in_all).take(limit).collect()
}

/// Members of the first input that are in no other.
pub(super) fn difference<'k>(inputs: &[Input<'k>]) -> Scored<'k> {
    let Some((first, others)) = inputs.split_first() else { return Vec::new() };
    let mut members = first.content.members();
    let total: usize = others.iter().map(|input| input.content.len()).sum();
    // Either look each member up in every other input, or note all members of the others: what is less.
    if members.len().saturating_mul(others.len()) <= total.saturating_add(members.len()) {
        let elsewhere = |member: &[u8]| others.iter().any(|input| input.content.score(member).is_some());
        members.retain(|(member, _)| !elsewhere(member));
        return members;
    }
    let mut noted: HashSet<Text<'_>> = HashSet::with_capacity(total);
    others.iter().for_each(|input| {
        input.content.visit(|member, _| {
            noted.insert(member);
        });
    });
    members.retain(|(member, _)| !noted.contains(member));
    members
}

/// Puts members in the order of a sorted set.
pub(super) fn sort(members: &mut Scored<'_>) {
    // No score is NaN, and 0 is equal to -0.
    let by_score = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    members.sort_unstable_by(|a, b| by_score(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
}
