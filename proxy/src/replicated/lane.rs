//! One connection for data to one member: attached in the stream itself, in front of the first command that needs it.
//!
//! ```text
//! RM.ATTACH 7 │ GET a │ SET b │ RM.ATTACH 9 │ SET c        SET c is for a chain that the view 9 altered
//! ```
//! What stands before an attachment is executed under the one before. A refused one detaches: the node refuses all that
//! stands behind it, and the next command is preceded by another. A connection that takes the place of one that was lost says
//! so (R17): what that one still brings is not executed behind what goes over this one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ringmaster_protocol::extension::{
    Attach, Claim, EXPIRING, Note, RawOperation, put_attach_as, refusal, split_attribute,
};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Epoch;

use super::inbox::{Event, Inbox, Owner, Submission};
use crate::chain::{Answered, ClientId, Held, Kind, Straight, Wire};
use crate::clock;
use crate::control::Published;
use crate::output::Output;
use crate::upstream::{Judge, Lane, Read, TakePart, Upstream};

/// What a client is told whose command met a node with another view.
pub(super) const OTHER_VIEW: &[u8] = b"-TRYAGAIN the cluster is changing; the command was not executed\r\n";

const OK: &[u8] = b"+OK\r\n";

/// A connection for data.
pub(super) struct DataLane {
    upstream: Rc<Upstream>,
    receiver: Rc<Receiver>,
}

/// By what it is judged whether the reply of a read that went straight is its client's.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) straight: Rc<Straight>,
    pub(super) published: Arc<Published>,
}

/// Numbers the connections of a thread.
#[derive(Debug)]
pub(super) struct Sender {
    name: u128,
    last: Cell<u64>,
}

impl Sender {
    /// No other has this name.
    pub(super) fn new() -> Self {
        Self { name: rand::random(), last: Cell::new(0) }
    }

    /// For a connection that takes the place of all that this thread had in the lane before.
    fn claim(&self, lane: Lane) -> Claim {
        self.last.set(self.last.get() + 1);
        Claim { sender: self.name, lane: lane.index() as u32, generation: self.last.get() }
    }
}

/// Who waits for the replies of a connection, in their order.
struct Receiver {
    inbox: Rc<Inbox>,
    lane: Lane,
    reading: Reading,
    /// Epoch at which the connection is attached when what was queued is read; 0 if it is not.
    attached: Cell<Epoch>,
    /// How often the connection had failed when it was attached.
    failures: Cell<u64>,
    sender: Rc<Sender>,
    /// As which of the thread's connections it is attached.
    claim: Cell<Claim>,
    expected: RefCell<VecDeque<Expected>>,
    /// How many of `expected` were there when the connection was found to be detached, and have no answer yet.
    detached_behind: Cell<usize>,
    /// Number of the event that told the chains last of a command that failed here.
    failed: Cell<u64>,
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
    /// Over `upstream`, which is one for `lane`.
    pub(super) fn new(
        upstream: Rc<Upstream>,
        lane: Lane,
        inbox: &Rc<Inbox>,
        reading: &Reading,
        sender: &Rc<Sender>,
    ) -> Self {
        let receiver = Rc::new(Receiver {
            inbox: Rc::clone(inbox),
            lane,
            reading: reading.clone(),
            attached: Cell::default(),
            failures: Cell::new(0),
            sender: Rc::clone(sender),
            claim: Cell::new(sender.claim(lane)),
            expected: RefCell::default(),
            detached_behind: Cell::new(0),
            failed: Cell::new(0),
        });
        Self { upstream, receiver }
    }

    /// The connection.
    pub(super) fn upstream(&self) -> &Rc<Upstream> {
        &self.upstream
    }

    /// Sends a command of the chains; it is [lost](Event::Lost), and nothing was sent, if that cannot be now.
    pub(super) fn execute(&self, wire: Wire, sending: &Sending<'_>) {
        if !self.send(Expected::Command(wire), sending) {
            self.receiver.fails(Event::Lost(wire, false));
        }
    }

    /// Sends part `index` of a command for several nodes, or answers it an error.
    pub(super) fn send_part(&self, to: &Rc<dyn TakePart>, index: u32, sending: &Sending<'_>) {
        if !self.send(Expected::Part(Rc::clone(to), index), sending) {
            Rc::clone(to).take_part(index, OTHER_VIEW);
        }
    }

    /// Sends a client's read straight to the node, over a connection that is attached at an epoch from `changed` up to
    /// that of `attach`; `false` if that cannot be now, and nothing was sent.
    #[inline]
    pub(super) fn read(
        &self,
        client: &Rc<Output>,
        (slot, request): (HashSlot, &[u8]),
        (changed, wanted): (Epoch, bool),
        attach: impl FnOnce() -> Option<Attach>,
    ) -> bool {
        let straight = &self.receiver.reading.straight;
        if !self.upstream.takes_read(request.len()) {
            return false;
        }
        let is_hot = self.upstream.is_hot();
        if !self.is_attached(changed, straight.epoch())
            && !attach().is_some_and(|attach| self.attach(&attach, changed))
        {
            return false;
        }
        straight.begin(slot);
        client.began_read();
        if is_hot && self.upstream.join_read(client, wanted, request) {
            return true;
        }
        let read = Read { place: client.reserve(wanted), slot, request };
        self.upstream.send_read(&self.receiver, client, read);
        if is_hot {
            self.upstream.open_read(request);
        }
        true
    }

    /// Whether the connection is the one that was attached, at an epoch from `changed` to `newest`.
    #[inline]
    fn is_attached(&self, changed: Epoch, newest: Epoch) -> bool {
        let receiver = &self.receiver;
        receiver.failures.get() == self.upstream.failures()
            && (changed.max(Epoch::FIRST)..=newest).contains(&receiver.attached.get())
    }

    fn send(&self, expected: Expected, sending: &Sending<'_>) -> bool {
        let may = self.receiver.is_settled() && self.upstream.takes_more();
        if !may || !self.attach(sending.attach, sending.at_least) {
            return false;
        }
        self.push(expected, sending.request, sending.writes);
        true
    }

    /// Attaches the connection where it is attached below `at_least`; `false` if it is attached beyond `attach`, or something
    /// that was sent over it was refused or lost and is not settled.
    fn attach(&self, attach: &Attach, at_least: Epoch) -> bool {
        let receiver = &self.receiver;
        if receiver.failures.replace(self.upstream.failures()) != self.upstream.failures() {
            receiver.attached.set(Epoch::default());
            receiver.claim.set(receiver.sender.claim(receiver.lane));
        }
        if receiver.attached.get() > attach.epoch {
            return false;
        }
        if receiver.attached.get() < at_least.max(Epoch::FIRST) {
            if !receiver.is_settled() {
                return false;
            }
            let mut request = Vec::new();
            put_attach_as(&mut request, attach, &receiver.claim.get());
            receiver.attached.set(attach.epoch);
            self.receiver.expected.borrow_mut().push_back(Expected::Attached(attach.epoch));
            let to = Rc::clone(&self.receiver) as Rc<dyn TakePart>;
            self.upstream.push_part(to, 0, &request, false);
        }
        true
    }

    fn push(&self, expected: Expected, request: &[u8], writes: bool) {
        self.receiver.expected.borrow_mut().push_back(expected);
        let to = Rc::clone(&self.receiver) as Rc<dyn TakePart>;
        self.upstream.push_command_part(to, 0, request, writes);
    }
}

impl Drop for DataLane {
    fn drop(&mut self) {
        self.upstream.retire();
    }
}

impl Receiver {
    fn next(&self) -> Option<Expected> {
        self.detached_behind.set(self.detached_behind.get().saturating_sub(1));
        self.expected.borrow_mut().pop_front()
    }

    /// Whether the chains know of every command that failed here, and none will fail that was sent before a refusal: what is
    /// sent from now on overtakes none of them.
    #[inline]
    fn is_settled(&self) -> bool {
        self.detached_behind.get() == 0 && self.inbox.is_told(self.failed.get())
    }

    /// A command failed.
    fn fails(&self, event: Event) {
        self.failed.set(self.inbox.fail(event));
    }

    /// The node refuses all that stands behind an attachment. The next goes behind what was sent before.
    fn detach(&self) {
        self.attached.set(Epoch::default());
        self.detached_behind.set(self.expected.borrow().len());
    }

    /// A command was refused for what the connection is attached at: the next is preceded by another attachment. It may be
    /// a fence that no later view has followed, so that no chain asks for one.
    fn refused(&self, reply: &[u8]) {
        if refusal(reply).is_some_and(|epoch| epoch > self.attached.get()) {
            self.detach();
        }
    }

    fn attached(&self, epoch: Epoch, reply: &[u8]) {
        if reply.starts_with(b"+") {
            return;
        }
        if self.attached.get() == epoch {
            self.detach();
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
                let (note, plain) = split_attribute(reply);
                let made = note.and_then(RawOperation::of_note);
                if made.is_some_and(|(slot, operation)| self.inbox.made(wire, slot, operation, plain)) {
                    return;
                }
                self.refused(reply);
                match answer(wire, reply) {
                    event @ (Event::Lost(..)
                    | Event::Answered(_, Answered::Refused(_) | Answered::Expiring)) => {
                        self.fails(event);
                    }
                    event => self.inbox.push(event),
                }
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
            Some(Expected::Command(wire)) => self.fails(Event::Lost(wire, sent)),
            Some(Expected::Part(to, index)) => to.lose_part(index, sent, error),
            Some(Expected::Attached(_)) | None => {}
        }
    }
}

impl Judge for Receiver {
    fn held(&self) -> Held {
        self.reading.straight.held(clock::now(), self.reading.published.lease())
    }

    #[inline]
    fn accepts(&self, slot: HashSlot, reply: &[u8], held: Held) -> bool {
        let is_good = match reply.first() {
            // A note is for the chains.
            None | Some(b'|') => false,
            Some(b'-') => {
                self.refused(reply);
                reply != EXPIRING && refusal(reply).is_none()
            }
            Some(_) => true,
        };
        let straight = &self.reading.straight;
        let is_answered = straight.finish(slot, is_good && straight.is_held(slot, held));
        if is_answered && straight.is_awaited(slot) {
            self.inbox.push(Event::ReadsEnded(slot));
        }
        is_answered
    }

    #[cold]
    fn begin_anew(&self, client: &Rc<Output>, Read { place, slot, request }: Read<'_>) {
        let owner = Owner::Client(Rc::clone(client), place);
        let request = Bytes::copy_from_slice(request);
        let (client, lane, kind) = (ClientId(client.id()), self.lane, Kind::Read);
        let submission = Submission { client, lane, slot, kind, request, owner, is_behind_reads: false };
        self.inbox.push(Event::Again(submission));
    }
}

/// A reply for later. Most writes have the same.
fn kept(reply: &[u8]) -> Bytes {
    if reply == OK { Bytes::from_static(OK) } else { Bytes::copy_from_slice(reply) }
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
                None => Answered::Done { note: None, reply: kept(reply) },
            },
        );
    };
    match Note::decode(&Bytes::copy_from_slice(note)) {
        Ok(note) => {
            let reply = kept(reply);
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
