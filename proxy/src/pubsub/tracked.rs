//! Clients that keep values and are told when those change (`CLIENT TRACKING`).
//!
//! While a client of the thread tracks, every node tells the thread of every key that changes there, each copy by itself:
//! so also what a client read from a copy that had not changed yet is called out of date when it has. Who has read what is
//! known here. When a node was not heard for a while, everything may have changed; when a slot has lost a copy, what was read
//! of it ([`super::serving`]).

mod readers;
mod teller;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use ringmaster_protocol::session::{Tracking, TrackingMode};
use ringmaster_protocol::slot::HashSlot;

use super::serving::Lost;
use super::{Subscriber, message};
use crate::shared::Shared;
use readers::Readers;
use teller::{Changed, Teller};

/// Most keys of lost copies that are called changed one by one; above it everything is.
const LOST_MAX: usize = 1024;

/// One client that tracks.
struct Tracker {
    /// By whom it is told.
    teller: Teller,
    /// The prefixes of the keys that it is told of, read or not; none if it is told of what it has read.
    prefixes: Option<BTreeSet<Vec<u8>>>,
    /// It is not told of what it changes itself.
    no_loop: bool,
    /// It was told that it tracks.
    is_confirmed: bool,
    /// Everything that it keeps may have changed, and it was not told yet.
    is_stale: bool,
}

/// What becomes of a key.
#[derive(Clone, Copy)]
enum Change {
    /// A node told of it; of a change by this client, where it said so.
    Told(Option<u64>),
    /// It may have changed, or is remembered no more.
    Forgotten,
}

/// All clients of a thread that track.
#[derive(Default)]
pub(super) struct Tracked {
    trackers: BTreeMap<u64, Tracker>,
    readers: Readers,
    /// All who were told that they track are stale.
    are_all_stale: bool,
}

impl Tracked {
    /// Whether nobody tracks.
    pub(super) fn is_empty(&self) -> bool {
        self.trackers.is_empty()
    }

    /// A client tracks from now on, or in another way.
    pub(super) fn enter(&mut self, who: &Rc<Subscriber>, tracking: &Tracking, shared: &Arc<Shared>) {
        let prefixes = match &tracking.mode {
            TrackingMode::Broadcast(prefixes) => Some(prefixes.clone()),
            TrackingMode::All | TrackingMode::OptIn | TrackingMode::OptOut => None,
        };
        let before = self.trackers.get(&who.id());
        let is_confirmed = before.is_some();
        let is_stale = before.is_some_and(|before| before.is_stale);
        let teller = Teller::new(who, tracking.redirect, shared);
        self.trackers.insert(
            who.id(),
            Tracker { teller, prefixes, no_loop: tracking.no_loop, is_confirmed, is_stale },
        );
    }

    /// A client was told that it tracks.
    pub(super) fn confirm(&mut self, id: u64) {
        if let Some(tracker) = self.trackers.get_mut(&id) {
            tracker.is_confirmed = true;
            self.are_all_stale = false;
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
            self.changed(&other, Change::Forgotten);
        }
        self.readers.enter(key, id, |id| self.trackers.contains_key(&id));
    }

    /// What a node said of keys that have changed; false if the frame says something else.
    pub(super) fn hear(&mut self, frame: &[u8]) -> bool {
        let Some(invalidated) = message::invalidated(frame) else { return false };
        let change = Change::Told(invalidated.author);
        match invalidated.keys {
            Some(keys) => keys.into_iter().for_each(|key| self.changed(key, change)),
            None => self.all_changed(),
        }
        true
    }

    /// A key has changed, or is remembered no more. Who has changed it himself and does not want to hear of that is still told of
    /// what others make of it: his read may have been another one, behind that change.
    fn changed(&mut self, key: &[u8], change: Change) {
        let (is_told, author) = match change {
            Change::Told(author) => (true, author),
            Change::Forgotten => (false, None),
        };
        let is_quiet = |id: u64| self.trackers.get(&id).is_some_and(|tracker| tracker.no_loop);
        let author = author.filter(|id| is_quiet(*id));
        let readers = self.readers.take(key);
        if let Some(id) = author.filter(|id| readers.contains(id)) {
            self.readers.enter(key, id, |_| true);
        }
        let hears = |tracker: &Tracker| {
            let prefixes = tracker.prefixes.iter().flatten();
            is_told && prefixes.into_iter().any(|prefix| key.starts_with(prefix))
        };
        let is_reader = |id: &u64, tracker: &Tracker| tracker.prefixes.is_none() && readers.contains(id);
        let mut changed = None;
        let concerned = self.trackers.iter().filter(|(id, _)| Some(**id) != author);
        let concerned = concerned.filter(|(id, tracker)| is_reader(id, tracker) || hears(tracker));
        for (_, tracker) in concerned {
            tracker.teller.tell(changed.get_or_insert_with(|| Changed::key(key)));
        }
    }

    /// Slots have lost a copy: what clients have read of them may have changed.
    pub(super) fn lost(&mut self, lost: &Lost) {
        let Lost::Slots(slots) = lost else { return self.all_changed() };
        if slots.is_empty() || self.is_empty() {
            return;
        }
        let is_lost = |key: &[u8]| slots.binary_search(&HashSlot::of(key)).is_ok();
        let keys = self.readers.keys().filter(|key| is_lost(key));
        let keys: Vec<Box<[u8]>> = keys.take(LOST_MAX + 1).map(Into::into).collect();
        // Who is told of prefixes may keep any key.
        let is_any = self.trackers.values().any(|tracker| tracker.prefixes.is_some());
        if is_any || keys.len() > LOST_MAX {
            return self.all_changed();
        }
        keys.iter().for_each(|key| self.changed(key, Change::Forgotten));
    }

    /// Everything may have changed: who tracks by now is told soon. Who begins later has read nothing yet.
    pub(super) fn all_changed(&mut self) {
        self.readers = Readers::default();
        // Slots are emptied one by one, at each of their nodes.
        if !std::mem::replace(&mut self.are_all_stale, true) {
            self.trackers.values_mut().for_each(|tracker| tracker.is_stale = tracker.is_confirmed);
        }
    }

    /// Tells those for whom everything may have changed.
    pub(super) fn look(&mut self) {
        self.are_all_stale = false;
        for tracker in self.trackers.values_mut() {
            if std::mem::take(&mut tracker.is_stale) {
                tracker.teller.tell(&Changed::everything());
            }
        }
    }
}
