//! Why something is no view.

use crate::cluster_file::{NODES_MAX, NodeName};
use crate::slot::SLOT_COUNT;

use super::{ENTRIES_MAX, SUPERSEDED_MAX};

/// The invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// Epochs start at 1.
    #[error("epoch 0 has no view")]
    Epoch,
    /// No members, or too many.
    #[error("{0} members, not 1 to {NODES_MAX}")]
    MemberCount(usize),
    /// Two members of one name.
    #[error("two members are called {0}")]
    MemberTwice(NodeName),
    /// An even number of acceptors, too many, one that is no member, or one twice.
    #[error("the acceptors are not an odd number of different members, at most 5")]
    Acceptors,
    /// More superseded topologies than a view keeps.
    #[error("{0} superseded topologies, not at most {SUPERSEDED_MAX}")]
    Superseded(usize),
    /// The longest lease is shorter than the view's own.
    #[error("the longest lease is shorter than the view's")]
    Lease,
    /// Not one chain for each slot.
    #[error("{0} chains, not {SLOT_COUNT}")]
    ChainCount(usize),
    /// A chain that cannot be.
    #[error("chain of slot {slot}: {fault}")]
    Chain {
        /// Number of the slot.
        slot: usize,
        /// What is wrong with its chain.
        fault: ChainFault,
    },
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// No entry is in-sync, or more than one is joining.
    #[error("its in-sync entries are neither all nor all but the last")]
    InSync,
    /// More entries than a chain may have.
    #[error("it has more than {ENTRIES_MAX} entries")]
    TooLong,
    /// An entry names a member that the view does not have.
    #[error("an entry names no member")]
    NoSuchMember,
    /// Two entries name one member.
    #[error("two entries name one member")]
    MemberTwice,
    /// It was changed after the view, or born, unsealed or extended after it was changed.
    #[error("its epochs are out of order")]
    Epochs,
}
