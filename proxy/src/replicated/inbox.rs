//! What has come for the chains of a thread and was not looked at yet, and what is under way.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use ringmaster_protocol::extension::Say;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Epoch;
use tokio::sync::Notify;

use super::everywhere::Everywhere;
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

/// A command for one slot.
pub(crate) struct Submission {
    /// Whose it is: commands of one client keep their order.
    pub(crate) client: ClientId,
    /// The database and protocol.
    pub(crate) lane: Lane,
    /// The slot.
    pub(crate) slot: HashSlot,
    /// What it does.
    pub(crate) kind: Kind,
    /// The whole request.
    pub(crate) request: Bytes,
    /// Who gets the reply.
    pub(crate) owner: Owner,
    /// Its client has reads under way that went straight.
    pub(crate) is_behind_reads: bool,
}

/// What has come.
pub(super) enum Event {
    /// A read that went straight begins anew.
    Again(Submission),
    /// No read that went straight is under way in this slot any more.
    ReadsEnded(HashSlot),
    /// A command for all nodes.
    Everywhere(Everywhere),
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
        let mut events = self.events.borrow_mut();
        if events.is_empty() {
            self.notify.notify_one();
        }
        events.push_back(event);
    }

    /// All that has come, oldest first, into a list that is empty.
    pub(super) fn take(&self, into: &mut VecDeque<Event>) {
        std::mem::swap(&mut *self.events.borrow_mut(), into);
    }

    /// Whether nothing has come.
    pub(super) fn is_empty(&self) -> bool {
        self.events.borrow().is_empty()
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

    fn said(&self, id: u64, say: Say) {
        self.push(Event::Said(Wire(id), say));
    }

    fn lost(&self, id: u64) {
        self.push(Event::Lost(Wire(id), true));
    }

    fn refused(&self, error: &[u8]) {
        if let Some(epoch) = ringmaster_protocol::extension::refusal(error) {
            self.push(Event::Differs(epoch));
        }
    }
}
