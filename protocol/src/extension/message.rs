//! The questions and answers themselves.

use bytes::Bytes;

use super::{Contents, Operation, Report, Victim};
use crate::slot::HashSlot;
use crate::view::{Epoch, Incarnation, Version};

/// A question about slots. `since` is the epoch in which the asked entry was appended, as the asker's view has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Apply an operation of the head (to an entry behind it). [`Say::Done`], [`Say::Behind`], [`Say::Gap`],
    /// [`Say::Overloaded`].
    Apply {
        /// The slot.
        slot: HashSlot,
        /// Of the asked entry.
        since: Epoch,
        /// The operation.
        operation: Operation,
    },
    /// Answer when this version is in the entry's proven history. [`Say::Done`], [`Say::Gap`].
    Await {
        /// The slot.
        slot: HashSlot,
        /// Of the asked entry.
        since: Epoch,
        /// The version.
        version: Version,
    },
    /// Which version does an entry have? [`Say::At`].
    Version {
        /// The slot.
        slot: HashSlot,
    },
    /// Is the entry at just this version? Then it is proven. [`Say::Done`], [`Say::At`].
    Prove {
        /// The slot.
        slot: HashSlot,
        /// Of the asked entry.
        since: Epoch,
        /// The version of the entry before it.
        version: Version,
    },
    /// The operations after this version, as far as they are kept. [`Say::Operations`], [`Say::Forgotten`].
    Ring {
        /// The slot.
        slot: HashSlot,
        /// The version that the one behind has.
        after: Version,
    },
    /// The whole slot, of any in-sync entry. [`Say::Contents`].
    Export {
        /// The slot.
        slot: HashSlot,
    },
    /// Take the whole slot (by an entry behind the head). [`Say::Done`], or [`Say::At`] where the entry has more.
    Import {
        /// The slot.
        slot: HashSlot,
        /// Of the asked entry.
        since: Epoch,
        /// The slot's content.
        contents: Contents,
    },
    /// Keep a copy of the slot (by a node that is no entry). [`Say::Done`].
    Stage {
        /// The slot.
        slot: HashSlot,
        /// The slot's content.
        contents: Contents,
    },
    /// Go on with the copy that was staged. [`Say::Done`], or [`Say::At`] where they do not follow.
    StageMore {
        /// The slot.
        slot: HashSlot,
        /// Operations in order.
        operations: Vec<Operation>,
    },
    /// Serve nothing any more for these slots to who is attached below `epoch`. [`Say::Done`].
    Fence {
        /// The slots.
        slots: Vec<HashSlot>,
        /// An epoch above the committed one.
        epoch: Epoch,
    },
    /// What do you hold of these slots? [`Say::Reports`].
    Report {
        /// The slots.
        slots: Vec<HashSlot>,
    },
    /// Which keys would you evict, out of the slots whose tail you are and which the member of this incarnation holds, too?
    /// [`Say::Victims`].
    Victims {
        /// Who needs the memory.
        of: Incarnation,
        /// How much it needs in bytes, about.
        bytes: u64,
    },
    /// Ring a bell when one of these keys is changed ([`super::rung`]), in place of the bell of the same number.
    /// [`Say::Done`], [`Say::Overloaded`].
    Hang {
        /// The slot of all keys.
        slot: HashSlot,
        /// The tail is meant, and its copy, not the head.
        at_tail: bool,
        /// The database of the keys, below 16.
        database: u8,
        /// The keys.
        keys: Vec<Bytes>,
        /// Its number among those of the connection.
        bell: u64,
    },
    /// Take a bell down. [`Say::Done`].
    TakeDown {
        /// Its number.
        bell: u64,
    },
}

/// An answer about slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// It is so, or has been done.
    Done,
    /// The entry has this version.
    At(Version),
    /// Operations before the one that was sent are missing; the entry has this version.
    Behind(Version),
    /// As [`Say::Behind`], and they have not come for too long; or the entry's content is not proven.
    Gap(Version),
    /// Operations in order.
    Operations(Vec<Operation>),
    /// The operations asked for are not kept any more.
    Forgotten,
    /// A whole slot.
    Contents(Contents),
    /// What is held of each slot asked for.
    Reports(Vec<Report>),
    /// Keys that are worth least, at most [`VICTIMS_MAX`](super::VICTIMS_MAX); none where none may go.
    Victims(Vec<Victim>),
    /// Too much waits already.
    Overloaded,
    /// The asker's view is not the node's, whose committed epoch this is; or the role was another's.
    Stale(Epoch),
    /// The slot is fenced for this epoch, which is about to be decided.
    Fenced(Epoch),
    /// The entry cannot go on with this slot; why.
    Broken(Bytes),
}

/// What a head or a tail says with its reply to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The slot.
    pub slot: HashSlot,
    /// What became of the command.
    pub outcome: Outcome,
}

/// What became of a command at its head or tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was executed, and this operation is to go down the chain.
    Made(Operation),
    /// It was executed as the operation of this version, in a chain of one entry: nobody else needs its effects.
    Alone(Version),
    /// It changed nothing and saw this version.
    Saw(Version),
    /// It changed nothing, saw this version, and published a message that somebody here was told.
    Published(Version),
    /// It was not executed: the operation that was asked for is in the history.
    HasIt,
    /// It was not executed: whether the operation that was asked for is in the history is forgotten.
    Forgotten,
}

impl Ask {
    /// The slot, where the question is about one.
    #[must_use]
    pub fn slot(&self) -> Option<HashSlot> {
        match self {
            Self::Apply { slot, .. }
            | Self::Await { slot, .. }
            | Self::Version { slot }
            | Self::Prove { slot, .. }
            | Self::Ring { slot, .. }
            | Self::Export { slot }
            | Self::Import { slot, .. }
            | Self::Stage { slot, .. }
            | Self::StageMore { slot, .. }
            | Self::Hang { slot, .. } => Some(*slot),
            Self::Fence { .. } | Self::Report { .. } | Self::Victims { .. } | Self::TakeDown { .. } => None,
        }
    }
}
