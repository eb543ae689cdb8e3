//! Who is connected, over all data threads: for `CLIENT LIST`, `CLIENT KILL` and `CLIENT UNBLOCK`, and for what is told
//! to clients of other threads.
//!
//! A client lives on its thread; here is a copy of its session, renewed when the client does something that concerns
//! its session, and once a second while it is active.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::session::Session;

/// Most bytes that wait for a client whose thread does not come to it; above it the client is closed. What its socket
/// does not take is bounded elsewhere.
const MAIL_BYTES_MAX: usize = 4 << 20;

/// In the place of keys: all of them.
pub(crate) const NULL: &[u8] = b"_\r\n";

/// What others want of a client: any of these bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls(u8);

impl Calls {
    const KILL: Self = Self(1);
    const MAIL: Self = Self(2);
    const UNBLOCK: Self = Self(4);
    const FAIL: Self = Self(8);

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_nothing(self) -> bool {
        self.0 == 0
    }

    /// It is to be closed.
    pub(crate) fn kill(self) -> bool {
        self.0 & Self::KILL.0 != 0
    }

    /// There is something for it.
    pub(crate) fn has_mail(self) -> bool {
        self.0 & Self::MAIL.0 != 0
    }

    /// Its blocking command is to end; whether with an error.
    pub(crate) fn unblock(self) -> Option<bool> {
        (self.0 & Self::UNBLOCK.0 != 0).then_some(self.0 & Self::FAIL.0 != 0)
    }
}

/// One client, as others see it.
#[derive(Debug)]
pub(crate) struct Card {
    session: Mutex<Session>,
    /// Bits of [`Calls`].
    calls: AtomicU8,
    /// A blocking command is under way, and nobody has ended it yet.
    is_blocked: AtomicBool,
    /// Its next command waits for the end of a pause.
    is_paused: AtomicBool,
    /// Who was to be told of changed keys in its place has gone.
    has_lost_redirection: AtomicBool,
    /// What is to be put into its output.
    mail: Mutex<Vec<u8>>,
    task: Mutex<Option<Waker>>,
}

impl Card {
    fn new(session: &Session) -> Arc<Self> {
        Arc::new(Self {
            session: Mutex::new(session.clone()),
            calls: AtomicU8::new(0),
            is_blocked: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            has_lost_redirection: AtomicBool::new(false),
            mail: Mutex::default(),
            task: Mutex::default(),
        })
    }

    /// Renews the copy of the session.
    pub(crate) fn renew(&self, session: &Session) {
        lock(&self.session).clone_from(session);
    }

    /// What others want of it.
    #[inline]
    pub(crate) fn calls(&self) -> Calls {
        Calls(self.calls.load(Ordering::Acquire))
    }

    /// What others want of it; all but its end is asked for once.
    pub(crate) fn take_calls(&self) -> Calls {
        Calls(self.calls.fetch_and(Calls::KILL.0, Ordering::AcqRel))
    }

    /// Remembers the client's task, to be woken when it is called.
    pub(crate) fn task_is(&self, waker: &Waker) {
        lock(&self.task).replace(waker.clone());
    }

    /// Sets whether a blocking command is under way.
    pub(crate) fn set_blocked(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Ordering::Release);
    }

    /// Sets whether its next command waits for the end of a pause.
    pub(crate) fn set_paused(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Release);
    }

    /// Lines for the client, which its thread puts into its output between two replies.
    pub(crate) fn post(&self, lines: &[u8]) {
        let mut mail = lock(&self.mail);
        if mail.len() + lines.len() > MAIL_BYTES_MAX {
            return self.call(Calls::KILL);
        }
        mail.extend_from_slice(lines);
        if mail.len() == lines.len() {
            self.call(Calls::MAIL);
        }
    }

    /// Tells it of changed keys (an encoded array, or a null) in the place of another client, in the form that it takes:
    /// a push in RESP3; as a subscriber in RESP2 a message; else there is none.
    fn invalidate(&self, keys: &[u8]) {
        let (protocol, is_subscriber) = {
            let session = lock(&self.session);
            (session.protocol, session.is_subscriber())
        };
        let mut frame = Vec::with_capacity(keys.len() + 64);
        let mut reply = Reply::new(&mut frame, protocol);
        match (protocol, is_subscriber) {
            (Protocol::Resp3, _) => {
                reply.push(2);
                reply.bulk(b"invalidate");
            }
            (Protocol::Resp2, true) => {
                reply.push(3);
                reply.bulk(b"message");
                reply.bulk(b"__redis__:invalidate");
            }
            (Protocol::Resp2, false) => return,
        }
        if keys == NULL && protocol == Protocol::Resp2 {
            reply.null();
        } else {
            frame.extend_from_slice(keys);
        }
        self.post(&frame);
    }

    /// What was posted.
    pub(crate) fn take_mail(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.mail))
    }

    /// Ends the blocking command that is under way; whether there was one that nobody had ended.
    fn unblock(&self, with_error: bool) -> bool {
        let was_blocked = self.is_blocked.swap(false, Ordering::AcqRel);
        if was_blocked {
            self.call(Calls(Calls::UNBLOCK.0 | if with_error { Calls::FAIL.0 } else { 0 }));
        }
        was_blocked
    }

    fn call(&self, calls: Calls) {
        self.calls.fetch_or(calls.0, Ordering::AcqRel);
        self.wake();
    }

    fn wake(&self) {
        if let Some(task) = &*lock(&self.task) {
            task.wake_by_ref();
        }
    }
}

/// All clients of the proxy.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    cards: Mutex<BTreeMap<u64, Arc<Card>>>,
    last_id: AtomicU64,
}

impl Directory {
    /// An id that no other session has or had.
    pub(crate) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Enters a client.
    pub(crate) fn enter(&self, session: &Session) -> Arc<Card> {
        let card = Card::new(session);
        lock(&self.cards).insert(session.id, Arc::clone(&card));
        card
    }

    /// Strikes a client out.
    pub(crate) fn leave(&self, id: u64) {
        lock(&self.cards).remove(&id);
    }

    /// Shows the sessions other than `own`, by id.
    pub(crate) fn visit(&self, own: u64, visit: &mut dyn FnMut(&Session)) {
        for card in self.others(own) {
            visit(&lock(&card.session));
        }
    }

    /// Closes the clients other than `own` whose sessions `doomed` names; how many.
    pub(crate) fn kill(&self, own: u64, doomed: &dyn Fn(&Session) -> bool) -> usize {
        let others = self.others(own).into_iter();
        others.filter(|card| doomed(&lock(&card.session))).map(|card| card.call(Calls::KILL)).count()
    }

    /// Ends the blocking command of the client `id`; whether there was one.
    pub(crate) fn unblock(&self, id: u64, with_error: bool) -> bool {
        let card = lock(&self.cards).get(&id).cloned();
        card.is_some_and(|card| card.unblock(with_error))
    }

    /// Whether the client `id` is connected.
    pub(crate) fn has(&self, id: u64) -> bool {
        lock(&self.cards).contains_key(&id)
    }

    /// Tells the client `id` of changed keys, an encoded array or [`NULL`]; whether it is connected.
    pub(crate) fn invalidate(&self, id: u64, keys: &[u8]) -> bool {
        let card = lock(&self.cards).get(&id).cloned();
        card.inspect(|card| card.invalidate(keys)).is_some()
    }

    /// Notes that who was to be told in place of the client `id` has gone, or has not.
    pub(crate) fn lose_redirection(&self, id: u64, is_lost: bool) {
        if let Some(card) = lock(&self.cards).get(&id) {
            card.has_lost_redirection.store(is_lost, Ordering::Release);
        }
    }

    /// Whether who was to be told in place of the client `id` has gone.
    pub(crate) fn has_lost_redirection(&self, id: u64) -> bool {
        lock(&self.cards).get(&id).is_some_and(|card| card.has_lost_redirection.load(Ordering::Acquire))
    }

    /// Clients that wait in a blocking command, or for the end of a pause.
    pub(crate) fn blocked(&self) -> u64 {
        let is = |flag: &AtomicBool| flag.load(Ordering::Acquire);
        let cards = lock(&self.cards);
        cards.values().filter(|card| is(&card.is_blocked) || is(&card.is_paused)).count() as u64
    }

    /// Wakes all clients, to look at everything anew.
    pub(crate) fn wake_all(&self) {
        lock(&self.cards).values().for_each(|card| card.wake());
    }

    fn others(&self, own: u64) -> Vec<Arc<Card>> {
        lock(&self.cards).iter().filter(|(id, _)| **id != own).map(|(_, card)| Arc::clone(card)).collect()
    }
}

/// A panic elsewhere leaves these values whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Arc<Card> {
        Card::new(&Session::default())
    }

    #[test]
    fn a_blocking_command_is_ended_once() {
        let card = card();
        assert!(!card.unblock(false), "nothing is under way");
        card.set_blocked(true);
        assert!(card.unblock(true) && !card.unblock(false));
        assert_eq!(card.take_calls().unblock(), Some(true));
        assert!(card.calls().is_nothing());
    }

    #[test]
    fn who_does_not_take_what_was_posted_is_closed() {
        let card = card();
        let line = vec![b'x'; MAIL_BYTES_MAX / 2];
        (0..2).for_each(|_| card.post(&line));
        assert!(card.take_calls().has_mail() && card.take_mail().len() == MAIL_BYTES_MAX);
        (0..3).for_each(|_| card.post(&line));
        assert!(card.take_calls().kill() && card.calls().kill(), "its end stays asked for");
    }
}
