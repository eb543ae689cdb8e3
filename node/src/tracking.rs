//! Clients that keep values and are told when those change (`CLIENT TRACKING`).
//!
//! Which keys a client has read stands with the keys' slots ([`crate::store::slot::Slot`]), so a change finds those to
//! tell under the lock that it holds anyway; here stands who they are. Clients that want to know of all keys with some
//! prefix (broadcasting) stand in one list, which a change looks at only while there is one.
//!
//! Order of locks: slot → trackers, prefixes → a client's mailbox → the waker of its connection.

pub(crate) mod author;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;

use crate::mail::{Mail, Recipient};
use crate::store::effect::Effect;

/// Most keys that are remembered, unless `tracking-table-max-keys` says otherwise.
pub const KEYS_MAX: usize = 1_000_000;

/// One client that wants to know.
pub struct Tracker {
    /// The client itself.
    pub own: Arc<dyn Recipient>,
    /// Who is told in its place, if not itself.
    pub redirect: Option<Arc<dyn Recipient>>,
    /// It is not told of what it changes itself.
    pub no_loop: bool,
    /// The prefixes of the keys that it wants to know of, read or not.
    pub prefixes: Vec<Vec<u8>>,
    /// Whether the client that was to be told in its place has gone.
    pub(crate) lost: AtomicBool,
}

impl Tracker {
    /// A client that is told by itself of keys that it reads.
    #[must_use]
    pub fn new(own: Arc<dyn Recipient>) -> Self {
        Self { own, redirect: None, no_loop: false, prefixes: Vec::new(), lost: AtomicBool::new(false) }
    }

    /// Tells of changed keys (an encoded array), or that all are gone.
    fn tell(&self, keys: Option<&Arc<[u8]>>) {
        let Some(redirect) = &self.redirect else {
            return self.own.receive(Mail::Invalidation { keys: keys.cloned(), redirected: false });
        };
        if redirect.has_gone() {
            self.lost.store(true, Ordering::Relaxed);
            return self.own.receive(Mail::LostRedirection(redirect.id()));
        }
        redirect.receive(Mail::Invalidation { keys: keys.cloned(), redirected: true });
    }

    /// Tells of changed keys (an encoded array), and which client of the proxy that listens here has changed them.
    fn tell_author(&self, keys: &Arc<[u8]>, client: u64) {
        match self.redirect {
            None => self.own.receive(Mail::Change { keys: Arc::clone(keys), client }),
            Some(_) => self.tell(Some(keys)),
        }
    }
}

/// The trackers that want to know of a prefix, by the id of the client.
type Listeners = BTreeMap<u64, Arc<Tracker>>;

/// All clients of a node that want to know.
pub struct Tracking {
    trackers: RwLock<HashMap<u64, Arc<Tracker>>>,
    prefixes: RwLock<BTreeMap<Vec<u8>, Listeners>>,
    /// Whether there is a prefix.
    broadcasts: AtomicBool,
    /// Keys that the slots remember.
    pub(crate) keys: AtomicUsize,
    /// Pairs of such a key and a client.
    pub(crate) items: AtomicUsize,
    keys_max: AtomicUsize,
}

impl Default for Tracking {
    fn default() -> Self {
        Self {
            trackers: RwLock::default(),
            prefixes: RwLock::default(),
            broadcasts: AtomicBool::new(false),
            keys: AtomicUsize::new(0),
            items: AtomicUsize::new(0),
            keys_max: AtomicUsize::new(KEYS_MAX),
        }
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// An array of one key.
fn array_of(key: &[u8]) -> Arc<[u8]> {
    let mut text = Vec::with_capacity(key.len() + 32);
    let mut reply = Reply::new(&mut text, Protocol::Resp3);
    reply.array(1);
    reply.bulk(key);
    text.into()
}

impl Tracking {
    /// Enters a client, in place of what it wanted before: what it wants before and after is told without a gap.
    pub fn begin(&self, tracker: Tracker) {
        let (id, tracker) = (tracker.own.id(), Arc::new(tracker));
        let before = write(&self.trackers).insert(id, Arc::clone(&tracker));
        let mut prefixes = write(&self.prefixes);
        for prefix in &tracker.prefixes {
            prefixes.entry(prefix.clone()).or_default().insert(id, Arc::clone(&tracker));
        }
        let before = before.iter().flat_map(|before| &before.prefixes);
        self.leave(&mut prefixes, id, before.filter(|prefix| !tracker.prefixes.contains(prefix)));
    }

    /// Takes a client out. The slots forget it when a key that it has read changes.
    pub fn end(&self, id: u64) {
        let Some(tracker) = write(&self.trackers).remove(&id) else { return };
        self.leave(&mut write(&self.prefixes), id, tracker.prefixes.iter());
    }

    /// A client wants to know of some prefixes no more.
    fn leave<'p>(
        &self,
        prefixes: &mut BTreeMap<Vec<u8>, Listeners>,
        id: u64,
        left: impl Iterator<Item = &'p Vec<u8>>,
    ) {
        for prefix in left {
            if let Some(listeners) = prefixes.get_mut(prefix) {
                listeners.remove(&id);
            }
        }
        prefixes.retain(|_, listeners| !listeners.is_empty());
        self.broadcasts.store(!prefixes.is_empty(), Ordering::Release);
    }

    /// Clients that want to know.
    #[must_use]
    pub fn clients(&self) -> usize {
        read(&self.trackers).len()
    }

    /// Prefixes that clients want to know of.
    #[must_use]
    pub fn prefixes(&self) -> usize {
        read(&self.prefixes).len()
    }

    /// Whether the client that was to be told in place of `id` has gone.
    #[must_use]
    pub fn has_lost_redirection(&self, id: u64) -> bool {
        read(&self.trackers).get(&id).is_some_and(|tracker| tracker.lost.load(Ordering::Relaxed))
    }

    /// Whether the client still wants to know.
    pub(crate) fn knows(&self, id: u64) -> bool {
        read(&self.trackers).contains_key(&id)
    }

    /// Keys that may be remembered; 0 is no bound.
    #[must_use]
    pub fn keys_max(&self) -> usize {
        self.keys_max.load(Ordering::Relaxed)
    }

    /// Sets how many keys may be remembered.
    pub fn set_keys_max(&self, max: usize) {
        self.keys_max.store(max, Ordering::Relaxed);
    }

    /// Keys that are remembered beyond the bound.
    pub(crate) fn excess(&self) -> usize {
        let (keys, max) = (self.keys.load(Ordering::Relaxed), self.keys_max());
        if max == 0 { 0 } else { keys.saturating_sub(max) }
    }

    /// Tells the clients `ids` that `key` was changed by the client `by` (0: by nobody), or is remembered no more.
    #[cold]
    pub(crate) fn invalidate(&self, ids: &[u64], key: &[u8], by: u64) {
        let (trackers, keys) = (read(&self.trackers), array_of(key));
        let wanting = ids.iter().filter_map(|id| trackers.get(id).map(|tracker| (*id, tracker)));
        // One that broadcasts by now is told by its prefixes.
        let wanting = wanting.filter(|(_, tracker)| tracker.prefixes.is_empty());
        wanting.filter(|(id, tracker)| !(tracker.no_loop && *id == by)).for_each(|(_, tracker)| {
            tracker.tell(Some(&keys));
        });
    }

    /// Whether somebody wants to know of keys with a prefix.
    #[inline]
    pub(crate) fn broadcasts(&self) -> bool {
        self.broadcasts.load(Ordering::Acquire)
    }

    /// Tells who wants to know of a prefix of `key` that it was changed by the client `by`; or by an author
    /// ([`author::number_of`]), which only its proxy is told.
    #[cold]
    pub(crate) fn broadcast(&self, key: &[u8], by: u64) {
        let (prefixes, keys, author) = (read(&self.prefixes), array_of(key), author::author_of(by));
        let concerned = prefixes.iter().filter(|(prefix, _)| key.starts_with(prefix));
        for (id, tracker) in concerned.flat_map(|(_, listeners)| listeners) {
            match author.filter(|author| author.line == *id) {
                Some(author) => tracker.tell_author(&keys, author.client),
                None if tracker.no_loop && *id == by => {}
                None => tracker.tell(Some(&keys)),
            }
        }
    }

    /// Tells who wants to know of prefixes of what an effect has changed, by whom as [`Tracking::broadcast`] has it.
    #[inline]
    pub(crate) fn tell_of(&self, effect: &Effect<'_>, by: u64) {
        if !self.broadcasts() {
            return;
        }
        match effect {
            Effect::Clear { .. } => self.flush(),
            _ => effect.keys().into_iter().flatten().for_each(|key| self.broadcast(key.bytes, by)),
        }
    }

    /// Tells everybody that all keys are gone.
    pub(crate) fn flush(&self) {
        read(&self.trackers).values().for_each(|tracker| tracker.tell(None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::testing::Inbox;
    use ringmaster_protocol::extension::Author;

    #[test]
    fn clients_are_told_once_of_what_they_read_and_always_of_their_prefixes() {
        let (tracking, a, b) = (Tracking::default(), Inbox::new(1), Inbox::new(2));
        tracking.begin(Tracker { no_loop: true, ..Tracker::new(a.clone()) });
        tracking.begin(Tracker { prefixes: vec![b"us".to_vec()], ..Tracker::new(b.clone()) });
        assert_eq!((tracking.clients(), tracking.prefixes(), tracking.broadcasts()), (2, 1, true));
        tracking.invalidate(&[1, 2, 3], b"user", 0);
        tracking.invalidate(&[1], b"user", 1);
        tracking.broadcast(b"user", 2);
        tracking.broadcast(b"u", 0);
        let told = ">2 $10 invalidate *1 $4 user";
        assert_eq!((a.take().as_str(), b.take().as_str()), (told, told));
        tracking.flush();
        assert_eq!((a.take().as_str(), b.take().as_str()), (">2 $10 invalidate _", ">2 $10 invalidate _"));
        tracking.end(2);
        tracking.end(2);
        assert_eq!((tracking.clients(), tracking.prefixes(), tracking.broadcasts()), (1, 0, false));
    }

    #[test]
    fn only_the_proxy_of_an_author_is_told_of_him() {
        let (tracking, a, b) = (Tracking::default(), Inbox::new(1), Inbox::new(2));
        for inbox in [&a, &b] {
            let prefixes = vec![Vec::new()];
            tracking.begin(Tracker { prefixes, ..Tracker::new(inbox.clone()) });
        }
        let by = author::number_of(Author { line: 2, client: 77 }).unwrap();
        tracking.broadcast(b"k", by);
        let told = (a.take(), b.take());
        assert_eq!((&*told.0, &*told.1), (">2 $10 invalidate *1 $1 k", ">3 $10 invalidate *1 $1 k :77"));
        let by = author::number_of(Author { line: 3, client: 77 }).unwrap();
        tracking.broadcast(b"k", by);
        assert_eq!(a.take(), b.take(), "its line is no more, or never was");
    }

    #[test]
    fn who_begins_anew_misses_nothing_of_what_it_wanted_before() {
        let (tracking, a) = (Tracking::default(), Inbox::new(1));
        let begin = |prefixes: &[&str]| {
            let prefixes = prefixes.iter().map(|prefix| prefix.as_bytes().to_vec()).collect();
            tracking.begin(Tracker { prefixes, ..Tracker::new(a.clone()) });
        };
        begin(&["k", "x"]);
        let told = 2000;
        std::thread::scope(|scope| {
            let telling = scope.spawn(|| (0..told).for_each(|_| tracking.broadcast(b"key", 0)));
            while !telling.is_finished() {
                begin(&["k"]);
            }
        });
        assert_eq!(a.take().matches("invalidate").count(), told);
        tracking.broadcast(b"x", 0);
        assert_eq!((a.take().as_str(), tracking.prefixes()), ("", 1));
    }

    #[test]
    fn who_is_told_in_ones_place_may_go() {
        let (tracking, a, b) = (Tracking::default(), Inbox::new(1), Inbox::new(2));
        tracking.begin(Tracker { redirect: Some(b.clone()), ..Tracker::new(a.clone()) });
        tracking.invalidate(&[1], b"k", 0);
        assert_eq!((a.take().as_str(), b.take().as_str()), ("", ">2 $10 invalidate *1 $1 k"));
        assert!(!tracking.has_lost_redirection(1));
        b.go();
        tracking.invalidate(&[1], b"k", 0);
        assert_eq!((a.take().as_str(), b.take().as_str()), (">2 $21 tracking-redir-broken :2", ""));
        assert!(tracking.has_lost_redirection(1));
    }
}
