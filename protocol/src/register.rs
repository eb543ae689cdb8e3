//! Deciding the next view: what proposers and acceptors say to each other.
//!
//! View `e + 1` is decided by a majority of the acceptors of view `e`, in rounds named by ballots: a promise to take no
//! lower ballot, then the view itself. The first view is decided by all nodes that it names.

mod wire;

use crate::view::{ClusterId, Epoch, Incarnation, View};
use std::sync::Arc;

/// Names one attempt of one proposer. Never used twice: the second part is drawn when a proxy starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// Higher than all that were heard of.
    pub round: u64,
    /// 128 random bits of the proxy.
    pub proposer: u128,
}

/// A question to an acceptor.
#[derive(Clone, Debug)]
pub enum Request {
    /// Is this still the view? Asked for the lease.
    Confirm {
        /// The view that the proxy holds.
        epoch: Epoch,
    },
    /// Promise to take no lower ballot for this epoch.
    Prepare {
        /// The epoch to decide.
        epoch: Epoch,
        /// The attempt.
        ballot: Ballot,
    },
    /// Take this view for its epoch.
    Accept {
        /// The attempt.
        ballot: Ballot,
        /// The view to decide.
        view: Arc<View>,
    },
    /// This view was decided.
    Commit {
        /// The view.
        view: Arc<View>,
    },
    /// An operator's word: the majority of the acceptors of this cluster is lost for ever, and the node goes on as a member
    /// of another, whose view this is.
    Recover {
        /// The cluster that is lost.
        lost: ClusterId,
        /// The view of the other.
        view: Arc<View>,
    },
}

/// An acceptor's answer. It is durable before it is given.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Request::Confirm`]: it is the committed view, and nothing is accepted for the next.
    Confirmed,
    /// To [`Request::Prepare`]: promised; with what was accepted before.
    Promised(Option<(Ballot, Arc<View>)>),
    /// To [`Request::Accept`]: taken.
    Accepted,
    /// To [`Request::Commit`]: it is the committed view, or an earlier one.
    Committed,
    /// Nothing was changed.
    Refused(Refusal),
}

/// Why an acceptor refuses, and so what is to be done.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// Its committed view is older than the one that the question supposes: hand it that view.
    Behind(Epoch),
    /// It has accepted a view for the next epoch: drive that epoch to a decision.
    Undecided(Epoch),
    /// It has a later view.
    Later(Arc<View>),
    /// It has promised this higher ballot.
    Outbid(Ballot),
    /// It belongs to another cluster.
    Foreign(ClusterId),
    /// The view may not follow its committed one; the text says why.
    Impossible(String),
    /// It is another data directory than the view names.
    Reborn(Incarnation),
}
