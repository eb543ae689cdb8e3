//! Effects: all the ways in which a slot can change.
//!
//! A command computes effects and hands them to the one door ([`super::slot::Slot::apply`]); nothing else writes.
//! An effect is the physical result and replays exactly: applied to equal slots it gives equal slots, whatever
//! the clock, the random numbers and the command that caused it were. That is what the log and the chain carry.

pub mod encoding;
mod stream;

use super::key::Key;
use super::value::list::End;
pub use stream::StreamChange;

/// Elements of one effect of a command that builds a collection of any size: no record of the log grows with it.
pub const ELEMENTS_MAX: usize = 1024;

/// One change of one slot. All its keys lie in that slot. Times are Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Effect<'a> {
    /// The key holds this string from now on, whatever it held.
    SetString {
        /// The key.
        key: Key<'a>,
        /// Its value, at most 512 MiB.
        value: &'a [u8],
        /// When it expires; `None` never.
        deadline: Option<u64>,
    },
    /// The string (empty if absent) holds `bytes` from `offset` on, zeros before; the deadline stays.
    WriteString {
        /// The key: absent or a string.
        key: Key<'a>,
        /// First byte written.
        offset: usize,
        /// What is written.
        bytes: &'a [u8],
    },
    /// The key is gone: deleted, expired or evicted.
    Remove {
        /// The key.
        key: Key<'a>,
    },
    /// The key expires then, or no more.
    SetDeadline {
        /// The key.
        key: Key<'a>,
        /// When it expires; `None` never.
        deadline: Option<u64>,
    },
    /// `to` holds what `from` held, with its deadline; `from` is gone.
    Rename {
        /// The key that goes.
        from: Key<'a>,
        /// The key that comes, replaced if present.
        to: Key<'a>,
    },
    /// `to` holds a copy of what `from` holds, with its deadline.
    Copy {
        /// The key that is copied.
        from: Key<'a>,
        /// The key that comes, replaced if present.
        to: Key<'a>,
    },
    /// Values pushed to a list (made if absent), one after the other.
    PushList {
        /// The key: absent or a list.
        key: Key<'a>,
        /// Where.
        end: End,
        /// What, in order.
        values: &'a [&'a [u8]],
    },
    /// Items dropped at the end of a list; an emptied list is gone.
    PopList {
        /// The key of a list.
        key: Key<'a>,
        /// Where.
        end: End,
        /// How many.
        count: usize,
    },
    /// An item of a list replaced.
    SetListItem {
        /// The key of a list.
        key: Key<'a>,
        /// Which, from the front.
        index: usize,
        /// Its new value.
        value: &'a [u8],
    },
    /// An item put before the one at `index`.
    InsertListItem {
        /// The key of a list.
        key: Key<'a>,
        /// Where, from the front.
        index: usize,
        /// Its value.
        value: &'a [u8],
    },
    /// Items equal to `value` removed, as `LREM` counts; an emptied list is gone.
    RemoveListItems {
        /// The key of a list.
        key: Key<'a>,
        /// The value of the items.
        value: &'a [u8],
        /// From the front up to `count`, from the back up to `-count`, all if 0.
        count: i64,
    },
    /// Only `len` items from `start` on are kept; an emptied list is gone.
    TrimList {
        /// The key of a list.
        key: Key<'a>,
        /// First item kept.
        start: usize,
        /// How many are kept.
        len: usize,
    },
    /// Members put into a set (made if absent).
    AddMembers {
        /// The key: absent or a set.
        key: Key<'a>,
        /// The members.
        members: &'a [&'a [u8]],
    },
    /// Members taken out of a set; an emptied set is gone.
    RemoveMembers {
        /// The key of a set.
        key: Key<'a>,
        /// The members.
        members: &'a [&'a [u8]],
    },
    /// Fields of a hash (made if absent) set.
    SetFields {
        /// The key: absent or a hash.
        key: Key<'a>,
        /// Fields and values.
        fields: &'a [(&'a [u8], &'a [u8])],
    },
    /// Fields taken out of a hash; an emptied hash is gone.
    RemoveFields {
        /// The key of a hash.
        key: Key<'a>,
        /// The fields.
        fields: &'a [&'a [u8]],
    },
    /// Fields of a hash, those that are there, expire then, or no more.
    SetFieldDeadlines {
        /// The key of a hash.
        key: Key<'a>,
        /// When they expire; `None` never.
        deadline: Option<u64>,
        /// The fields.
        fields: &'a [&'a [u8]],
    },
    /// Members of a sorted set (made if absent) given scores.
    SetScores {
        /// The key: absent or a sorted set.
        key: Key<'a>,
        /// Scores, never NaN, and members.
        scores: &'a [(f64, &'a [u8])],
    },
    /// Members taken out of a sorted set; an emptied sorted set is gone.
    RemoveScored {
        /// The key of a sorted set.
        key: Key<'a>,
        /// The members.
        members: &'a [&'a [u8]],
    },
    /// A stream is changed.
    Stream {
        /// The key: absent or a stream.
        key: Key<'a>,
        /// How.
        change: StreamChange<'a>,
    },
    /// All keys of one database, or of all, are gone from the slot.
    Clear {
        /// 0..16, or `None` for all.
        database: Option<u8>,
    },
    /// The slot's keys of two databases change places.
    SwapDatabases {
        /// One database, 0..16.
        first: u8,
        /// The other.
        second: u8,
    },
}

/// What an effect did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Elements that were added or removed (new members, new fields, popped items, removed keys).
    pub count: usize,
    /// Whether the slot changed. If not, the effect has no version and is handed to nobody.
    pub changed: bool,
}

impl<'a> Effect<'a> {
    /// Whether who waits for its keys may find something new there.
    #[must_use]
    pub fn wakes(&self) -> bool {
        match self {
            Self::Stream { change, .. } => change.wakes(),
            _ => true,
        }
    }

    /// The keys that it changes: one, or two for a rename or copy, or none for what sweeps a whole database.
    #[must_use]
    pub fn keys(&self) -> [Option<Key<'a>>; 2] {
        match *self {
            Self::Rename { from, to } => [Some(from), Some(to)],
            Self::Copy { to, .. } => [Some(to), None],
            Self::Clear { .. } | Self::SwapDatabases { .. } => [None, None],
            Self::SetString { key, .. }
            | Self::WriteString { key, .. }
            | Self::Remove { key }
            | Self::SetDeadline { key, .. }
            | Self::PushList { key, .. }
            | Self::PopList { key, .. }
            | Self::SetListItem { key, .. }
            | Self::InsertListItem { key, .. }
            | Self::RemoveListItems { key, .. }
            | Self::TrimList { key, .. }
            | Self::AddMembers { key, .. }
            | Self::RemoveMembers { key, .. }
            | Self::SetFields { key, .. }
            | Self::RemoveFields { key, .. }
            | Self::SetFieldDeadlines { key, .. }
            | Self::SetScores { key, .. }
            | Self::RemoveScored { key, .. }
            | Self::Stream { key, .. } => [Some(key), None],
        }
    }
}
