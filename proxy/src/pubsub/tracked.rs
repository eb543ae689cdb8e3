//! Clients that keep values and are told when those change (`CLIENT TRACKING`).
//!
//! While a client of the thread tracks, every node tells the thread of every key that changes there, each copy by itself:
//! so also what a client read from a copy that had not changed yet is called out of date when it has. Who has read what is
//! known here. When a node was not heard for a while, everything may have changed.

mod readers;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::session::TrackingMode;

use super::{Subscriber, message};
use readers::Readers;

/// One client that tracks.
struct Tracker {
    who: Rc<Subscriber>,
    /// The prefixes of the keys that it is told of, read or not; none if it is told of what it has read.
    prefixes: Option<BTreeSet<Vec<u8>>>,
    /// It was told that it tracks.
    is_confirmed: bool,
}

/// All clients of a thread that track.
#[derive(Default)]
pub(super) struct Tracked {
    trackers: BTreeMap<u64, Tracker>,
    readers: Readers,
    /// Everything may have changed, and nobody was told yet.
    is_stale: bool,
}

impl Tracked {
    /// Whether nobody tracks.
    pub(super) fn is_empty(&self) -> bool {
        self.trackers.is_empty()
    }

    /// A client tracks from now on, or in another way.
    pub(super) fn enter(&mut self, who: &Rc<Subscriber>, mode: &TrackingMode) {
        let prefixes = match mode {
            TrackingMode::Broadcast(prefixes) => Some(prefixes.clone()),
            TrackingMode::All | TrackingMode::OptIn | TrackingMode::OptOut => None,
        };
        let is_confirmed = self.trackers.contains_key(&who.id());
        self.trackers.insert(who.id(), Tracker { who: Rc::clone(who), prefixes, is_confirmed });
    }

    /// A client was told that it tracks.
    pub(super) fn confirm(&mut self, id: u64) {
        if let Some(tracker) = self.trackers.get_mut(&id) {
            tracker.is_confirmed = true;
        }
    }

    /// A client tracks no more; whether it did.
    pub(super) fn leave(&mut self, id: u64) -> bool {
        let was_there = self.trackers.remove(&id).is_some();
        if self.trackers.is_empty() {
            self.readers = Readers::default();
        }
        was_there
    }

    /// A client is about to read a key.
    pub(super) fn remember(&mut self, id: u64, key: &[u8]) {
        while let Some(other) = self.readers.in_the_way_of(key) {
            self.changed(&other, false);
        }
        self.readers.enter(key, id, |id| self.trackers.contains_key(&id));
    }

    /// What a node said of keys that have changed; false if the frame says something else.
    pub(super) fn hear(&mut self, frame: &[u8]) -> bool {
        let Some(keys) = message::invalidated(frame) else { return false };
        match keys {
            Some(keys) => keys.into_iter().for_each(|key| self.changed(key, true)),
            // Slots are emptied one by one, at each of their nodes: that is told once.
            None => self.is_stale = true,
        }
        true
    }

    /// A key has changed, or is remembered no more.
    fn changed(&mut self, key: &[u8], is_told: bool) {
        let readers = self.readers.take(key);
        let is_reader = |tracker: &Tracker| tracker.prefixes.is_none() && readers.contains(&tracker.who.id());
        let hears = |tracker: &Tracker| {
            let prefixes = tracker.prefixes.iter().flatten();
            is_told && prefixes.into_iter().any(|prefix| key.starts_with(prefix))
        };
        let mut frame = Vec::new();
        let concerned = self.trackers.values().filter(|tracker| is_reader(tracker) || hears(tracker));
        for tracker in concerned {
            if frame.is_empty() {
                let mut push = Reply::new(&mut frame, Protocol::Resp3);
                push.push(2);
                push.bulk(b"invalidate");
                push.array(1);
                push.bulk(key);
            }
            tracker.who.invalidate(&frame);
        }
    }

    /// Everything may have changed: all are told soon.
    pub(super) fn all_changed(&mut self) {
        self.is_stale = true;
    }

    /// Tells all if everything may have changed.
    pub(super) fn look(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        self.readers = Readers::default();
        let told = self.trackers.values().filter(|tracker| tracker.is_confirmed);
        told.for_each(|tracker| tracker.who.invalidate(b">2\r\n$10\r\ninvalidate\r\n_\r\n"));
    }
}
