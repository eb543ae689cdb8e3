//! A connection for questions about slots: attached to a view before the first, answered in any order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ringmaster_protocol::extension::{
    Ask, Attach, MessageDecodeError, Preface, Say, put_apply, put_ask, put_attach, put_trace, rung,
};
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Epoch;

use super::{Link, LinkLimits, Peer};
use crate::chain::NumberMap;
use crate::dial::Credentials;

/// [`Say::Done`] as a message.
const DONE: &[u8] = &[0];

/// Who asks.
pub(crate) trait Answers {
    /// There is a connection.
    fn connected(&self) {}

    /// A question was answered.
    fn said(&self, id: u64, say: Say);

    /// A question was answered with [`Say::Done`].
    fn done(&self, id: u64) {
        self.said(id, Say::Done);
    }

    /// A question will not be answered.
    fn lost(&self, id: u64);

    /// The bell of this number has rung.
    fn rung(&self, _bell: u64) {}

    /// The node would not be attached, with this error: the questions behind that are refused.
    fn refused(&self, _error: &[u8]) {}

    /// The connection is gone.
    fn down(&self, _reason: &str) {}
}

/// A connection for questions.
pub(crate) struct Asks {
    link: Rc<Link>,
    state: Rc<State>,
}

struct State {
    answers: Rc<dyn Answers>,
    /// How the connection is attached, or will be when what was sent is read.
    attached: Cell<Option<Attach>>,
    /// What else was sent and is not answered yet, oldest first.
    attaching: RefCell<VecDeque<Announced>>,
    waiting: RefCell<NumberMap<u64, ()>>,
    /// Those of them that have an operation applied.
    applying: RefCell<Applying>,
}

/// What was sent beside questions.
enum Announced {
    Attached(Attach),
    /// What the next question is a part of; its answer means nothing.
    Trace,
}

/// Questions that are answered in their order, but for few.
#[derive(Default)]
struct Applying(VecDeque<Option<u64>>);

impl Applying {
    /// A question was answered; whether it waited for that.
    #[inline]
    fn remove(&mut self, id: u64) -> bool {
        if self.0.front() == Some(&Some(id)) {
            self.0.pop_front();
        } else {
            let Some(place) = self.0.iter().position(|waiting| *waiting == Some(id)) else { return false };
            self.0[place] = None;
        }
        while self.0.front() == Some(&None) {
            self.0.pop_front();
        }
        true
    }
}

impl Asks {
    /// Opens a connection to `address`, host and port.
    pub(crate) fn open(
        address: String,
        limits: LinkLimits,
        credentials: &Arc<Credentials>,
        answers: Rc<dyn Answers>,
    ) -> Self {
        let state = Rc::new(State {
            answers,
            attached: Cell::new(None),
            attaching: RefCell::default(),
            waiting: RefCell::default(),
            applying: RefCell::default(),
        });
        let peer = Rc::clone(&state) as Rc<dyn Peer>;
        Self { link: Link::open(address, limits, credentials, peer), state }
    }

    /// Whether there is a connection.
    pub(crate) fn is_up(&self) -> bool {
        self.link.is_up()
    }

    /// Closes for good.
    pub(crate) fn close(&self) {
        self.link.close();
    }

    /// Asks, attached at an epoch from `at_least` up to that of `attach`; `false` if the question cannot be sent so,
    /// and is not.
    pub(crate) fn ask(&self, id: u64, attach: &Attach, at_least: Epoch, ask: &Ask) -> bool {
        self.ask_for(id, (attach, at_least), ask, None)
    }

    /// As [`Asks::ask`], with this in front.
    pub(crate) fn ask_for(
        &self,
        id: u64,
        (attach, at_least): (&Attach, Epoch),
        ask: &Ask,
        preface: Option<&Preface>,
    ) -> bool {
        let is_sent = self.is_attached(attach, at_least)
            && self.announce(preface)
            && self.link.send(|out| put_ask(out, id, ask));
        if is_sent {
            self.state.waiting.borrow_mut().insert(id, ());
        }
        is_sent
    }

    /// Has the entry of a slot that was appended in an epoch apply an operation, which is there as bytes; else as
    /// [`Asks::ask`].
    #[inline]
    pub(crate) fn apply(
        &self,
        id: u64,
        (attach, at_least): (&Attach, Epoch),
        to: (HashSlot, Epoch),
        operation: &[u8],
        preface: Option<&Preface>,
    ) -> bool {
        let is_sent = self.is_attached(attach, at_least)
            && self.announce(preface)
            && self.link.send(|out| put_apply(out, id, to, operation));
        if is_sent {
            self.state.applying.borrow_mut().0.push_back(Some(id));
        }
        is_sent
    }

    /// Says this of the next question, if anything; `false` if nothing can be sent now.
    #[inline]
    fn announce(&self, preface: Option<&Preface>) -> bool {
        let Some(preface) = preface else { return true };
        let is_sent = self.link.send(|out| put_trace(out, preface));
        if is_sent {
            self.state.attaching.borrow_mut().push_back(Announced::Trace);
        }
        is_sent
    }

    /// Attaches the connection where it is not; `false` if it cannot be, or is attached beyond `attach`.
    fn is_attached(&self, attach: &Attach, at_least: Epoch) -> bool {
        let attached = self.state.attached.get();
        let is_same = attached.is_some_and(|attached| {
            let named = Attach { epoch: attach.epoch, ..attached };
            named == *attach && (at_least..=attach.epoch).contains(&attached.epoch)
        });
        let is_beyond = attached.is_some_and(|attached| {
            attached.cluster == attach.cluster
                && attached.boot == attach.boot
                && attached.epoch > attach.epoch
        });
        !is_beyond && (is_same || self.attach(attach))
    }

    fn attach(&self, attach: &Attach) -> bool {
        let is_sent = self.link.send(|out| put_attach(out, attach));
        if is_sent {
            self.state.attached.set(Some(*attach));
            self.state.attaching.borrow_mut().push_back(Announced::Attached(*attach));
        }
        is_sent
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    /// A question was refused for what the connection is attached at: the next is preceded by another attachment.
    fn refused(&self, say: &Say) {
        let attached = self.attached.get().map(|attach| attach.epoch);
        if let Say::Fenced(epoch) | Say::Stale(epoch) = say
            && attached < Some(*epoch)
        {
            self.attached.set(None);
        }
    }

    /// An attachment was answered, as all are, in their order.
    fn attached(&self, reply: &[u8]) {
        let attach = match self.attaching.borrow_mut().pop_front() {
            Some(Announced::Trace) => return,
            Some(Announced::Attached(attach)) => Some(attach),
            None => None,
        };
        if !reply.starts_with(b"+") {
            if attach == self.attached.get() {
                self.attached.set(None);
            }
            self.answers.refused(reply);
        }
    }
}

impl Peer for State {
    fn connected(&self) {
        self.answers.connected();
    }

    fn reply(&self, frame: &[u8]) {
        let Some((id, message)) = split(frame) else { return self.attached(frame) };
        if message == DONE && self.applying.borrow_mut().remove(id) {
            self.answers.done(id);
        } else if self.waiting.borrow_mut().remove(&id).is_some() || self.applying.borrow_mut().remove(id) {
            match say(message) {
                Ok(say) => {
                    self.refused(&say);
                    self.answers.said(id, say);
                }
                Err(error) => {
                    tracing::warn!(%error, "an answer about slots cannot be read");
                    self.answers.lost(id);
                }
            }
        }
    }

    fn takes_pushes(&self) -> bool {
        true
    }

    fn push(&self, frame: &[u8]) {
        if let Some(bell) = rung(frame) {
            self.answers.rung(bell);
        }
    }

    fn lost(&self, reason: &str) {
        self.attached.set(None);
        self.attaching.take();
        let waiting = self.waiting.take();
        let applying = self.applying.take().0.into_iter().flatten();
        waiting.into_keys().chain(applying).for_each(|id| self.answers.lost(id));
        self.answers.down(reason);
    }
}

/// The answer that a message is. Nearly all are the shortest.
fn say(message: &[u8]) -> Result<Say, MessageDecodeError> {
    if message == DONE { Ok(Say::Done) } else { Say::decode(&Bytes::copy_from_slice(message)) }
}

/// The number and the message of an answer; `None` for what is none.
fn split(frame: &[u8]) -> Option<(u64, &[u8])> {
    let rest = frame.strip_prefix(b"*2\r\n:")?;
    let (id, rest) = line(rest)?;
    let (len, rest) = line(rest.strip_prefix(b"$")?)?;
    let message = rest.get(..usize::try_from(parse_integer(len)?).ok()?)?;
    Some((u64::try_from(parse_integer(id)?).ok()?, message))
}

/// A line and what is behind it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\r')?;
    Some((&bytes[..end], bytes.get(end + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_out_of_order_is_found_once() {
        let mut applying = Applying((1..=4).map(Some).collect());
        let removed = [2, 2, 1, 4, 3, 3].map(|id| applying.remove(id));
        assert_eq!(removed, [true, false, true, true, true, false]);
        assert!(applying.0.is_empty());
    }

    #[test]
    fn the_shortest_answer_is_that_it_was_done() {
        let mut message = Vec::new();
        Say::Done.encode(&mut message);
        assert_eq!((&message[..], say(&message)), (DONE, Ok(Say::Done)));
    }
}
