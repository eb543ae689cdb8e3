//! Sets of flags with Redis's names: command flags, ACL categories, key flags.
//!
//! Rows write them as Redis prints them (`"write denyoom fast"`); the text is read at compile time, and a word
//! that does not exist does not compile.

/// Defines a set over a primitive: one constant a member, in the order in which Redis prints them.
macro_rules! bit_set {
    ($(#[$about:meta])* $set:ident($bits:ty) { $($(#[$doc:meta])* $member:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $set($bits);

        impl $set {
            /// Names of the members, lowest bit first: the order in which Redis prints them.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
            /// No member.
            pub const NONE: Self = Self(0);
            bit_set!(@members $bits, 0, $($(#[$doc])* $member,)+);

            /// The members that `words` names, separated by single spaces. At compile time only.
            pub(super) const fn named(words: &str) -> Self {
                #[expect(clippy::cast_possible_truncation, reason = "a set has no more names than bits")]
                Self(mask_of(words, Self::NAMES) as $bits)
            }

            /// Whether all members of `other` are in `self`.
            #[inline]
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The members of either.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The members of both.
            #[must_use]
            pub const fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// Number of members.
            #[must_use]
            pub const fn len(self) -> usize {
                self.0.count_ones() as usize
            }

            /// Whether the set has no member.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Names of the members, in Redis's order.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                let has = move |bit: usize| self.0 >> bit & 1 == 1;
                Self::NAMES.iter().enumerate().filter(move |(bit, _)| has(*bit)).map(|(_, name)| *name)
            }

            /// The member called `name`, in any letter case.
            #[must_use]
            pub fn by_name(name: &[u8]) -> Option<Self> {
                let bit = Self::NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
                Some(Self(1 << bit))
            }
        }
    };
    (@members $bits:ty, $bit:expr, $(#[$doc:meta])* $member:ident, $($rest:tt)*) => {
        $(#[$doc])*
        pub const $member: Self = Self(1 << ($bit));
        bit_set!(@members $bits, $bit + 1, $($rest)*);
    };
    (@members $bits:ty, $bit:expr,) => {};
}

bit_set! {
    /// What a command may do and when it may be called.
    Flags(u32) {
        /// May change keys.
        WRITE = "write",
        /// Changes no key.
        READONLY = "readonly",
        /// May need memory: refused above `maxmemory`.
        DENYOOM = "denyoom",
        /// For operators.
        ADMIN = "admin",
        /// Publishes or subscribes.
        PUBSUB = "pubsub",
        /// Not from a script.
        NOSCRIPT = "noscript",
        /// May block its client.
        BLOCKING = "blocking",
        /// Answered while the data is loaded.
        LOADING = "loading",
        /// Answered by a replica with stale data.
        STALE = "stale",
        /// Not shown by MONITOR.
        SKIP_MONITOR = "skip_monitor",
        /// Not in the slow log.
        SKIP_SLOWLOG = "skip_slowlog",
        /// Carries its own ASKING.
        ASKING = "asking",
        /// Constant or logarithmic time.
        FAST = "fast",
        /// Allowed before AUTH.
        NO_AUTH = "no_auth",
        /// Zero keys are fine.
        NO_MANDATORY_KEYS = "no_mandatory_keys",
        /// Not while the data is loaded in the background.
        NO_ASYNC_LOADING = "no_async_loading",
        /// Not within MULTI.
        NO_MULTI = "no_multi",
        /// Key positions need the arguments: first, last and step do not say all.
        MOVABLEKEYS = "movablekeys",
        /// Answered while a script is over its time.
        ALLOW_BUSY = "allow_busy",
    }
}

bit_set! {
    /// ACL categories, without their `@`.
    Categories(u32) {
        /// About keys of any type.
        KEYSPACE = "keyspace",
        /// Reads keys.
        READ = "read",
        /// Writes keys.
        WRITE = "write",
        /// Sets.
        SET = "set",
        /// Sorted sets.
        SORTEDSET = "sortedset",
        /// Lists.
        LIST = "list",
        /// Hashes.
        HASH = "hash",
        /// Strings.
        STRING = "string",
        /// Bitmaps.
        BITMAP = "bitmap",
        /// HyperLogLogs.
        HYPERLOGLOG = "hyperloglog",
        /// Geospatial indices.
        GEO = "geo",
        /// Streams.
        STREAM = "stream",
        /// Publish and subscribe.
        PUBSUB = "pubsub",
        /// For operators.
        ADMIN = "admin",
        /// Constant or logarithmic time.
        FAST = "fast",
        /// Not fast.
        SLOW = "slow",
        /// May block its client.
        BLOCKING = "blocking",
        /// To be kept from most users.
        DANGEROUS = "dangerous",
        /// About the connection.
        CONNECTION = "connection",
        /// Transactions.
        TRANSACTION = "transaction",
        /// Scripts and functions.
        SCRIPTING = "scripting",
    }
}

bit_set! {
    /// How a command uses the keys of one key spec. The first four say what happens to the key as a whole.
    KeyFlags(u16) {
        /// Only read.
        RO = "RO",
        /// Read and written.
        RW = "RW",
        /// Overwritten without a look at the old value.
        OW = "OW",
        /// Removed.
        RM = "RM",
        /// The value, or part of it, is given to the user.
        ACCESS = "access",
        /// The value may change by what the user gives.
        UPDATE = "update",
        /// Something may be added to the value.
        INSERT = "insert",
        /// Something may be taken from the value.
        DELETE = "delete",
        /// No key, yet it decides the slot (a shard channel).
        NOT_KEY = "not_key",
        /// The spec may miss keys.
        INCOMPLETE = "incomplete",
        /// The true flags depend on the arguments.
        VARIABLE_FLAGS = "variable_flags",
    }
}

/// One bit for each word of `words`, by its place in `names`. Compilation fails at an unknown word.
const fn mask_of(words: &str, names: &[&str]) -> u64 {
    let (words, mut mask, mut start) = (words.as_bytes(), 0, 0);
    while start < words.len() {
        let mut end = start;
        while end < words.len() && words[end] != b' ' {
            end += 1;
        }
        mask |= 1 << place_of(words, start, end, names);
        start = end + 1;
    }
    mask
}

/// The place of `text[start..end]` in `names`.
const fn place_of(text: &[u8], start: usize, end: usize, names: &[&str]) -> usize {
    let mut place = 0;
    while place < names.len() {
        let name = names[place].as_bytes();
        let mut same = 0;
        while name.len() == end - start && same < name.len() && name[same] == text[start + same] {
            same += 1;
        }
        if same == name.len() {
            return place;
        }
        place += 1;
    }
    panic!("a row names a flag or category that does not exist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_members_and_come_back_in_the_order_of_redis() {
        const FLAGS: Flags = Flags::named("fast write");
        assert_eq!(FLAGS, Flags::WRITE.union(Flags::FAST));
        assert_eq!(FLAGS.names().collect::<Vec<_>>(), ["write", "fast"]);
        assert!(FLAGS.contains(Flags::FAST) && !FLAGS.contains(Flags::READONLY));
        assert_eq!(Flags::named(""), Flags::NONE);
    }

    #[test]
    fn a_member_is_found_by_name_in_any_letter_case() {
        assert_eq!(Categories::by_name(b"SortedSet"), Some(Categories::SORTEDSET));
        assert_eq!(Categories::by_name(b"nothing"), None);
    }
}
