//! One connection for data to one member: attached in the stream itself, in front of the first command that needs it.
//!
//! ```text
//! RM.ATTACH 7 │ GET a │ SET b │ RM.ATTACH 9 │ SET c        SET c is for a chain that the view 9 altered
//! ```
//! What stands before an attachment is executed under the one before. A refused one detaches: the node refuses all that
//! stands behind it, and the next command is preceded by another.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use ringmaster_protocol::extension::{Attach, EXPIRING, Note, put_attach, refusal, split_attribute};
use ringmaster_protocol::view::Epoch;

use super::inbox::{Event, Inbox};
use crate::chain::{Answered, Wire};
use crate::upstream::{TakePart, Upstream};

/// What a client is told whose command met a node with another view.
pub(super) const OTHER_VIEW: &[u8] = b"-TRYAGAIN the cluster is changing; the command was not executed\r\n";

/// A connection for data.
pub(super) struct DataLane {
    upstream: Rc<Upstream>,
    receiver: Rc<Receiver>,
}

/// Who waits for the replies of a connection, in their order.
struct Receiver {
    inbox: Rc<Inbox>,
    /// Epoch at which the connection is attached when what was queued is read; 0 if it is not.
    attached: Cell<Epoch>,
    /// How often the connection had failed when it was attached.
    failures: Cell<u64>,
    expected: RefCell<VecDeque<Expected>>,
}

enum Expected {
    Attached(Epoch),
    Command(Wire),
    Part(Rc<dyn TakePart>, u32),
}

/// A request on its way.
pub(super) struct Sending<'a> {
    /// As whom, and at most at which epoch.
    pub(super) attach: &'a Attach,
    /// At least at which epoch.
    pub(super) at_least: Epoch,
    /// The whole request.
    pub(super) request: &'a [u8],
    /// Whether it may change something.
    pub(super) writes: bool,
}

impl DataLane {
    pub(super) fn new(upstream: Rc<Upstream>, inbox: &Rc<Inbox>) -> Self {
        let receiver = Rc::new(Receiver {
            inbox: Rc::clone(inbox),
            attached: Cell::default(),
            failures: Cell::new(0),
            expected: RefCell::default(),
        });
        Self { upstream, receiver }
    }

    /// The connection.
    pub(super) fn upstream(&self) -> &Rc<Upstream> {
        &self.upstream
    }

    /// Sends a command of the chains; `false` if that cannot be now, and nothing was sent.
    pub(super) fn execute(&self, wire: Wire, sending: &Sending<'_>) -> bool {
        self.send(Expected::Command(wire), sending)
    }

    /// Sends part `index` of a command for several nodes, or answers it an error.
    pub(super) fn send_part(&self, to: &Rc<dyn TakePart>, index: u32, sending: &Sending<'_>) {
        if !self.send(Expected::Part(Rc::clone(to), index), sending) {
            Rc::clone(to).take_part(index, OTHER_VIEW);
        }
    }

    fn send(&self, expected: Expected, sending: &Sending<'_>) -> bool {
        let receiver = &self.receiver;
        if !self.upstream.takes_more() {
            return false;
        }
        if receiver.failures.replace(self.upstream.failures()) != self.upstream.failures() {
            receiver.attached.set(Epoch::default());
        }
        if receiver.attached.get() > sending.attach.epoch {
            return false;
        }
        if receiver.attached.get() < sending.at_least.max(Epoch::FIRST) {
            let mut request = Vec::new();
            put_attach(&mut request, sending.attach);
            receiver.attached.set(sending.attach.epoch);
            self.push(Expected::Attached(sending.attach.epoch), &request, false);
        }
        self.push(expected, sending.request, sending.writes);
        true
    }

    fn push(&self, expected: Expected, request: &[u8], writes: bool) {
        self.receiver.expected.borrow_mut().push_back(expected);
        let to = Rc::clone(&self.receiver) as Rc<dyn TakePart>;
        self.upstream.send_part(to, 0, request, writes);
    }
}

impl Drop for DataLane {
    fn drop(&mut self) {
        self.upstream.retire();
    }
}

impl Receiver {
    fn next(&self) -> Option<Expected> {
        self.expected.borrow_mut().pop_front()
    }

    /// A command was refused for what the connection is attached at: the next is preceded by another attachment. It may be
    /// a fence that no later view has followed, so that no chain asks for one.
    fn refused(&self, reply: &[u8]) {
        if refusal(reply).is_some_and(|epoch| epoch > self.attached.get()) {
            self.attached.set(Epoch::default());
        }
    }

    fn attached(&self, epoch: Epoch, reply: &[u8]) {
        if reply.starts_with(b"+") {
            return;
        }
        if self.attached.get() == epoch {
            self.attached.set(Epoch::default());
        }
        if let Some(epoch) = refusal(reply) {
            self.inbox.push(Event::Differs(epoch));
        }
    }
}

impl TakePart for Receiver {
    fn take_part(self: Rc<Self>, _index: u32, reply: &[u8]) {
        match self.next() {
            Some(Expected::Attached(epoch)) => self.attached(epoch, reply),
            Some(Expected::Command(wire)) => {
                self.refused(reply);
                self.inbox.push(answer(wire, reply));
            }
            Some(Expected::Part(to, index)) => {
                let (_, reply) = split_attribute(reply);
                to.take_part(index, if refusal(reply).is_some() { OTHER_VIEW } else { reply });
            }
            None => {}
        }
    }

    fn lose_part(self: Rc<Self>, _index: u32, sent: bool, error: &[u8]) {
        match self.next() {
            Some(Expected::Command(wire)) => self.inbox.push(Event::Lost(wire, sent)),
            Some(Expected::Part(to, index)) => to.lose_part(index, sent, error),
            Some(Expected::Attached(_)) | None => {}
        }
    }
}

/// What a node's reply means to the chains.
fn answer(wire: Wire, frame: &[u8]) -> Event {
    let (note, reply) = split_attribute(frame);
    if reply == EXPIRING {
        return Event::Answered(wire, Answered::Expiring);
    }
    let Some(note) = note else {
        return Event::Answered(
            wire,
            match refusal(reply) {
                Some(epoch) => Answered::Refused(epoch),
                None => Answered::Done { note: None, reply: Bytes::copy_from_slice(reply) },
            },
        );
    };
    match Note::decode(&Bytes::copy_from_slice(note)) {
        Ok(note) => {
            let reply = Bytes::copy_from_slice(reply);
            Event::Answered(wire, Answered::Done { note: Some(note.outcome), reply })
        }
        Err(error) => {
            // It was executed, and nobody can say as what.
            tracing::warn!(%error, "a note of a node cannot be read");
            Event::Lost(wire, true)
        }
    }
}

#[cfg(test)]
mod tests;
