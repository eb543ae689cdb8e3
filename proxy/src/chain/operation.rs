//! One command on its way down a chain and back.
//!
//! ```text
//!            ┌──────────────── refused · the chain changed · no lease ────────────────┐
//!            ▼                                                                        │
//!  write  Ready ─Execute─► AtHead ─note: operation─► Passing 1..last ─► Finished ─lease, no hold─► answered
//!            ▲                └────note: nothing───► Confirming last ──────┘
//!  read   Ready ─────────► AtTail ─────────────────► (an entry joins: Confirming it) ─► Finished
//!  the chain changed after a note: Execute unless it has it; lost before its answer: maybe executed
//! ```

use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::extension::Operation;
use ringmaster_protocol::view::{Boot, Epoch, Version};

use super::action::{Command, OperationId, Wire};

/// Where a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is to be sent when that is possible, at the earliest then.
    Ready(Duration),
    /// At the head or the tail.
    Executing(Wire),
    /// At the entry of this place, behind the head.
    Passing(Wire, usize),
    /// The entry of this place is asked for the version that was seen.
    Confirming(Wire, usize),
    /// The entry of this place lacks operations, which are being brought.
    Blocked(usize),
    /// All that is needed was said; the answer waits for the lease or the end of a hold.
    Finished,
}

/// A command under way.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) id: OperationId,
    pub(super) command: Command,
    pub(super) begun: Duration,
    pub(super) state: State,
    /// Epoch of the view by which it was last sent, and `changed` of the chain.
    pub(super) sent_at: Epoch,
    /// The line's try in which it was last sent.
    pub(super) sent_in: u64,
    pub(super) changed: Epoch,
    /// The process that it was sent to.
    pub(super) sent_to: Boot,
    /// The version that the head gave it.
    pub(super) version: Option<Version>,
    /// `changed` of the chain whose head is known to have that version. A later chain's head is asked first.
    pub(super) had_under: Option<Epoch>,
    /// The operation that the head made of it, if others need it.
    pub(super) operation: Option<Operation>,
    /// The version that must be confirmed, and where.
    pub(super) seen: Option<Version>,
    pub(super) reply: Bytes,
    /// The client has been told something already; what a head has executed goes on all the same.
    pub(super) is_told: bool,
    /// Its head has told somebody something: it is not executed anew.
    pub(super) has_published: bool,
    /// Nobody has sent it: it moves the slot's time.
    pub(super) is_tick: bool,
}

impl Active {
    pub(super) fn new(id: OperationId, command: Command, now: Duration) -> Self {
        Self {
            id,
            command,
            begun: now,
            state: State::Ready(now),
            sent_at: Epoch::default(),
            sent_in: 0,
            changed: Epoch::default(),
            sent_to: Boot::default(),
            version: None,
            had_under: None,
            operation: None,
            seen: None,
            reply: Bytes::new(),
            is_told: false,
            has_published: false,
            is_tick: false,
        }
    }

    pub(super) fn is_write(&self) -> bool {
        self.command.kind.is_write()
    }

    /// Whether a head has, or may have, made something of it.
    pub(super) fn is_sent(&self) -> bool {
        !matches!(self.state, State::Ready(_)) || self.version.is_some()
    }

    /// The message whose answer it waits for.
    pub(super) fn wire(&self) -> Option<Wire> {
        match self.state {
            State::Executing(wire) | State::Passing(wire, _) | State::Confirming(wire, _) => Some(wire),
            State::Ready(_) | State::Blocked(_) | State::Finished => None,
        }
    }
}
