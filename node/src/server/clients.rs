//! The clients of all threads: for `CLIENT LIST` and `CLIENT KILL`, for idle times and for stopping.

pub(crate) mod backlog;
mod figures;
mod unread;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use ringmaster_protocol::session::Session;

use super::mailbox::{Mailbox, Put};
use crate::mail::{Mail, Recipient};
use backlog::Backlog;
use figures::Figures;
pub(crate) use unread::Shed;

/// The connection goes on.
const OPEN: u8 = 0;
/// It reads nothing more, but writes what it owes.
const FINISHING: u8 = 1;
/// It does not even wait for a reply to be read.
const ABORTED: u8 = 2;

/// What others may know of a client, and how they close it.
#[derive(Debug)]
pub(crate) struct ClientHandle {
    id: u64,
    /// A copy of the session as of its last change.
    session: Mutex<Session>,
    /// When its last command came, in Unix milliseconds.
    active_at: AtomicU64,
    /// Since when a reply waits for the client to read, in Unix milliseconds; 0 if none does.
    writing_since: AtomicU64,
    /// Since when more waits than may for long, in Unix milliseconds; 0 if less does.
    much_since: AtomicU64,
    /// Whether it has a subscription.
    is_subscriber: AtomicBool,
    backlog: Arc<Backlog>,
    /// [`OPEN`], [`FINISHING`] or [`ABORTED`].
    closing: AtomicU8,
    task: Mutex<Option<Waker>>,
    /// What others send to the client.
    pub(crate) mailbox: Mailbox,
    /// Whether its connection has ended.
    gone: AtomicBool,
    /// [`BUSY`], [`WAITING`], or how the waiting is to end.
    waiting: AtomicU8,
    pub(crate) figures: Figures,
}

/// The client does not wait for a key.
const BUSY: u8 = 0;
/// The client waits for a key.
const WAITING: u8 = 1;
/// Its waiting is to end as if its time were over.
const UNBLOCK_TIMEOUT: u8 = 2;
/// Its waiting is to end with an error.
const UNBLOCK_ERROR: u8 = 3;

/// It waits for the end of a pause, which only that end ends.
const PAUSED: u8 = 4;

/// How `CLIENT UNBLOCK` ends a client's waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unblock {
    /// As if its time were over.
    Timeout,
    /// With an error.
    Error,
}

/// A mutex whose content is whole whatever happened to its last holder.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientHandle {
    fn new(session: Session, backlog: Arc<Backlog>) -> Self {
        let active_at = AtomicU64::new(millis(session.active_at));
        Self {
            id: session.id,
            session: Mutex::new(session),
            active_at,
            writing_since: AtomicU64::new(0),
            much_since: AtomicU64::new(0),
            is_subscriber: AtomicBool::new(false),
            backlog,
            closing: AtomicU8::new(OPEN),
            task: Mutex::new(None),
            mailbox: Mailbox::default(),
            gone: AtomicBool::new(false),
            waiting: AtomicU8::new(BUSY),
            figures: Figures::default(),
        }
    }

    /// The task to wake when the connection is to close.
    pub(crate) fn set_task(&self, waker: Waker) {
        *lock(&self.task) = Some(waker);
    }

    /// Whether the connection is to read nothing more.
    #[inline]
    pub(crate) fn is_finishing(&self) -> bool {
        self.closing.load(Ordering::Relaxed) != OPEN
    }

    /// Whether the connection is to close without waiting for its client.
    pub(crate) fn is_aborted(&self) -> bool {
        self.closing.load(Ordering::Relaxed) == ABORTED
    }

    /// Asks the connection to close when all that it has read is answered.
    fn finish(&self) {
        self.close(FINISHING);
    }

    /// Asks the connection to close after its batch, and before if its client does not read.
    fn abort(&self) {
        self.close(ABORTED);
    }

    fn close(&self, level: u8) {
        self.closing.fetch_max(level, Ordering::Relaxed);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = lock(&self.task).as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Notes that the client waits for a key.
    pub(crate) fn begin_waiting(&self) {
        self.waiting.store(WAITING, Ordering::Relaxed);
    }

    /// Notes that the client waits for the end of a pause.
    pub(crate) fn begin_pause(&self) {
        self.waiting.store(PAUSED, Ordering::Relaxed);
    }

    /// Notes that it waits no more.
    pub(crate) fn end_waiting(&self) {
        self.waiting.store(BUSY, Ordering::Relaxed);
    }

    /// Whether it waits for a key.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) != BUSY
    }

    /// How its waiting is to end, if somebody has asked for that.
    pub(crate) fn take_unblock(&self) -> Option<Unblock> {
        match self.waiting.load(Ordering::Relaxed) {
            UNBLOCK_TIMEOUT => Some(Unblock::Timeout),
            UNBLOCK_ERROR => Some(Unblock::Error),
            _ => None,
        }
    }

    /// Asks for the end of its waiting. Returns whether it was waiting.
    fn unblock(&self, how: Unblock) -> bool {
        let end = if how == Unblock::Timeout { UNBLOCK_TIMEOUT } else { UNBLOCK_ERROR };
        let waited =
            self.waiting.compare_exchange(WAITING, end, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if waited {
            self.wake();
        }
        waited
    }

    /// Notes that commands came at `now`, in Unix milliseconds.
    #[inline]
    pub(crate) fn active(&self, now: u64) {
        self.active_at.store(now, Ordering::Relaxed);
    }

    /// Notes since when a reply waits (0: none does).
    #[inline]
    pub(crate) fn writing(&self, since: u64) {
        self.writing_since.store(since, Ordering::Relaxed);
    }

    /// Takes over the session's state.
    pub(crate) fn publish(&self, session: &Session) {
        self.is_subscriber.store(session.is_subscriber(), Ordering::Relaxed);
        lock(&self.session).clone_from(session);
    }

    fn snapshot(&self) -> Session {
        let mut session = lock(&self.session).clone();
        session.active_at = Duration::from_millis(self.active_at.load(Ordering::Relaxed));
        session.is_blocked = self.is_waiting();
        self.figures.show(&mut session);
        session.buffers.mail_bytes = self.mailbox.bytes();
        session
    }

    /// Whether it was idle, or let a reply wait, for too long at `now`.
    fn overdue(&self, now: u64, idle: Option<Duration>, write: Duration) -> bool {
        let writing_since = self.writing_since.load(Ordering::Relaxed);
        let stuck = writing_since != 0 && now.saturating_sub(writing_since) > millis(write);
        let quiet = now.saturating_sub(self.active_at.load(Ordering::Relaxed));
        stuck || idle.is_some_and(|idle| quiet > millis(idle))
    }
}

impl Recipient for ClientHandle {
    fn id(&self) -> u64 {
        self.id
    }

    fn receive(&self, mail: Mail) {
        let bytes_max = self.backlog.mail_bytes_max(self.is_subscriber.load(Ordering::Relaxed));
        match self.mailbox.put(mail, bytes_max) {
            Put::First => self.wake(),
            Put::Behind => self.backlog.note(self.mailbox.bytes()),
            Put::Full => self.abort(),
        }
    }

    fn has_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// All clients by id.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    next_id: AtomicU64,
    by_id: Mutex<BTreeMap<u64, Arc<ClientHandle>>>,
    /// What may wait for them.
    pub(crate) backlog: Arc<Backlog>,
}

impl Clients {
    /// A new id, from 1.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Enters a client; [`Clients::leave`] takes it out.
    pub(crate) fn enter(&self, session: &Session) -> Arc<ClientHandle> {
        let handle = Arc::new(ClientHandle::new(session.clone(), Arc::clone(&self.backlog)));
        lock(&self.by_id).insert(session.id, Arc::clone(&handle));
        handle
    }

    /// Takes a client out.
    pub(crate) fn leave(&self, id: u64) {
        if let Some(handle) = lock(&self.by_id).remove(&id) {
            handle.gone.store(true, Ordering::Relaxed);
        }
    }

    /// Ends the waiting of client `id`. Returns whether it was waiting.
    pub(crate) fn unblock(&self, id: u64, how: Unblock) -> bool {
        let handle = lock(&self.by_id).get(&id).cloned();
        handle.is_some_and(|handle| handle.unblock(how))
    }

    /// Ends the waiting of all clients that wait for a key.
    pub(crate) fn unblock_all(&self, how: Unblock) {
        let all: Vec<Arc<ClientHandle>> = lock(&self.by_id).values().cloned().collect();
        all.iter().for_each(|handle| _ = handle.unblock(how));
    }

    /// Clients that wait for a key.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.by_id).values().filter(|handle| handle.is_waiting()).count()
    }

    /// The client `id`, if it is connected.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<ClientHandle>> {
        lock(&self.by_id).get(&id).cloned()
    }

    /// Bytes of the mail that waits for all clients.
    pub(crate) fn mail_bytes(&self) -> usize {
        lock(&self.by_id).values().map(|handle| handle.mailbox.bytes()).sum()
    }

    /// Bytes of the buffers of all clients, and of what waits for them.
    pub(crate) fn buffer_bytes(&self) -> usize {
        let bytes = |handle: &Arc<ClientHandle>| {
            handle.figures.held_bytes() + handle.mailbox.bytes() + size_of::<ClientHandle>()
        };
        lock(&self.by_id).values().map(bytes).sum()
    }

    /// Clients with a subscription.
    pub(crate) fn subscribers(&self) -> usize {
        self.handles().iter().filter(|handle| lock(&handle.session).is_subscriber()).count()
    }

    /// Clients now.
    pub(crate) fn len(&self) -> usize {
        lock(&self.by_id).len()
    }

    fn handles(&self) -> Vec<Arc<ClientHandle>> {
        lock(&self.by_id).values().cloned().collect()
    }

    /// Shows the sessions other than `own`, by id.
    pub(crate) fn visit_others(&self, own: u64, visit: &mut dyn FnMut(&Session)) {
        let sessions = self.handles().into_iter().map(|handle| handle.snapshot());
        sessions.filter(|session| session.id != own).for_each(|session| visit(&session));
    }

    /// Closes the clients other than `own` that `doomed` names; returns how many.
    pub(crate) fn kill_others(&self, own: u64, doomed: &dyn Fn(&Session) -> bool) -> usize {
        let is_doomed = |handle: &Arc<ClientHandle>| {
            let session = handle.snapshot();
            session.id != own && doomed(&session)
        };
        self.handles().into_iter().filter(is_doomed).map(|handle| handle.abort()).count()
    }

    /// Closes who was idle or did not read for too long at `now`, in Unix milliseconds.
    pub(crate) fn close_overdue(&self, now: u64, idle: Option<Duration>, write: Duration) {
        let overdue = self.handles().into_iter().filter(|handle| handle.overdue(now, idle, write));
        overdue.for_each(|handle| handle.abort());
    }

    /// Closes all, each when its client has read what it is owed.
    pub(crate) fn finish_all(&self) {
        self.handles().into_iter().for_each(|handle| handle.finish());
    }
}
