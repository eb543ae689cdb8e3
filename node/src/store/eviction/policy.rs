//! The policies by name, and by what each puts one key before another.

use super::super::entry::EntryRef;
use super::record::{Family, Touch};

/// What is evicted when memory is full: Redis's `maxmemory-policy`, and `s3fifo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Policy {
    /// Nothing: writes that need memory are refused.
    NoEviction,
    /// The least recently used.
    AllkeysLru,
    /// The least recently used of the keys with a deadline.
    VolatileLru,
    /// The least frequently used, by Redis's decaying logarithmic counter.
    AllkeysLfu,
    /// The least frequently used of the keys with a deadline.
    VolatileLfu,
    /// Any key.
    AllkeysRandom,
    /// Any key with a deadline.
    VolatileRandom,
    /// The key whose deadline comes first.
    VolatileTtl,
    /// The default: what has not proved its worth in a small queue of new keys, else the least used.
    #[default]
    S3Fifo,
}

/// How little a key is worth: the lowest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(pub u64);

impl Policy {
    /// All policies.
    pub const ALL: [Self; 9] = [
        Self::NoEviction,
        Self::AllkeysLru,
        Self::VolatileLru,
        Self::AllkeysLfu,
        Self::VolatileLfu,
        Self::AllkeysRandom,
        Self::VolatileRandom,
        Self::VolatileTtl,
        Self::S3Fifo,
    ];

    pub(super) fn of(bits: u8) -> Self {
        Self::ALL[usize::from(bits).min(Self::ALL.len() - 1)]
    }

    /// The name in `maxmemory-policy`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoEviction => "noeviction",
            Self::AllkeysLru => "allkeys-lru",
            Self::VolatileLru => "volatile-lru",
            Self::AllkeysLfu => "allkeys-lfu",
            Self::VolatileLfu => "volatile-lfu",
            Self::AllkeysRandom => "allkeys-random",
            Self::VolatileRandom => "volatile-random",
            Self::VolatileTtl => "volatile-ttl",
            Self::S3Fifo => "s3fifo",
        }
    }

    /// The policy of a name, in any case of letters.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name().eq_ignore_ascii_case(name))
    }

    /// Whether only keys with a deadline go.
    #[must_use]
    pub fn is_volatile(self) -> bool {
        matches!(self, Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl)
    }

    /// Whether the counters of `OBJECT FREQ` are kept.
    #[must_use]
    pub fn counts(self) -> bool {
        self.family() == Family::Frequency
    }

    pub(super) fn family(self) -> Family {
        match self {
            Self::S3Fifo => Family::Queues,
            Self::AllkeysLfu | Self::VolatileLfu => Family::Frequency,
            _ => Family::Recency,
        }
    }

    /// What `entry` is worth; `None` if it is not to go. Not for [`Policy::S3Fifo`].
    pub(super) fn score(self, entry: EntryRef<'_>, touch: Touch) -> Option<Score> {
        if self.is_volatile() && entry.deadline().is_none() {
            return None;
        }
        match self {
            Self::NoEviction => None,
            Self::VolatileTtl => entry.deadline().map(Score),
            Self::AllkeysRandom | Self::VolatileRandom => Some(Score(0)),
            Self::AllkeysLfu | Self::VolatileLfu => Some(Score(u64::from(touch.counter(entry.record())))),
            _ => Some(Score(u64::MAX - touch.idle(entry.record()))),
        }
    }
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::named(text).ok_or_else(|| format!("is not a policy, give one of {}", names()))
    }
}

impl<'de> serde::Deserialize<'de> for Policy {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
    }
}
