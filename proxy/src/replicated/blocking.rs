//! Commands that wait for something (BLPOP and its kind): tried as ordinary commands, which a node answers at once, as if
//! their time had passed. Who finds nothing waits in a queue ([`super::queues`]) until a bell rings.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::slot::HashSlot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::Replicated;
use super::inbox::{Event, Owner, Submission};
use super::queues::{Waiter, Wish};
use crate::chain::{ClientId, Kind};
use crate::output::{Output, Sequence};
use crate::upstream::{Lane, TakePart};

/// First and longest pause before what could not be tried is tried again; it grows by the first from one to the other.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// Redis's error for a command that was ended by another client.
const UNBLOCKED: &[u8] = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";

/// A command that waits for keys of one slot.
pub(crate) struct Waiting {
    pub(crate) to: Rc<Replicated>,
    pub(crate) client: Rc<Output>,
    pub(crate) place: Sequence,
    pub(crate) id: ClientId,
    pub(crate) lane: Lane,
    pub(crate) slot: HashSlot,
    pub(crate) kind: Kind,
    /// What is tried: without a time, as the queues have it.
    pub(crate) request: RefCell<Bytes>,
    pub(crate) keys: Vec<Bytes>,
    /// Its keys are streams.
    pub(crate) is_of_stream: bool,
    /// What it replies in RESP2 when its time has passed.
    pub(crate) nothing: &'static [u8],
    /// When its time has passed; never if `None`.
    pub(crate) until: Option<Instant>,
    pub(crate) state: State,
}

/// How far a waiting command is.
#[derive(Default)]
pub(crate) struct State {
    /// Tries before it waited.
    tries: Cell<u32>,
    /// Another client wants it to end, with an error or not.
    ended: Cell<Option<bool>>,
    /// Its number in the queues, once it is in one.
    waiter: Cell<Option<Waiter>>,
    timer: RefCell<Option<AbortHandle>>,
    /// It has found nothing once.
    was_tried: Cell<bool>,
}

impl Waiting {
    /// Goes into the queue of those that wait with the same wish: tried at once, if there are none.
    pub(crate) fn begin(self: &Rc<Self>) {
        self.to.join(self);
    }

    /// Asks another thing of the slot, as the same client.
    pub(super) fn submit(&self, request: Bytes, owner: Owner) {
        self.state.tries.set(self.state.tries.get().saturating_add(1));
        self.to.submit(Submission { request, ..self.submission(owner) });
    }

    /// A try.
    pub(super) fn submission(&self, owner: Owner) -> Submission {
        Submission {
            client: self.id,
            lane: self.lane,
            slot: self.slot,
            kind: self.kind,
            request: self.request.borrow().clone(),
            owner,
            is_behind_reads: self.client.has_reads(),
        }
    }

    /// What it waits with.
    pub(super) fn wish(&self) -> Wish {
        let (lane, slot, request) = (self.lane, self.slot, self.request.borrow().clone());
        Wish { lane, slot, at_tail: self.kind == Kind::Read, request }
    }

    /// Ends it: as if its time had passed, or with an error. What is under way already decides.
    pub(crate) fn end(self: &Rc<Self>, with_error: bool) {
        self.state.ended.set(Some(with_error));
        self.give_up();
    }

    /// It is of no use any more: its time has passed, or its client has gone.
    pub(crate) fn give_up(self: &Rc<Self>) {
        self.to.push(Event::GivesUp(Rc::clone(self)));
    }

    /// This is what is tried from now on.
    pub(super) fn set_request(&self, request: Bytes) {
        self.request.replace(request);
        self.state.tries.set(0);
    }

    /// It is in the queues from now on, under this number, until its time has passed.
    pub(super) fn begin_waiting(self: &Rc<Self>, waiter: Waiter) {
        self.state.waiter.set(Some(waiter));
        let Some(until) = self.until else { return };
        let waiting = Rc::clone(self);
        let timer = tokio::task::spawn_local(async move {
            sleep_until(until).await;
            waiting.give_up();
        });
        self.state.timer.replace(Some(timer.abort_handle()));
    }

    /// Its number in the queues.
    pub(super) fn waiter(&self) -> Option<Waiter> {
        self.state.waiter.get()
    }

    /// Whether a reply to a try ends the waiting. Who began to wait for a list waits on when its key got another kind of value,
    /// as in Redis; that a stream is none any more is told.
    pub(super) fn is_answered_by(&self, reply: &[u8]) -> bool {
        let is_of_another_kind = !self.is_of_stream && reply.starts_with(b"-WRONGTYPE ");
        let was_tried = self.state.was_tried.replace(true);
        !(has_found_nothing(reply) || is_of_another_kind && was_tried)
    }

    /// Tells the client what came of it, and ends its timer; `None` if nothing did.
    pub(super) fn finish(&self, reply: Option<&[u8]>) {
        if let Some(timer) = self.state.timer.take() {
            timer.abort();
        }
        let nothing = if self.lane.protocol() == Protocol::Resp3 { b"_\r\n" } else { self.nothing };
        self.answer(reply.unwrap_or(nothing));
    }

    /// Tells the client.
    pub(super) fn answer(&self, reply: &[u8]) {
        let is_failed = self.state.ended.get() == Some(true) && has_found_nothing(reply);
        self.client.answer(self.place, if is_failed { UNBLOCKED } else { reply });
    }

    /// Waits for the time of the next try of what could not be tried.
    pub(super) async fn rest(&self) {
        let pause = (PAUSE.0 * self.state.tries.get()).min(PAUSE.1);
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        sleep(left.map_or(pause, |left| pause.min(left))).await;
    }

    pub(super) fn is_over(&self) -> bool {
        self.client.closed().is_some()
            || self.state.ended.get().is_some()
            || self.until.is_some_and(|until| until <= Instant::now())
    }
}

impl TakePart for Waiting {
    fn take_part(self: Rc<Self>, _index: u32, reply: &[u8]) {
        let to = Rc::clone(&self.to);
        to.push(Event::Tried(self, Bytes::copy_from_slice(reply)));
    }
}

/// Whether it is to be tried again: it found nothing, or could not be tried.
pub(super) fn has_found_nothing(reply: &[u8]) -> bool {
    matches!(reply, b"*-1\r\n" | b"$-1\r\n" | b"_\r\n") || reply.starts_with(b"-TRYAGAIN ")
}

/// The time that a command may wait, from its argument in seconds or milliseconds: `Some(None)` is for ever, `None` what
/// a node has to refuse.
pub(crate) fn patience(text: &[u8], is_seconds: bool) -> Option<Option<Duration>> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let seconds = if is_seconds { number } else { number / 1000.0 };
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    Some((!duration.is_zero()).then_some(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_for_ever_and_nonsense_is_for_the_node() {
        assert_eq!(patience(b"0", true), Some(None));
        assert_eq!(patience(b"0.25", true), Some(Some(Duration::from_millis(250))));
        assert_eq!(patience(b"250", false), Some(Some(Duration::from_millis(250))));
        for text in [&b"-1"[..], b"x", b"inf", b"nan", b"\xff", b""] {
            assert_eq!(patience(text, true), None);
        }
    }

    #[test]
    fn only_what_found_nothing_is_tried_again() {
        for reply in [&b"*-1\r\n"[..], b"$-1\r\n", b"_\r\n", b"-TRYAGAIN later\r\n"] {
            assert!(has_found_nothing(reply));
        }
        for reply in [&b"*0\r\n"[..], b"$0\r\n\r\n", b"-WRONGTYPE no\r\n", b"-MAYBE x\r\n"] {
            assert!(!has_found_nothing(reply));
        }
    }
}
