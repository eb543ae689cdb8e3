//! Who is connected, over all data threads: for `CLIENT LIST` and `CLIENT KILL`.
//!
//! A client lives on its thread; here is a copy of its session, renewed when the client does something that concerns
//! its session, and once a second while it is active.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use ringmaster_protocol::session::Session;

/// One client, as others see it.
#[derive(Debug)]
pub(crate) struct Card {
    session: Mutex<Session>,
    killed: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Card {
    /// Renews the copy of the session.
    pub(crate) fn renew(&self, session: &Session) {
        lock(&self.session).clone_from(session);
    }

    /// Whether another client had this one closed.
    #[inline]
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// Remembers the client's task, to be woken when it is killed.
    pub(crate) fn task_is(&self, waker: &Waker) {
        lock(&self.task).replace(waker.clone());
    }

    fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        if let Some(task) = lock(&self.task).take() {
            task.wake();
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
        let session_copy = Mutex::new(session.clone());
        let card = Card { session: session_copy, killed: AtomicBool::new(false), task: Mutex::default() };
        let card = Arc::new(card);
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
        others.filter(|card| doomed(&lock(&card.session))).map(|card| card.kill()).count()
    }

    fn others(&self, own: u64) -> Vec<Arc<Card>> {
        lock(&self.cards).iter().filter(|(id, _)| **id != own).map(|(_, card)| Arc::clone(card)).collect()
    }
}

/// A panic elsewhere leaves these values whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
