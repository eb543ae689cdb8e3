//! Ids of entries: a time and a number within it.

use std::fmt;

/// Id of an entry of a stream. Ids of one stream ascend; 0-0 is no entry's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Unix milliseconds, or what the client says.
    pub ms: u64,
    /// Number among the entries of the same time.
    pub seq: u64,
}

impl StreamId {
    /// 0-0, below every entry.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The highest id that there is.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// An id of its parts.
    #[must_use]
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The id that follows, `None` after the highest.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| Self { ms, seq: 0 }),
        }
    }

    /// The id before, `None` before 0-0.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| Self { ms, seq: u64::MAX }),
        }
    }

    /// The id that an entry gets by itself at `now` (Unix milliseconds) after this last one: `now`-0, or the one
    /// that follows if the clock is behind. `None` if there is none left.
    #[must_use]
    pub fn generated(self, now: u64) -> Option<Self> {
        if now > self.ms { Some(Self { ms: now, seq: 0 }) } else { self.next() }
    }

    /// 16 bytes that compare as the id does.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id of 16 bytes of [`StreamId::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { ms: (both >> 64) as u64, seq: both as u64 }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_one_another_over_the_end_of_a_millisecond() {
        let end = StreamId::new(5, u64::MAX);
        assert_eq!((end.next(), StreamId::new(6, 0).previous()), (Some(StreamId::new(6, 0)), Some(end)));
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.previous()), (None, None));
        assert_eq!(end.generated(6), Some(StreamId::new(6, 0)));
        assert_eq!(StreamId::new(9, 3).generated(6), Some(StreamId::new(9, 4)));
        assert_eq!(StreamId::from_bytes(end.to_bytes()), end);
    }
}
