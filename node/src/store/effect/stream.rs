//! The ways in which a stream can change.

use crate::store::value::stream::{Cut, Delivery, StreamId};

/// One change of one stream. What a change needs and is not there (the stream, a group, a consumer) is made, unless
/// it says otherwise; ids, times and counters are those that the command has decided on.
#[derive(Clone, Copy, Debug)]
pub enum StreamChange<'a> {
    /// An entry behind all others.
    Append {
        /// Its id, above the stream's last one.
        id: StreamId,
        /// Names and values.
        fields: &'a [(&'a [u8], &'a [u8])],
    },
    /// Entries at the low end are gone. Not on an absent stream.
    Trim {
        /// Which.
        cut: Cut,
    },
    /// Entries are gone, deleted by name. Not on an absent stream.
    Delete {
        /// Their ids, in any order.
        ids: &'a [StreamId],
    },
    /// What the stream remembers is this from now on.
    SetIds {
        /// The id above which the next entry's will be.
        last: StreamId,
        /// Entries that the stream ever had.
        added: u64,
        /// The highest id deleted by name.
        max_deleted: StreamId,
    },
    /// A whole block behind all others, as a stream that is built has.
    AppendBlock {
        /// The block's id, above the last entry's.
        id: StreamId,
        /// Its listpack.
        listpack: &'a [u8],
    },
    /// A group has read this far.
    SetGroup {
        /// Its name.
        group: &'a [u8],
        /// The last entry delivered.
        last: StreamId,
        /// Entries of the stream's whole life up to it, if that can be told.
        read: Option<i64>,
    },
    /// A group is gone with its consumers and pending entries.
    RemoveGroup {
        /// Its name.
        group: &'a [u8],
    },
    /// A consumer was seen, and these entries are pending for it from now on, whosever they were. The group exists.
    Deliver {
        /// The group's name.
        group: &'a [u8],
        /// The consumer's name.
        consumer: &'a [u8],
        /// When it was seen, in Unix milliseconds.
        seen: u64,
        /// The entries, perhaps none.
        deliveries: &'a [Delivery],
    },
    /// A consumer is gone with its pending entries. The group exists.
    RemoveConsumer {
        /// The group's name.
        group: &'a [u8],
        /// The consumer's name.
        consumer: &'a [u8],
    },
    /// Entries are pending no more. The group exists.
    Acknowledge {
        /// The group's name.
        group: &'a [u8],
        /// The entries' ids.
        ids: &'a [StreamId],
    },
}

impl StreamChange<'_> {
    /// Whether readers that wait for entries are to look: there are some, or their group is gone.
    #[must_use]
    pub fn wakes(&self) -> bool {
        matches!(self, Self::Append { .. } | Self::AppendBlock { .. } | Self::RemoveGroup { .. })
    }
}
