//! Which operations a slot's content contains: its version, and for each earlier epoch that wrote to it the last one.

use crate::view::{Epoch, Version};

/// Most epochs that a history tells apart; what lies before is forgotten.
pub const LINEAGE_MAX: usize = 64;

/// The operations that a content contains, told by their versions.
///
/// `n` rises by one with each operation over all epochs, so the operations of an epoch are those above the last of the
/// epoch before. A version that another history gave to another operation is so never mistaken for one of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    version: Version,
    /// Apart: every operation moves the version, and hardly any looks at this.
    past: Option<Box<Past>>,
}

/// What was before the epoch of the version; not there where nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Past {
    /// Epochs that wrote here, each with the last `n`; ascending.
    earlier: Vec<Version>,
    /// Whether epochs before the first of `earlier` were forgotten.
    is_cut: bool,
}

impl History {
    /// The history of a slot that starts empty in the epoch `born`.
    #[must_use]
    pub fn born(born: Epoch) -> Self {
        Self { version: Version { changed: born, n: 0 }, ..Self::default() }
    }

    /// The history of a slot that begins at this version with what was there before: nobody asks for what came earlier.
    #[must_use]
    pub fn founded(version: Version) -> Self {
        Self { version, ..Self::default() }
    }

    /// The history of these parts, if they can be one: epochs and numbers ascend.
    #[must_use]
    pub fn of_parts(version: Version, earlier: Vec<Version>, is_cut: bool) -> Option<Self> {
        let all = || earlier.iter().chain(std::iter::once(&version));
        let ascends = |(one, next): (&Version, &Version)| one.changed < next.changed && one.n <= next.n;
        let is_one = earlier.len() <= LINEAGE_MAX && all().zip(all().skip(1)).all(ascends);
        let past = Past { earlier, is_cut };
        is_one.then(|| Self { version, past: (past != Past::default()).then(|| Box::new(past)) })
    }

    /// Version of the last operation.
    #[inline]
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The last operation of each earlier epoch that wrote, ascending.
    #[must_use]
    pub fn earlier(&self) -> &[Version] {
        self.past.as_ref().map_or(&[], |past| &past.earlier)
    }

    /// Whether epochs were forgotten.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.past.as_ref().is_some_and(|past| past.is_cut)
    }

    /// The version that the next operation of a chain changed in `changed` gets.
    #[inline]
    #[must_use]
    pub fn next(&self, changed: Epoch) -> Version {
        Version { changed, n: self.version.n + 1 }
    }

    /// An operation of this version was applied.
    #[inline]
    pub fn advance(&mut self, version: Version) {
        if version.changed != self.version.changed {
            self.remember();
        }
        self.version = version;
    }

    #[cold]
    fn remember(&mut self) {
        let past = self.past.get_or_insert_default();
        if past.earlier.len() == LINEAGE_MAX {
            past.earlier.remove(0);
            past.is_cut = true;
        }
        past.earlier.push(self.version);
    }

    /// Whether the operation of this version is among them; `None` if that was forgotten.
    #[must_use]
    pub fn has(&self, version: Version) -> Option<bool> {
        let mut after = None;
        for last in self.earlier().iter().chain(std::iter::once(&self.version)) {
            if last.changed == version.changed {
                return match after {
                    None if self.is_cut() => None,
                    None => Some(version.n <= last.n),
                    Some(after) => Some(version.n > after && version.n <= last.n),
                };
            }
            after = Some(last.n);
        }
        let is_older = self.earlier().first().is_some_and(|first| version.changed < first.changed);
        if self.is_cut() && is_older { None } else { Some(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(changed: u64, n: u64) -> Version {
        Version { changed: Epoch(changed), n }
    }

    fn history(versions: &[(u64, u64)]) -> History {
        let mut history = History::born(Epoch(1));
        versions.iter().for_each(|&(changed, n)| history.advance(at(changed, n)));
        history
    }

    #[test]
    fn has_what_was_applied_and_nothing_else() {
        let history = history(&[(1, 1), (1, 2), (4, 3), (4, 4), (9, 5)]);
        for (version, has) in [
            (at(1, 0), true),
            (at(1, 1), true),
            (at(1, 2), true),
            (at(1, 3), false),
            (at(4, 2), false),
            (at(4, 3), true),
            (at(4, 4), true),
            (at(4, 5), false),
            (at(5, 3), false),
            (at(9, 5), true),
            (at(9, 6), false),
            (at(10, 6), false),
        ] {
            assert_eq!(history.has(version), Some(has), "{version:?}");
        }
    }

    #[test]
    fn a_founded_history_has_nothing_of_before() {
        let mut history = History::founded(at(1, 8));
        history.advance(at(3, 9));
        for (version, has) in [(at(0, 7), false), (at(1, 8), true), (at(1, 9), false), (at(3, 9), true)] {
            assert_eq!(history.has(version), Some(has), "{version:?}");
        }
    }

    #[test]
    fn what_was_forgotten_is_not_told() {
        let mut history = History::born(Epoch(1));
        for n in 1..=LINEAGE_MAX as u64 + 1 {
            history.advance(at(n, n));
        }
        assert_eq!(history.has(at(1, 1)), Some(true));
        history.advance(at(200, 100));
        assert_eq!(history.has(at(1, 1)), None, "cut off");
        assert_eq!(history.has(at(2, 2)), None, "where the oldest begins is not known");
        assert_eq!(history.has(at(3, 3)), Some(true));
        assert_eq!(history.has(at(300, 3)), Some(false));
    }

    #[test]
    fn parts_that_do_not_ascend_are_no_history() {
        assert!(History::of_parts(at(3, 5), vec![at(1, 2), at(2, 5)], false).is_some());
        assert!(History::of_parts(at(3, 5), vec![at(2, 2), at(1, 5)], false).is_none());
        assert!(History::of_parts(at(3, 5), vec![at(1, 6)], false).is_none());
        assert!(History::of_parts(at(1, 5), vec![at(1, 4)], false).is_none());
    }
}
