//! The parts of a stream: nodes of entries, what is known of the whole, groups with their consumers.
//!
//! ```text
//! count · (id of the node · listpack)…
//! entries · last id · [first id · highest deleted id · entries ever added]
//! count · (name · last id · [entries read] ·
//!          count · (pending id · time of delivery · deliveries)… ·
//!          count · (consumer · seen time · [active time] · count · pending id…)…)…
//! ```
//! What stands in brackets came with release 2 of the form (Redis 7.0) and, the active time, with 3 (Redis 7.2).

mod node;
mod pack;
mod read;
mod write;

pub use node::{Entries, Entry, Fields, Node};
pub use pack::Packer;
pub use read::StreamReader;
pub use write::StreamWriter;

use super::wire::Text;

/// The id of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// Unix milliseconds.
    pub ms: u64,
    /// Counts entries of one millisecond.
    pub seq: u64,
}

impl StreamId {
    /// As 16 bytes, whose order is that of ids.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id of 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let id = u128::from_be_bytes(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "one half each")]
        let (ms, seq) = ((id >> 64) as u64, id as u64);
        Self { ms, seq }
    }
}

/// What is known of a whole stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamMeta {
    /// Its entries.
    pub len: u64,
    /// The highest id that it ever had.
    pub last_id: StreamId,
    /// The lowest id that it has; 0-0 if it is empty.
    pub first_id: StreamId,
    /// The highest id that was deleted; 0-0 if none was.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
}

impl StreamMeta {
    /// How many entries were added up to `id`, as far as that can be told: for groups of the first release.
    fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        match () {
            () if self.entries_added == 0 => Some(0),
            () if self.len == 0 && id <= self.last_id => Some(self.entries_added),
            () if id >= self.last_id => (id == self.last_id).then_some(self.entries_added),
            () if self.max_deleted_id != StreamId::default() && self.max_deleted_id >= self.first_id => None,
            () if id < self.first_id => self.entries_added.checked_sub(self.len),
            () if id == self.first_id => self.entries_added.checked_sub(self.len).map(|before| before + 1),
            () => None,
        }
    }
}

/// A part of a stream, in the order in which they come.
#[derive(Clone, Debug)]
pub enum StreamPart<'a> {
    /// Some entries; their ids lie above those of the nodes before. Any number of nodes.
    Node(Node<'a>),
    /// What is known of the whole: once, behind the nodes.
    Meta(StreamMeta),
    /// A group; what follows up to the next one is its.
    Group {
        /// Its name.
        name: Text<'a>,
        /// The last id that it delivered.
        last_id: StreamId,
        /// How many entries it has read, if that is known.
        entries_read: Option<u64>,
    },
    /// An entry that the group delivered and that was not acknowledged. Their ids rise.
    Pending {
        /// The entry's id.
        id: StreamId,
        /// When it was delivered, in Unix milliseconds.
        delivered_at: u64,
        /// How often it was delivered.
        deliveries: u64,
    },
    /// A consumer of the group, behind all pending entries.
    Consumer {
        /// Its name.
        name: Text<'a>,
        /// When it was last seen, in Unix milliseconds.
        seen_at: u64,
        /// When it last got something, in Unix milliseconds, if that was kept.
        active_at: Option<u64>,
    },
    /// One of the pending entries is the consumer's. Each is one consumer's.
    Owned {
        /// The entry's id.
        id: StreamId,
    },
}
