//! What becomes of -0: a packed set of Redis keeps it as 0, a larger one keeps it as it is, and clients see which.

use crate::store::value::SortedSet;

/// A set that members are put into, as far as it decides about -0.
pub(super) struct Keeping {
    packed: bool,
    len: usize,
}

impl Keeping {
    /// As `set` is; `None` is a new one.
    pub(super) fn of(set: Option<SortedSet<'_>>) -> Self {
        Self { packed: set.is_none_or(SortedSet::is_packed), len: set.map_or(0, SortedSet::len) }
    }

    /// A new set that is not packed from the start.
    pub(super) fn spread() -> Self {
        Self { packed: false, len: 0 }
    }

    /// The score that `member` gets when it is given `score`; `new`: it was not there before.
    pub(super) fn score(&mut self, member: &[u8], score: f64, new: bool) -> f64 {
        if new {
            self.len += 1;
            self.packed &= SortedSet::packs(self.len, member);
        }
        if self.packed { score + 0.0 } else { score }
    }
}

/// Whether `score` is -0.
pub(super) fn is_negative(score: f64) -> bool {
    score == 0.0 && score.is_sign_negative()
}
