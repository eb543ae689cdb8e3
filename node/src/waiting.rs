//! Clients that wait for a key: BLPOP and its kind.
//!
//! ```text
//! attempt ──nothing there──► Waiting ──who changes the key serves──► Served ──► reply written, out of the queue
//!                               │
//!                               └── timeout, unblocked, client gone ──► Gone
//! ```
//! Who changes a key serves its waiters in the order of their arrival, before it lets go of the slot: nobody takes
//! what a waiter was there for first. A waiter is served once, whoever comes first; the others pass it by.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::CommandError;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::Kind;

/// When a wish is attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// As the command comes: on all its keys.
    First,
    /// For a client that waits, on the key that was changed: what does not fit the wish is passed by.
    Waiting,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The reply is written.
    Served,
    /// There is nothing (yet); nothing was changed or written.
    Nothing,
}

/// What a blocking command wants, parsed.
pub trait Wish: Send + Sync {
    /// Takes what it wants from the first of the keyspace's keys that has it. These are the command's keys, or, for
    /// a client that waits, the key that was changed and then the command's [`Wish::companions`].
    ///
    /// # Errors
    /// The command's error reply; nothing was changed. A client that waits is answered with it.
    fn attempt(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        stage: Stage,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError>;

    /// How long the client waits, in milliseconds: 0 for ever, `None` not at all.
    fn timeout_millis(&self) -> Option<u64>;

    /// The reply when nothing came in time.
    fn give_up(&self, reply: &mut Reply<'_>);

    /// Writes the reply to a client whose time to wait is over.
    fn time_over(&self, reply: &mut Reply<'_>) {
        reply.null_array();
    }

    /// The kind of value that it takes from.
    fn kind(&self) -> Kind;

    /// How many of the command's last keys it needs but does not wait for: the destination of a move.
    fn companions(&self) -> usize {
        0
    }

    /// Whether it is to be attempted also when the key is gone or holds another kind of value.
    fn mourns(&self) -> bool {
        false
    }
}

/// A client that waits.
pub struct Waiter {
    wish: Box<dyn Wish>,
    /// The command's keys: those that it waits for, then the companions.
    keys: Vec<Vec<u8>>,
    database: u8,
    protocol: Protocol,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    end: End,
    waker: Option<Waker>,
}

#[derive(Default)]
enum End {
    #[default]
    Waiting,
    /// Its key was changed, but who changed it could not hold a companion's slot: it is to attempt by itself.
    Called,
    Served(Vec<u8>),
    Gone,
}

impl Waiter {
    /// A client of `protocol` that waits for `keys`, the last [`Wish::companions`] of them excepted.
    #[must_use]
    pub fn new(wish: Box<dyn Wish>, keys: &[Key<'_>], database: u8, protocol: Protocol) -> Self {
        let keys = keys.iter().map(|key| key.bytes.to_vec()).collect();
        Self { wish, keys, database, protocol, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whole at each step: an attempt that panics leaves it waiting.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it wants.
    #[must_use]
    pub fn wish(&self) -> &dyn Wish {
        &*self.wish
    }

    /// See [`Wish::mourns`].
    #[must_use]
    pub fn mourns(&self) -> bool {
        self.wish.mourns()
    }

    /// The database that the client had selected.
    #[must_use]
    pub fn database(&self) -> u8 {
        self.database
    }

    /// All its keys, the companions last.
    #[must_use]
    pub fn keys(&self) -> Vec<Key<'_>> {
        self.keys.iter().map(|key| Key::new(key, self.database)).collect()
    }

    fn awaited_count(&self) -> usize {
        self.keys.len() - self.wish.companions()
    }

    /// The key number `place` of those that it waits for.
    #[must_use]
    pub fn awaited_key(&self, place: usize) -> Option<Key<'_>> {
        self.keys[..self.awaited_count()].get(place).map(|key| Key::new(key, self.database))
    }

    /// The keys that it waits for.
    pub fn awaited(&self) -> impl Iterator<Item = Key<'_>> {
        self.keys[..self.awaited_count()].iter().map(|key| Key::new(key, self.database))
    }

    /// The keys that it needs beside.
    pub fn companions(&self) -> impl Iterator<Item = Key<'_>> {
        self.keys[self.awaited_count()..].iter().map(|key| Key::new(key, self.database))
    }

    /// Attempts the wish for the client, unless it has been served or has gone. Returns whether the place in the
    /// queue is free now.
    pub(crate) fn serve(
        &self,
        attempt: impl FnOnce(&dyn Wish, &mut Reply<'_>) -> Result<Attempt, CommandError>,
    ) -> bool {
        let mut state = self.state();
        if matches!(state.end, End::Served(_) | End::Gone) {
            return true;
        }
        let mut out = Vec::new();
        let mut reply = Reply::new(&mut out, self.protocol);
        match attempt(&*self.wish, &mut reply) {
            Ok(Attempt::Nothing) => return false,
            Ok(Attempt::Served) => {}
            Err(error) => {
                reply.truncate(0);
                error.write(&mut reply);
            }
        }
        state.end = End::Served(out);
        state.wake();
        true
    }

    /// Asks the client to attempt by itself.
    pub(crate) fn call(&self) {
        let mut state = self.state();
        if matches!(state.end, End::Waiting) {
            state.end = End::Called;
            state.wake();
        }
    }

    /// Ready when it was served (true) or called (false).
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<bool> {
        let mut state = self.state();
        match state.end {
            End::Served(_) | End::Gone => Poll::Ready(true),
            End::Called => {
                state.end = End::Waiting;
                Poll::Ready(false)
            }
            End::Waiting => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Ends the waiting. Returns the reply if it was served before.
    pub(crate) fn leave(&self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut self.state().end, End::Gone) {
            End::Served(reply) => Some(reply),
            End::Waiting | End::Called | End::Gone => None,
        }
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
