//! What has come for the chains of a thread and was not looked at yet, and what is under way.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use ringmaster_protocol::extension::{RawOperation, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Epoch;
use tokio::sync::Notify;

use super::blocking::Waiting;
use super::driver::Driver;
use super::everywhere::Everywhere;
use super::walking::Walking;
use crate::chain::{Answered, ClientId, Kind, Wire};
use crate::control::Chore;
use crate::link::Answers;
use crate::output::{Output, Sequence};
use crate::upstream::{Lane, TakePart};

/// Above these many bytes of commands under way, clients are not read.
const UNDER_WAY_BYTES_MAX: usize = 64 << 20;

/// Who gets a reply.
pub(crate) enum Owner {
    /// A client, at this place.
    Client(Rc<Output>, Sequence),
    /// A command that was split: one part of it.
    Part(Rc<dyn TakePart>, u32),
}

impl Owner {
    /// Hands over the reply.
    pub(super) fn answer(self, reply: &[u8]) {
        match self {
            Self::Client(client, place) => client.answer(place, reply),
            Self::Part(to, index) => to.take_part(index, reply),
        }
    }
}

/// A command for one slot; its request is its own, or still with who read it.
pub(crate) struct Submission<R = Bytes> {
    /// Whose it is: commands of one client keep their order.
    pub(crate) client: ClientId,
    /// The database and protocol.
    pub(crate) lane: Lane,
    /// The slot.
    pub(crate) slot: HashSlot,
    /// What it does.
    pub(crate) kind: Kind,
    /// The whole request.
    pub(crate) request: R,
    /// Who gets the reply.
    pub(crate) owner: Owner,
    /// Its client has reads under way that went straight.
    pub(crate) is_behind_reads: bool,
}

impl Submission<&[u8]> {
    /// With a request of its own.
    pub(super) fn into_whole(self) -> Submission {
        let Self { client, lane, slot, kind, request, owner, is_behind_reads } = self;
        let request = Bytes::copy_from_slice(request);
        Submission { client, lane, slot, kind, request, owner, is_behind_reads }
    }
}

/// What has come.
pub(super) enum Event {
    /// A read that went straight begins anew.
    Again(Submission),
    /// No read that went straight is under way in this slot any more.
    ReadsEnded(HashSlot),
    /// A command for all nodes.
    Everywhere(Everywhere),
    /// A client that waits was tried, and this was the reply.
    Tried(Rc<Waiting>, Bytes),
    /// A client that waits is to wait no longer.
    GivesUp(Rc<Waiting>),
    /// A bell has rung.
    Rung(u64),
    /// A walk is to ask the nodes, for the first time or for its next piece.
    Walk(Rc<Walking>),
    /// All nodes have answered a walk.
    Walked(Rc<Walking>),
    /// A head or tail answered.
    Answered(Wire, Answered),
    /// A question about a slot was answered.
    Said(Wire, Say),
    /// A message got no answer; whether it may have been received.
    Lost(Wire, bool),
    /// A node would not be attached, being at this epoch.
    Differs(Epoch),
    /// Something that the proxy does by itself.
    Chore(Chore),
    /// A connection has come.
    Connected,
}

/// What has come, in order.
#[derive(Default)]
pub(crate) struct Inbox {
    events: RefCell<VecDeque<Event>>,
    /// How many have ever come, and how many of them the chains were told.
    pushed: Cell<u64>,
    told: Cell<u64>,
    /// Number of the last that says that a command failed.
    failed: Cell<u64>,
    /// Entries that have applied something, by the number of the message.
    applied: RefCell<Vec<Wire>>,
    /// Who works on what has come, for what is handed on at once.
    driver: OnceCell<Weak<RefCell<Driver>>>,
    pub(super) notify: Notify,
    /// Bytes of the commands under way.
    under_way: Cell<usize>,
    held: RefCell<Vec<Rc<Output>>>,
}

impl Inbox {
    /// A command of this many bytes is under way.
    pub(super) fn begun(&self, bytes: usize) {
        self.under_way.set(self.under_way.get() + bytes);
    }

    pub(super) fn push(&self, event: Event) {
        if self.is_empty() {
            self.notify.notify_one();
        }
        self.pushed.set(self.pushed.get() + 1);
        self.events.borrow_mut().push_back(event);
    }

    /// A command failed: nothing of its slot is to be sent before the chains know. Returns the event's number.
    pub(super) fn fail(&self, event: Event) -> u64 {
        self.push(event);
        self.failed.set(self.pushed.get());
        self.failed.get()
    }

    /// Whether a command failed of which the chains were not told yet.
    #[inline]
    pub(super) fn has_failure(&self) -> bool {
        !self.is_told(self.failed.get())
    }

    /// The chains are told the next event, in the order of [`Inbox::take`].
    pub(super) fn tell_next(&self) {
        self.told.set(self.told.get() + 1);
    }

    /// Whether the chains were told the event with this number.
    #[inline]
    pub(super) fn is_told(&self, number: u64) -> bool {
        self.told.get() >= number
    }

    /// `driver` works on what comes.
    pub(super) fn is_worked_on_by(&self, driver: &Rc<RefCell<Driver>>) {
        // There is one for good.
        let _ = self.driver.set(Rc::downgrade(driver));
    }

    /// A head has made an operation of a write: it is handed on at once, where that needs nothing else; `false` if it was
    /// not, and is an event.
    #[inline]
    pub(super) fn made(&self, wire: Wire, slot: HashSlot, operation: RawOperation<'_>, reply: &[u8]) -> bool {
        let driver = self.driver.get().and_then(Weak::upgrade);
        let made =
            driver.and_then(|driver| Some(driver.try_borrow_mut().ok()?.made(wire, slot, operation, reply)));
        made.unwrap_or_default()
    }

    /// The entries that have applied something since, into a list that is empty.
    pub(super) fn take_applied(&self, into: &mut Vec<Wire>) {
        std::mem::swap(&mut *self.applied.borrow_mut(), into);
    }

    /// All that has come, oldest first, into a list that is empty.
    pub(super) fn take(&self, into: &mut VecDeque<Event>) {
        std::mem::swap(&mut *self.events.borrow_mut(), into);
    }

    /// Whether nothing has come.
    pub(super) fn is_empty(&self) -> bool {
        self.events.borrow().is_empty() && self.applied.borrow().is_empty()
    }

    /// A command of this many bytes was answered.
    pub(super) fn done(&self, bytes: usize) {
        self.under_way.set(self.under_way.get().saturating_sub(bytes));
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.under_way.get() > UNDER_WAY_BYTES_MAX
    }

    pub(super) fn hold(&self, client: &Rc<Output>) {
        if !client.held.replace(true) {
            self.held.borrow_mut().push(Rc::clone(client));
        }
    }

    /// Wakes who waits for room, if there is some.
    pub(super) fn release_held(&self) {
        if !self.is_full() && !self.held.borrow().is_empty() {
            for client in self.held.take() {
                client.held.set(false);
                client.wake();
            }
        }
    }
}

impl Answers for Inbox {
    fn connected(&self) {
        self.push(Event::Connected);
    }

    fn done(&self, id: u64) {
        if self.is_empty() {
            self.notify.notify_one();
        }
        self.applied.borrow_mut().push(Wire(id));
    }

    fn said(&self, id: u64, say: Say) {
        self.push(Event::Said(Wire(id), say));
    }

    fn lost(&self, id: u64) {
        self.push(Event::Lost(Wire(id), true));
    }

    fn rung(&self, bell: u64) {
        self.push(Event::Rung(bell));
    }

    fn refused(&self, error: &[u8]) {
        if let Some(epoch) = ringmaster_protocol::extension::refusal(error) {
            self.push(Event::Differs(epoch));
        }
    }
}
