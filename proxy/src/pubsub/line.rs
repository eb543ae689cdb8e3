//! The connection over which a thread hears what is published at one node.
//!
//! ```text
//! Connecting ──► Naming ──► Up ──lost──► Connecting ──fails──► Down ──► Naming …
//! ```
//! When there is a connection again, it begins with all names that are asked for. Who waits for a change waits until the node
//! knows of it, and not while the line is down.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::resp::number::parse_integer;
use tokio::time::Instant;

use super::Hub;
use super::catalogue::Catalogue;
use super::change::{Change, TRACK};
use crate::link::{Link, LinkLimits, Peer};
use crate::telemetry::NodeStatus;

/// Time between two questions whether a node that has nothing to tell is still there.
const PING_EVERY: Duration = Duration::from_secs(1);

const HELLO: &[u8] = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n";
const NUMBER: &[u8] = b"*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    /// The node is being told all names.
    Naming,
    Up,
    Down,
}

/// What an answer is awaited for.
enum Awaited {
    /// Nobody waits for it.
    Nothing,
    /// The number by which the node knows the connection.
    Number,
    /// That the node has heard some of all names.
    Names,
    /// A client's change.
    Change(Rc<Change>),
    /// That the node tells of keys that change: before it did not.
    Tracking,
}

/// A node that is listened to.
pub(super) struct Line {
    node: Arc<NodeStatus>,
    link: OnceCell<Rc<Link>>,
    hub: Weak<Hub>,
    state: Cell<State>,
    /// The number by which the node knows the connection, once it has said so.
    number: Cell<Option<u64>>,
    /// What the node is to be told before it knows all names.
    catalogue: RefCell<Catalogue>,
    /// What is awaited, oldest first, and who waits for it.
    awaited: RefCell<VecDeque<Awaited>>,
    /// Who waits until the node knows all names.
    waiting: RefCell<Vec<Rc<Change>>>,
    asked_at: Cell<Instant>,
    /// It was told in the log that the node does not understand us.
    is_refusal_told: Cell<bool>,
}

/// The line as its connection sees it: the line owns the connection, and not the other way round.
struct Ear(Weak<Line>);

impl Line {
    /// Opens a line.
    pub(super) fn open(hub: &Rc<Hub>, node: Arc<NodeStatus>, limits: LinkLimits) -> Rc<Self> {
        let address = node.address().to_owned();
        let line = Rc::new(Self {
            node,
            link: OnceCell::new(),
            hub: Rc::downgrade(hub),
            state: Cell::new(State::Connecting),
            number: Cell::new(None),
            catalogue: RefCell::default(),
            awaited: RefCell::default(),
            waiting: RefCell::default(),
            asked_at: Cell::new(Instant::now()),
            is_refusal_told: Cell::new(false),
        });
        let ear = Rc::new(Ear(Rc::downgrade(&line))) as Rc<dyn Peer>;
        line.link.get_or_init(|| Link::open(address, limits, &hub.shared.credentials, ear));
        line
    }

    /// Whether it is to this node, at this address and in this life.
    pub(super) fn is_to(&self, node: &Arc<NodeStatus>) -> bool {
        Arc::ptr_eq(&self.node, node)
    }

    /// Where it leads.
    pub(super) fn address(&self) -> &str {
        self.node.address()
    }

    /// Whether what the node says is heard.
    pub(super) fn hears(&self) -> bool {
        matches!(self.state.get(), State::Naming | State::Up)
    }

    /// The node serves nothing any more: what it says is heard as long as the connection stands, and no other is opened.
    pub(super) fn leave(&self) {
        self.link.get().iter().for_each(|link| link.ends_when_lost());
    }

    /// Tells the node of a change; it waits for the answer, or for the connection.
    pub(super) fn tell(&self, change: &Rc<Change>) {
        let requests = change.requests();
        if requests.is_empty() && !change.begins() {
            return;
        }
        match self.state.get() {
            State::Up | State::Naming if !requests.is_empty() => self.send_all(&requests, Some(change)),
            // The names are asked for already; maybe the node has not answered that yet.
            State::Up => self.send_all(&[PING.to_vec()], Some(change)),
            State::Connecting | State::Naming => {
                change.awaits();
                self.waiting.borrow_mut().push(Rc::clone(change));
            }
            State::Down => {}
        }
    }

    /// Asks a node that was silent whether it is there.
    pub(super) fn look(&self) {
        if self.state.get() == State::Up && self.asked_at.get().elapsed() >= PING_EVERY {
            self.send(PING, Awaited::Nothing);
        }
    }

    /// Sends requests; with the answer to the last the change is answered.
    fn send_all(&self, requests: &[Vec<u8>], change: Option<&Rc<Change>>) {
        let last = requests.len().saturating_sub(1);
        for (request, at) in requests.iter().zip(0..) {
            let change = change.filter(|_| at == last);
            if self
                .send(request, change.map_or(Awaited::Nothing, |change| Awaited::Change(Rc::clone(change))))
                && let Some(change) = change
            {
                change.awaits();
            }
        }
    }

    /// Sends a request; false if it cannot be sent.
    fn send(&self, request: &[u8], awaited: Awaited) -> bool {
        let Some(link) = self.link.get() else { return false };
        let is_sent = link.send(|out| out.extend_from_slice(request));
        if is_sent {
            self.asked_at.set(Instant::now());
            self.awaited.borrow_mut().push_back(awaited);
        } else {
            // It does not take what we have to say: it will know all names when it is connected anew.
            link.renew();
        }
        is_sent
    }

    fn connected(&self) {
        let Some(hub) = self.hub.upgrade() else { return };
        self.state.set(State::Naming);
        self.send(HELLO, Awaited::Nothing);
        self.send(NUMBER, Awaited::Number);
        if !hub.tracked.borrow().is_empty() {
            self.send(TRACK, Awaited::Tracking);
        }
        self.catalogue.replace(Catalogue::of(&hub.names.borrow()));
        self.go_on_naming(&hub);
    }

    /// Tells the node more of the names, as long as it answers.
    fn go_on_naming(&self, hub: &Hub) {
        let next = || self.catalogue.borrow_mut().next(&hub.names.borrow());
        while let Some(request) = next() {
            if !self.send(&request, Awaited::Names) {
                return;
            }
        }
        if self.catalogue.borrow().is_known() {
            self.state.set(State::Up);
            for change in self.waiting.take() {
                // The place that it waits for from here on is the answer's.
                if !self.send(PING, Awaited::Change(Rc::clone(&change))) {
                    change.answered();
                }
            }
        }
    }

    /// The node knows the connection by this number.
    fn is_known_as(&self, number: Option<u64>) {
        let Some(hub) = self.hub.upgrade() else { return };
        if let Some(before) = self.number.replace(number) {
            hub.numbers.leave(self.address(), before);
        }
        number.iter().for_each(|number| hub.numbers.enter(self.address(), *number));
    }

    fn lost(&self) {
        self.is_known_as(None);
        if self.hears() {
            // What it was about to tell is told by nobody.
            self.hub.upgrade().iter().for_each(|hub| hub.tracked.borrow_mut().all_changed());
        }
        self.catalogue.take();
        if self.state.get() == State::Up {
            self.state.set(State::Connecting);
            self.awaited.take().into_iter().for_each(Awaited::give_up);
        } else {
            // One that stands still is connected to again and again, and never knows all names.
            self.give_up();
        }
    }

    /// Nobody waits for this node any more.
    fn give_up(&self) {
        self.state.set(State::Down);
        self.awaited.take().into_iter().for_each(Awaited::give_up);
        self.waiting.take().into_iter().for_each(|change| change.answered());
    }

    fn answered(&self, frame: &[u8]) {
        let awaited = self.awaited.borrow_mut().pop_front();
        if frame.starts_with(b"-") && !self.is_refusal_told.replace(true) {
            let error = String::from_utf8_lossy(frame.trim_ascii_end()).into_owned();
            tracing::warn!(node = %self.node, error, "a node refuses to tell what is published");
        }
        match (awaited, self.hub.upgrade()) {
            (Some(Awaited::Change(change)), _) => change.answered(),
            (Some(Awaited::Names), Some(hub)) => {
                self.catalogue.borrow_mut().answered();
                self.go_on_naming(&hub);
            }
            (Some(Awaited::Number), _) => self.is_known_as(number_of(frame)),
            (Some(Awaited::Tracking), Some(hub)) => hub.tracked.borrow_mut().all_changed(),
            _ => {}
        }
    }
}

/// The number that an answer is.
fn number_of(frame: &[u8]) -> Option<u64> {
    let number = frame.strip_prefix(b":").and_then(|number| parse_integer(number.trim_ascii_end()));
    number.and_then(|number| u64::try_from(number).ok())
}

impl Awaited {
    /// The answer will not come.
    fn give_up(self) {
        if let Self::Change(change) = self {
            change.answered();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(link) = self.link.get() {
            link.close();
        }
        self.is_known_as(None);
        self.give_up();
    }
}

impl Peer for Ear {
    fn connected(&self) {
        if let Some(line) = self.0.upgrade() {
            line.connected();
        }
    }

    fn reply(&self, frame: &[u8]) {
        if let Some(line) = self.0.upgrade() {
            line.answered(frame);
        }
    }

    fn takes_pushes(&self) -> bool {
        true
    }

    fn push(&self, frame: &[u8]) {
        if let Some(hub) = self.0.upgrade().and_then(|line| line.hub.upgrade()) {
            hub.deliver(frame);
        }
    }

    fn lost(&self, _reason: &str) {
        if let Some(line) = self.0.upgrade() {
            line.lost();
        }
    }
}
