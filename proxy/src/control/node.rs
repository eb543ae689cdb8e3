//! The control thread's two connections to one node.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::cluster_file::{NodeName, Timeouts};
use ringmaster_protocol::extension::{Ask, Attach, MESSAGE_BYTES_MAX, Say, put_request};
use ringmaster_protocol::heartbeat::{Beat, HEARTBEAT_BYTES_MAX, Pulse};
use ringmaster_protocol::register::{Answer, Refusal, Request};
use ringmaster_protocol::view::Incarnation;
use tokio::sync::Notify;

use crate::clock;
use crate::dial::Credentials;
use crate::link::{Answers, Asks, Link, LinkLimits, Peer};

/// Shortest time after which a node that answers nothing is connected anew.
const SILENCE_MIN: Duration = Duration::from_secs(1);

/// Bytes of an unexpected answer that are logged.
const REFUSAL_BYTES: usize = 200;

/// What has come of what was sent.
#[derive(Debug)]
pub(super) enum Event {
    /// A heartbeat that was sent then was answered.
    Heard(NodeName, Duration, Box<Pulse>),
    /// A register answered.
    Answered(u64, Answer),
    /// A question about slots was answered.
    Said(u64, Say),
    /// A question will not be answered.
    Lost(u64),
}

/// What has come and was not looked at.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    events: RefCell<VecDeque<Event>>,
    pub(super) notify: Notify,
}

impl Inbox {
    fn push(&self, event: Event) {
        self.events.borrow_mut().push_back(event);
        self.notify.notify_one();
    }

    /// A question cannot be asked.
    pub(super) fn lose(&self, id: u64) {
        self.push(Event::Lost(id));
    }

    /// The oldest.
    pub(super) fn pop(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }
}

/// The connections to one node at one address.
pub(super) struct NodeLinks {
    link: Rc<Link>,
    register: Rc<Register>,
    asks: Asks,
    inbox: Rc<Inbox>,
}

impl NodeLinks {
    /// Opens both. `is_needed`: it is told where the node does not answer heartbeats.
    pub(super) fn open(
        (node, address): (&NodeName, String),
        timeouts: &Timeouts,
        credentials: &Arc<Credentials>,
        inbox: &Rc<Inbox>,
        is_needed: bool,
    ) -> Self {
        let silence = timeouts.failure.duration().max(SILENCE_MIN);
        let limits = LinkLimits {
            connect: timeouts.connect.duration(),
            silence,
            reply_bytes_max: HEARTBEAT_BYTES_MAX,
        };
        let register = Rc::new(Register {
            node: node.clone(),
            inbox: Rc::clone(inbox),
            waiting: RefCell::default(),
            incarnation: Cell::new(None),
            is_told: Cell::new(!is_needed),
        });
        let peer = Rc::clone(&register) as Rc<dyn Peer>;
        let link = Link::open(address.clone(), limits, credentials, peer);
        let limits = LinkLimits {
            silence: timeouts.request.duration().max(SILENCE_MIN),
            reply_bytes_max: MESSAGE_BYTES_MAX,
            ..limits
        };
        let asks = Asks::open(address, limits, credentials, Rc::clone(inbox) as Rc<dyn Answers>);
        Self { link, register, asks, inbox: Rc::clone(inbox) }
    }

    /// Where the node is.
    pub(super) fn address(&self) -> &str {
        self.link.address()
    }

    /// Sends a heartbeat, unless the node is not connected.
    pub(super) fn beat(&self, beat: &Beat) {
        let mut message = Vec::new();
        beat.encode(&mut message);
        let sent = clock::now();
        if self.link.send(|out| put_request(out, &[b"RM.BEAT", &message])) {
            self.register.waiting.borrow_mut().push_back(Awaited::Pulse(sent));
        }
    }

    /// Asks the register of the data directory `incarnation`. Which one a connection leads to is known from the
    /// heartbeats that were answered over it.
    pub(super) fn ask_register(&self, id: u64, incarnation: Incarnation, request: &Request) {
        let known = self.register.incarnation.get();
        if let Some(other) = known.filter(|known| *known != incarnation) {
            return self.inbox.push(Event::Answered(id, Answer::Refused(Refusal::Reborn(other))));
        }
        let mut message = Vec::new();
        request.encode(&mut message);
        if known.is_some() && self.link.send(|out| put_request(out, &[b"RM.REGISTER", &message])) {
            self.register.waiting.borrow_mut().push_back(Awaited::Answer(id));
        } else {
            self.inbox.lose(id);
        }
    }

    /// Asks about slots, attached at just this epoch.
    pub(super) fn ask(&self, id: u64, attach: &Attach, ask: &Ask) {
        if !self.asks.ask(id, attach, attach.epoch, ask) {
            self.inbox.push(Event::Lost(id));
        }
    }
}

impl Drop for NodeLinks {
    fn drop(&mut self) {
        self.link.close();
    }
}

impl Answers for Inbox {
    fn said(&self, id: u64, say: Say) {
        self.push(Event::Said(id, say));
    }

    fn lost(&self, id: u64) {
        self.push(Event::Lost(id));
    }
}

/// What an answer on the first connection is to.
#[derive(Debug)]
enum Awaited {
    /// A heartbeat that was sent then.
    Pulse(Duration),
    /// A question to the register.
    Answer(u64),
}

/// Heartbeats and the register: answered in order.
#[derive(Debug)]
struct Register {
    node: NodeName,
    inbox: Rc<Inbox>,
    waiting: RefCell<VecDeque<Awaited>>,
    /// The data directory that the connection leads to, once a heartbeat was answered over it.
    incarnation: Cell<Option<Incarnation>>,
    /// What it refuses heartbeats with was logged.
    is_told: Cell<bool>,
}

impl Register {
    fn heard(&self, sent: Duration, frame: &[u8]) {
        // A node that does not know heartbeats, or is not ready for them, answers an error: it is not heard.
        let pulse = blob(frame).and_then(|message| Pulse::decode(&message).ok());
        if let Some(pulse) = pulse {
            self.incarnation.set(Some(pulse.incarnation));
            self.inbox.push(Event::Heard(self.node.clone(), sent, Box::new(pulse)));
        } else if !self.is_told.replace(true) {
            let answer = String::from_utf8_lossy(frame.get(..REFUSAL_BYTES).unwrap_or(frame));
            let answer = answer.trim_end();
            tracing::warn!(node = %self.node, answer, "a node does not answer heartbeats as it should");
        }
    }

    fn answered(&self, id: u64, frame: &[u8]) {
        let answer = blob(frame).and_then(|message| Answer::decode(&message).ok());
        self.inbox.push(answer.map_or(Event::Lost(id), |answer| Event::Answered(id, answer)));
    }
}

impl Peer for Register {
    fn reply(&self, frame: &[u8]) {
        let awaited = self.waiting.borrow_mut().pop_front();
        match awaited {
            Some(Awaited::Pulse(sent)) => self.heard(sent, frame),
            Some(Awaited::Answer(id)) => self.answered(id, frame),
            None => {}
        }
    }

    fn lost(&self, _reason: &str) {
        self.incarnation.set(None);
        for awaited in self.waiting.take() {
            if let Awaited::Answer(id) = awaited {
                self.inbox.push(Event::Lost(id));
            }
        }
    }
}

/// The bytes of a bulk string.
fn blob(frame: &[u8]) -> Option<Bytes> {
    let rest = frame.strip_prefix(b"$")?;
    let start = rest.iter().position(|&byte| byte == b'\n')? + 1;
    rest.get(start..rest.len().checked_sub(2)?).map(Bytes::copy_from_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_string_has_its_bytes() {
        assert_eq!(blob(b"$3\r\na\nb\r\n").as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(blob(b"$0\r\n\r\n").as_deref(), Some(&b""[..]));
        for frame in [&b"-ERR unknown command\r\n"[..], b"$-1\r\n", b"+OK\r\n"] {
            assert_eq!(blob(frame), None);
        }
    }
}
