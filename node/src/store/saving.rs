//! A slot told to a snapshot, in several holds of its lock where it is large.
//!
//! The slot is told as it was when the telling began, while commands change it in between: entries come in the order
//! of their hashes, and before an effect changes one that has not come yet the one door has it told as it is (its
//! *image*). A slot that changes as a whole, by `FLUSHALL` or `SWAPDB`, is told anew.

use std::collections::HashSet;
use std::time::Instant;

use ringmaster_protocol::extension::History;
use ringmaster_protocol::view::{Epoch, Version};

use super::describe::describe;
use super::effect::Effect;
use super::effect::encoding::framed;
use super::entry::EntryRef;
use super::key::Key;
use super::observers::{Name, name_of};
use super::slot::Slot;
use super::table::{Table, order};

/// Entries between two looks at the limits.
const ENTRIES_BETWEEN: usize = 64;

/// Bytes of images that wait to be taken.
const IMAGES_BYTES_MAX: usize = 256 << 20;

/// What one hold of a slot's lock has told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Whether it is the first of the slot; what was told of it before does not count.
    pub(crate) begins: bool,
    /// The slot's version when the telling began.
    pub(crate) version: Version,
    /// The slot's time then, in Unix milliseconds.
    pub(crate) time: u64,
    /// Of an entry of chains, where this is the first of the slot: when it started empty, and its history.
    pub(crate) lineage: Option<(Epoch, History)>,
    /// The log's records of the slot up to this one are in it, where this is the first of the slot.
    pub(crate) lsn: u64,
    /// Effects that make the entries, each with its length before it.
    pub(crate) effects: Vec<u8>,
    /// How many entries.
    pub(crate) keys: u64,
}

/// How long a hold may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// It ends when so many bytes are told.
    pub(crate) bytes: usize,
    /// It ends then; `None` at no time.
    pub(crate) until: Option<Instant>,
}

/// What follows a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The slot is told.
    Done,
    /// There is more.
    More,
    /// It changes faster than it is told; nobody notes its changes any more.
    Overrun,
}

/// How far the telling of a slot has come.
pub(super) struct Saving {
    /// Entries of lower orders have been told.
    cursor: u32,
    version: Version,
    time: u64,
    /// Keys of orders from the cursor on that have been told, or were not there at the beginning.
    known: HashSet<Name>,
    /// What was told of them.
    images: Vec<u8>,
    keys: u64,
    /// The slot has changed as a whole.
    anew: bool,
    overrun: bool,
}

impl Saving {
    fn of(slot: &Slot) -> Box<Self> {
        Box::new(Self {
            cursor: 0,
            version: slot.version,
            time: slot.time,
            known: HashSet::new(),
            images: Vec::new(),
            keys: 0,
            anew: false,
            overrun: false,
        })
    }

    /// Tells the entry of `key` as it is, unless that was done.
    fn keep(&mut self, table: &Table, key: Key<'_>) {
        if order(key.hash) < self.cursor || !self.known.insert(name_of(key)) {
            return;
        }
        if let Some(entry) = table.find(key.hash, key.database, key.bytes) {
            self.keys += tell(entry, self.time, &mut self.images);
        }
        self.overrun = self.images.len() > IMAGES_BYTES_MAX;
    }

    /// Whether the entry has been told; then it is forgotten, for it is not met again.
    fn is_known(&mut self, entry: EntryRef<'_>) -> bool {
        !self.known.is_empty() && self.known.remove(&name_of(Key::new(entry.key(), entry.database())))
    }

    /// Tells entries from the cursor on. Returns whether those were all.
    fn walk(&mut self, slot: &Slot, limits: Limits, told: &mut Told) -> bool {
        loop {
            let next = slot.scan(self.cursor, ENTRIES_BETWEEN, |entry| {
                if !self.is_known(entry) {
                    told.keys += tell(entry, self.time, &mut told.effects);
                }
            });
            let Some(cursor) = next else { return true };
            self.cursor = cursor;
            let is_late = || limits.until.is_some_and(|until| Instant::now() >= until);
            if told.effects.len() >= limits.bytes || is_late() {
                return false;
            }
        }
    }
}

/// Appends the effects that make `entry`, unless it is expired at `time`. Returns how many entries that were.
fn tell(entry: EntryRef<'_>, time: u64, out: &mut Vec<u8>) -> u64 {
    if entry.is_expired(time) {
        return 0;
    }
    let key = Key::new(entry.key(), entry.database());
    describe(key, entry.value(), entry.deadline(), &mut |effect| framed::put(out, effect));
    1
}

impl Slot {
    /// Tells entries into `told`, whose effects are emptied first: from the beginning, or from where the last call
    /// ended. What comes is noted until [`Next::Done`], or until [`Slot::stop_saving`].
    pub(crate) fn save(&mut self, limits: Limits, told: &mut Told) -> Next {
        told.effects.clear();
        let before = self.observers.as_mut().and_then(|observers| observers.saving.take());
        if before.as_ref().is_some_and(|saving| saving.overrun) {
            self.forget_observers();
            return Next::Overrun;
        }
        let before = before.filter(|saving| !saving.anew);
        told.begins = before.is_none();
        told.lineage = if told.begins { self.lineage() } else { None };
        let mut saving = before.unwrap_or_else(|| Saving::of(self));
        (told.version, told.time, told.keys) =
            (saving.version, saving.time, std::mem::take(&mut saving.keys));
        told.effects.append(&mut saving.images);
        if saving.walk(self, limits, told) {
            self.forget_observers();
            return Next::Done;
        }
        saving.images = Vec::new();
        self.observers.get_or_insert_default().saving = Some(saving);
        Next::More
    }

    /// Ends the telling before its end.
    pub(crate) fn stop_saving(&mut self) {
        if let Some(observers) = &mut self.observers {
            observers.saving = None;
        }
        self.forget_observers();
    }

    /// Tells what `effect` is about to change and has not been told.
    pub(super) fn save_images(&mut self, effect: &Effect<'_>) {
        let Some(saving) = self.observers.as_mut().and_then(|observers| observers.saving.as_mut()) else {
            return;
        };
        if matches!(effect, Effect::Clear { .. } | Effect::SwapDatabases { .. }) {
            saving.anew = true;
        }
        if saving.anew || saving.overrun {
            (saving.known, saving.images) = (HashSet::new(), Vec::new());
            return;
        }
        // Of a copy the original counts, too: were it to expire untold, the copy could not be made again.
        let original = if let Effect::Copy { from, .. } = *effect { Some(from) } else { None };
        for key in effect.keys().into_iter().flatten().chain(original) {
            saving.keep(&self.table, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::load::Portion;

    const TIME: u64 = 1000;

    fn key(name: &str) -> String {
        format!("{{slot}}{name}")
    }

    fn set(store: &Store, name: &str, value: &str) {
        let name = key(name);
        let key = Key::new(name.as_bytes(), 0);
        store.apply(key.slot, TIME, &Effect::SetString { key, value: value.as_bytes(), deadline: None });
    }

    /// Saves the one slot of `store` in holds of some entries, with `between` after each; loads it elsewhere.
    fn saved(store: &Store, mut between: impl FnMut(usize)) -> (Store, usize) {
        let slot = Key::new(key("").as_bytes(), 0).slot;
        let (copy, mut told, mut holds) = (Store::new(None), Told::default(), 0);
        loop {
            let next = store.lock(slot).save(Limits { bytes: 1, until: None }, &mut told);
            let Told { begins, version, time, ref effects, .. } = told;
            copy.load(slot, &Portion { begins, version, time, effects }).unwrap();
            if next == Next::Done {
                return (copy, holds);
            }
            holds += 1;
            between(holds);
        }
    }

    fn content(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
        let slot = Key::new(key("").as_bytes(), 0).slot;
        let pair = |entry: EntryRef<'_>| (entry.key().to_vec(), entry.as_string().unwrap().to_vec());
        let mut all: Vec<_> = store.look(slot, |slot| slot.entries().map(pair).collect());
        all.sort_unstable();
        all
    }

    fn filled(keys: usize) -> Store {
        let store = Store::new(None);
        (0..keys).for_each(|n| set(&store, &n.to_string(), "old"));
        store
    }

    #[test]
    fn a_slot_is_told_as_it_was_when_the_telling_began() {
        let store = filled(3000);
        let before = content(&store);
        let (copy, holds) = saved(&store, |hold| {
            for n in (hold * 31..).step_by(7).take(40) {
                set(&store, &(n % 3000).to_string(), "new");
                set(&store, &format!("new{n}"), "new");
                let name = key(&(n * 3 % 3000).to_string());
                let key = Key::new(name.as_bytes(), 0);
                store.apply(key.slot, TIME, &Effect::Remove { key });
            }
        });
        assert!(holds > 20, "{holds} holds");
        assert_eq!(content(&copy), before);
        let slot = Key::new(key("").as_bytes(), 0).slot;
        assert!(store.look(slot, |slot| slot.observers.is_none()), "nothing is noted any more");
    }

    #[test]
    fn a_slot_that_is_swept_is_told_anew() {
        let store = filled(1000);
        let slot = Key::new(key("").as_bytes(), 0).slot;
        let (copy, _) = saved(&store, |hold| match hold {
            3 => {
                store.apply(slot, TIME, &Effect::Clear { database: None });
                (0..200).for_each(|n| set(&store, &n.to_string(), "second"));
            }
            _ => set(&store, &hold.to_string(), "third"),
        });
        let told = content(&copy);
        assert_eq!(told.len(), 200);
        assert!(told.iter().filter(|(_, value)| value == b"third").count() < 10);
    }

    #[test]
    fn a_telling_that_is_stopped_leaves_nothing() {
        let store = filled(1000);
        let slot = Key::new(key("").as_bytes(), 0).slot;
        let mut told = Told::default();
        assert_eq!(store.lock(slot).save(Limits { bytes: 1, until: None }, &mut told), Next::More);
        assert!(store.look(slot, |slot| slot.observers.is_some()));
        store.lock(slot).stop_saving();
        assert!(store.look(slot, |slot| slot.observers.is_none()));
    }
}
