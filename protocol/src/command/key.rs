//! Key specs: where a command's keys stand among its arguments, in the terms of Redis 7's `COMMAND INFO`.

use super::bits::{Flags, KeyFlags};

/// One group of keys of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: Begin,
    /// Which arguments from there on are keys.
    pub find: Find,
    /// How the command uses these keys.
    pub flags: KeyFlags,
    /// Redis's remark, empty if there is none.
    pub notes: &'static str,
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument; the command's name is 0.
    Index(i16),
    /// After this word, in any letter case. Searched from argument `from` forwards; from the end backwards if
    /// `from` is negative.
    Keyword {
        /// The word.
        word: &'static str,
        /// First argument that is looked at.
        from: i16,
    },
    /// Cannot be said; the command has its own rule.
    Unknown,
}

/// Which arguments are keys, from the beginning of the search on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Each `step`-th up to `last`.
    Range {
        /// From the beginning of the search if not negative, else from the end of the arguments (-1 is the last).
        last: i16,
        /// Distance of two keys.
        step: i16,
        /// With `last` -1: only the first `1/limit` of the remaining arguments; 0 is no limit.
        limit: i16,
    },
    /// As many as an argument says.
    Keynum {
        /// The argument that holds the number, from the beginning of the search.
        number: i16,
        /// The first key, from the beginning of the search.
        first: i16,
        /// Distance of two keys.
        step: i16,
    },
    /// Cannot be said; the command has its own rule.
    Unknown,
}

/// One key, at argument `index`.
pub(super) const fn at(index: i16, flags: &str) -> KeySpec {
    range(index, 0, 1, flags)
}

/// Keys from argument `first` on, each `step`-th up to `last`.
pub(super) const fn range(first: i16, last: i16, step: i16, flags: &str) -> KeySpec {
    spec(Begin::Index(first), Find::Range { last, step, limit: 0 }, flags)
}

/// Argument `index` is the number of keys, and the keys follow it.
pub(super) const fn counted(index: i16, flags: &str) -> KeySpec {
    spec(Begin::Index(index), Find::Keynum { number: 0, first: 1, step: 1 }, flags)
}

/// As [`counted`], with a value after each key.
pub(super) const fn counted_pairs(index: i16, flags: &str) -> KeySpec {
    spec(Begin::Index(index), Find::Keynum { number: 0, first: 1, step: 2 }, flags)
}

/// Keys after `word`, searched from argument `from` on.
pub(super) const fn after(word: &'static str, from: i16, find: Find, flags: &str) -> KeySpec {
    spec(Begin::Keyword { word, from }, find, flags)
}

/// Keys of which the spec cannot tell the place.
pub(super) const fn unknown(flags: &str) -> KeySpec {
    spec(Begin::Unknown, Find::Unknown, flags)
}

/// One key, for [`after`].
pub(super) const ONE: Find = Find::Range { last: 0, step: 1, limit: 0 };
/// All arguments to the end, for [`after`].
pub(super) const REST: Find = Find::Range { last: -1, step: 1, limit: 0 };
/// The first half of the arguments to the end, for [`after`].
pub(super) const FIRST_HALF: Find = Find::Range { last: -1, step: 1, limit: 2 };

const fn spec(begin: Begin, find: Find, flags: &str) -> KeySpec {
    KeySpec { begin, find, flags: KeyFlags::named(flags), notes: "" }
}

impl KeySpec {
    /// With Redis's remark.
    pub(super) const fn noted(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }

    /// Whether the spec is always exactly the argument 1.
    pub(super) const fn is_argument_one(&self) -> bool {
        matches!((self.begin, self.find), (Begin::Index(1), Find::Range { last: 0, .. }))
            && !self.flags.contains(KeyFlags::NOT_KEY)
    }
}

/// First key, last key, step: the description of keys before Redis 7, all zero without keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Legacy {
    pub(super) first: i16,
    pub(super) last: i16,
    pub(super) step: i16,
    /// [`Flags::MOVABLEKEYS`] if the three do not say all, else nothing.
    pub(super) movable: Flags,
}

/// What Redis derives from `specs` for clients that know only first, last and step.
pub(super) const fn legacy(specs: &[KeySpec]) -> Legacy {
    let mut legacy = Legacy { first: 0, last: 0, step: 0, movable: Flags::NONE };
    let mut place = 0;
    while place < specs.len() {
        legacy = legacy_with(legacy, &specs[place], specs.len() == 1);
        place += 1;
    }
    legacy
}

const fn legacy_with(mut legacy: Legacy, spec: &KeySpec, only: bool) -> Legacy {
    let (Begin::Index(first), Find::Range { last, step, .. }) = (spec.begin, spec.find) else {
        legacy.movable = Flags::MOVABLEKEYS;
        return legacy;
    };
    let joined = legacy.last == 0 || legacy.last == first - 1;
    if !only && (step != 1 || !joined) {
        legacy.movable = Flags::MOVABLEKEYS;
        return legacy;
    }
    if spec.flags.contains(KeyFlags::INCOMPLETE) {
        legacy.movable = Flags::MOVABLEKEYS;
    }
    if legacy.first == 0 {
        legacy.first = first;
    }
    legacy.last = if last >= 0 { last + first } else { last };
    legacy.step = step;
    legacy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_ranges_become_one() {
        let both = legacy(&[at(1, "OW"), range(2, -1, 1, "RO")]);
        assert_eq!((both.first, both.last, both.step), (1, -1, 1));
        assert!(both.movable.is_empty());
    }

    #[test]
    fn what_a_range_cannot_say_is_movable() {
        let sort = legacy(&[at(1, "RO"), unknown("OW")]);
        assert_eq!((sort.first, sort.last, sort.step), (1, 1, 1));
        assert!(sort.movable.contains(Flags::MOVABLEKEYS));
        assert!(legacy(&[counted(1, "RO")]).movable.contains(Flags::MOVABLEKEYS));
    }
}
