//! Commands that wait for something (BLPOP and its kind): tried as ordinary commands until they find something or their
//! time has passed. A node answers them at once, as if it had passed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::slot::HashSlot;
use tokio::time::{Instant, sleep};

use super::Replicated;
use super::inbox::{Owner, Submission};
use crate::chain::{ClientId, Kind};
use crate::output::{Output, Sequence};
use crate::upstream::{Lane, TakePart};

/// First and longest pause before the next try; it grows by the first from one to the other.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// Redis's error for a command that was ended by another client.
const UNBLOCKED: &[u8] = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";

/// A command that is tried again and again.
pub(crate) struct Waiting {
    pub(crate) to: Rc<Replicated>,
    pub(crate) client: Rc<Output>,
    pub(crate) place: Sequence,
    pub(crate) id: ClientId,
    pub(crate) lane: Lane,
    pub(crate) slot: HashSlot,
    pub(crate) kind: Kind,
    pub(crate) request: RefCell<Bytes>,
    /// When its time has passed; never if `None`.
    pub(crate) until: Option<Instant>,
    /// Tries so far.
    pub(crate) tries: Cell<u32>,
    /// Another client wants it to end, with an error or not.
    pub(crate) ended: Cell<Option<bool>>,
}

impl Waiting {
    /// Tries once.
    pub(crate) fn attempt(self: Rc<Self>) {
        let owner = Owner::Part(Rc::clone(&self) as Rc<dyn TakePart>, 0);
        let request = self.request.borrow().clone();
        self.submit(request, owner);
    }

    /// Asks another thing of the slot, as the same client.
    pub(super) fn submit(&self, request: Bytes, owner: Owner) {
        self.tries.set(self.tries.get().saturating_add(1));
        self.to.submit(Submission {
            client: self.id,
            lane: self.lane,
            slot: self.slot,
            kind: self.kind,
            request,
            owner,
            is_behind_reads: self.client.has_reads(),
        });
    }

    /// Ends it with its next try: as if its time had passed, or with an error.
    pub(crate) fn end(&self, with_error: bool) {
        self.ended.set(Some(with_error));
    }

    /// This is what is tried from now on.
    pub(super) fn set_request(&self, request: Bytes) {
        self.request.replace(request);
        self.tries.set(0);
    }

    /// Tells the client what came of it.
    pub(super) fn answer(&self, reply: &[u8]) {
        let is_failed = self.ended.get() == Some(true) && has_found_nothing(reply);
        self.client.answer(self.place, if is_failed { UNBLOCKED } else { reply });
    }

    /// Waits for the time of the next try.
    pub(super) async fn rest(&self) {
        sleep(self.pause()).await;
    }

    pub(super) fn is_over(&self) -> bool {
        self.client.closed().is_some()
            || self.ended.get().is_some()
            || self.until.is_some_and(|until| until <= Instant::now())
    }

    fn pause(&self) -> Duration {
        let pause = (PAUSE.0 * self.tries.get()).min(PAUSE.1);
        self.until.map_or(pause, |until| pause.min(until.saturating_duration_since(Instant::now())))
    }
}

impl TakePart for Waiting {
    fn take_part(self: Rc<Self>, _index: u32, reply: &[u8]) {
        if !has_found_nothing(reply) || self.is_over() {
            return self.answer(reply);
        }
        tokio::task::spawn_local(async move {
            self.rest().await;
            if self.client.closed().is_none() {
                self.attempt();
            }
        });
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
