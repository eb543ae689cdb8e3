//! What travels over the simulated connections.

use ringmaster_protocol::extension::{Ask, Claim, Outcome, Say};
use ringmaster_protocol::heartbeat::{Beat, Pulse};
use ringmaster_protocol::register::{Answer, Refusal, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, Incarnation, Version};

use super::command::{Command, Reply};

/// Names a question of one proxy.
pub type Id = u64;

/// A connection, by its number in the run.
pub type ConnectionId = usize;

/// A node, by its number.
pub type NodeId = usize;

/// A proxy, by its number.
pub type ProxyId = usize;

/// From a proxy to a node.
#[derive(Clone, Debug)]
pub enum Up {
    /// RM.ATTACH.
    Attach {
        /// Names it.
        id: Id,
        /// The cluster of that view.
        cluster: ClusterId,
        /// The view by which what follows is routed.
        epoch: Epoch,
        /// Of the node, as that view names it.
        incarnation: Incarnation,
        /// Of the node, as that view names it.
        boot: Boot,
        /// Whose connection it is, where its commands have an order.
        claim: Option<Claim>,
    },
    /// A client's command.
    Command {
        /// Names it.
        id: Id,
        /// Its slot.
        slot: HashSlot,
        /// Which of the run it is; none: nobody sent it, it moves the slot's time.
        number: Option<usize>,
        /// What it is.
        command: Command,
        /// Whether any in-sync entry may read it.
        is_any: bool,
        /// EXEC-UNLESS: not if the head's history has this version.
        unless: Option<Version>,
    },
    /// A question about slots.
    Ask {
        /// Names it.
        id: Id,
        /// What it is.
        ask: Ask,
    },
    /// A heartbeat.
    Beat {
        /// Names it.
        id: Id,
        /// What it is.
        beat: Beat,
    },
    /// A question to the acceptor.
    Register {
        /// Names it.
        id: Id,
        /// Under which data directory the view names the acceptor; the default is any.
        incarnation: Incarnation,
        /// What it is.
        request: Request,
    },
}

/// From a node to a proxy.
#[derive(Clone, Debug)]
pub enum Down {
    /// The attach was refused: what follows on the connection is too, up to the next attach.
    Detached {
        /// Names the attach.
        id: Id,
        /// The node's committed epoch.
        committed: Epoch,
    },
    /// To a command.
    Response {
        /// Names the command.
        id: Id,
        /// What came of it.
        response: Response,
    },
    /// To a question about slots.
    Say {
        /// Names the question.
        id: Id,
        /// What is said.
        say: Say,
    },
    /// To a heartbeat.
    Pulse {
        /// Names the heartbeat.
        id: Id,
        /// How the node is.
        pulse: Box<Pulse>,
    },
    /// To a question to the acceptor.
    Answer {
        /// Names the question.
        id: Id,
        /// What is answered.
        answer: Answer,
        /// Who answers.
        incarnation: Incarnation,
        /// Who answers.
        boot: Boot,
    },
}

impl Up {
    /// In a line of a trace; nothing for what is said all the time.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        match self {
            Self::Beat { .. } | Self::Register { request: Request::Confirm { .. }, .. } => None,
            Self::Register { id, request: Request::Prepare { epoch, ballot }, .. } => {
                Some(format!("{id} PREPARE {epoch} {}", ballot.round))
            }
            Self::Register { id, request: Request::Accept { view, ballot }, .. } => {
                Some(format!("{id} ACCEPT {} {}", view.epoch(), ballot.round))
            }
            Self::Register { id, request: Request::Commit { view }, .. } => {
                Some(format!("{id} COMMIT {}", view.epoch()))
            }
            other => Some(format!("{other:?}")),
        }
    }
}

impl Down {
    /// As [`Up::describe`].
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        match self {
            Self::Pulse { .. } | Self::Answer { answer: Answer::Confirmed | Answer::Committed, .. } => None,
            Self::Answer { answer: Answer::Refused(Refusal::Later(_)), .. } => None,
            Self::Answer { id, answer: Answer::Promised(carried), .. } => Some(format!(
                "{id} promised {:?}",
                carried.as_ref().map(|(ballot, view)| (ballot.round, view.epoch()))
            )),
            Self::Answer { id, answer, .. } => Some(format!("{id} {answer:?}")),
            other => Some(format!("{other:?}")),
        }
    }
}

/// What came of a command at a node.
#[derive(Clone, Debug)]
pub enum Response {
    /// It was carried out, or found to have been.
    Done(Vec<Reply>, Outcome),
    /// It was not read: something is due, and the head has not said so yet.
    Expiring,
    /// It was not executed.
    Refused(Say),
}
