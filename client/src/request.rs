//! One turn of a caller: the bytes of a command or a pipeline, and where its replies go.

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use crate::{error::Error, ticket::Ticket, value::Value};

/// What one command of several came to.
pub type Outcome = Result<Value, Error>;

/// Commands that are written together, in one piece.
pub(crate) struct Request {
    /// The commands, encoded.
    pub(crate) bytes: Bytes,
    /// Decides whether they are written.
    pub(crate) ticket: Ticket,
    /// Takes their replies.
    pub(crate) pending: Pending,
}

/// The replies of one request, as they come in.
pub(crate) struct Pending {
    outcomes: Vec<Outcome>,
    expected: usize,
    caller: oneshot::Sender<Vec<Outcome>>,
    /// Until when its caller waits.
    deadline: Instant,
    /// Its share of the bytes that may wait; given back when this is dropped.
    _share: OwnedSemaphorePermit,
}

impl Pending {
    /// For `expected` replies, at least one, for which `caller` waits until `deadline`.
    pub(crate) fn new(
        expected: usize,
        caller: oneshot::Sender<Vec<Outcome>>,
        deadline: Instant,
        share: OwnedSemaphorePermit,
    ) -> Pending {
        Pending { outcomes: Vec::with_capacity(expected), expected, caller, deadline, _share: share }
    }

    /// Whether somebody still waits for the replies, and has time.
    pub(crate) fn is_awaited(&self, now: Instant) -> bool {
        now < self.deadline && !self.caller.is_closed()
    }

    /// Takes the next reply.
    pub(crate) fn push(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// True when every command has its reply.
    pub(crate) fn is_complete(&self) -> bool {
        self.outcomes.len() >= self.expected
    }

    /// Hands the replies to the caller, who may be gone.
    pub(crate) fn finish(self) {
        let _ = self.caller.send(self.outcomes);
    }

    /// Gives every command that has no reply yet an error, and finishes.
    pub(crate) fn fail(mut self, error: impl Fn() -> Error) {
        while !self.is_complete() {
            self.outcomes.push(Err(error()));
        }
        self.finish();
    }
}
