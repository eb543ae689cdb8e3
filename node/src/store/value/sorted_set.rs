//! A sorted set: members ordered by score, then by bytes.

use std::collections::BTreeSet;

use crate::store::entry::Entry;
use crate::store::key::hash_of;
use crate::store::table::Table;

/// A score that can be ordered: never NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score(pub f64);

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.partial_cmp(&other.0).unwrap_or(std::cmp::Ordering::Equal)
    }
}

/// Members and their scores.
#[derive(Clone, Default)]
pub struct SortedSet {
    scores: Table,
    ordered: BTreeSet<(Score, Box<[u8]>)>,
}

impl SortedSet {
    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ordered.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ordered.is_empty()
    }

    /// The score of `member`.
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let entry = self.scores.find(hash_of(member), 0, member)?;
        Some(f64::from_le_bytes(entry.as_string()?.try_into().ok()?))
    }

    /// Members and scores, lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> {
        self.ordered.iter().map(|(score, member)| (&**member, score.0))
    }

    /// Gives `member` the score; returns the one it had. `score` is not NaN.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.score(member);
        if let Some(old) = old {
            self.ordered.remove(&(Score(old), member.into()));
        }
        self.ordered.insert((Score(score), member.into()));
        drop(self.scores.insert(
            hash_of(member),
            Entry::string(0, member, &score.to_le_bytes(), None),
            hash_of,
        ));
        old
    }

    /// Takes `member` out; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(score) = self.score(member) else { return false };
        self.ordered.remove(&(Score(score), member.into()));
        self.scores.remove(hash_of(member), 0, member, hash_of).is_some()
    }
}
