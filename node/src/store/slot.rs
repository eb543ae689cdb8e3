//! One hash slot: its keys, its version and its time, behind one lock.
//!
//! A slot changes through [`Slot::apply`] alone. A key is expired iff its deadline is not above the slot's time;
//! an expired key is absent for every reader and every effect, whether it has been freed already or not.

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Version;

use super::agenda::Agenda;
use super::census::Census;
use super::effect::{Applied, Effect};
use super::entry::EntryRef;
use super::event::{Class, Events};
use super::eviction::{Replacement, Touch};
use super::journal::Pending;
use super::key::{Key, hash_of};
use super::next_deadline::NextDeadline;
use super::observers::Observers;
use super::placed::Placed;
use super::table::Table;

/// What a table needs for an entry, about.
const BUCKET_BYTES: usize = 10;

/// A slot's state. Its changes are in `super::door`.
///
/// What every command looks at stands first: together with the lock it fills one cache line. What changes are noted
/// in fills the second.
#[repr(C)]
pub struct Slot {
    pub(super) table: Table,
    /// The slot's time in Unix milliseconds: that of its last operation, never falling.
    pub(super) time: u64,
    /// No field of a hash is due before this; `u64::MAX` when none ever is.
    pub(super) fields_due: u64,
    /// Its place in its chain, in a node that is a member of a cluster.
    pub(super) placed: Option<Box<Placed>>,
    /// Version of the last operation applied.
    pub version: Version,
    /// No key is to be freed promptly before this.
    pub(super) next_deadline: NextDeadline,
    pub(super) census: Census,
    /// What falls due soon, where the slot has been visited for that.
    pub(super) agenda: Option<Box<Agenda>>,
    /// How a use of now is noted.
    pub(super) touch: Touch,
    /// Who waits for something to happen to a key; mostly nobody.
    pub(super) observers: Option<Box<Observers>>,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            table: Table::default(),
            time: 0,
            fields_due: u64::MAX,
            placed: None,
            version: Version::default(),
            next_deadline: NextDeadline::default(),
            census: Census::default(),
            agenda: None,
            touch: Touch::default(),
            observers: None,
        }
    }
}

/// One operation on one slot: all effects of a command share a version and a time.
pub struct Operation<'j> {
    /// The slot.
    pub slot: HashSlot,
    /// The clock in Unix milliseconds when the command began.
    pub now: u64,
    /// What is to be told of it.
    pub(super) pending: Pending<'j>,
    /// Where keyspace events go; `None` where somebody has told them already.
    pub events: Option<&'j Events>,
    /// The client whose command it is, 0 for none.
    pub client: u64,
    /// Whether it counts as no use of a key that is there.
    pub(super) no_touch: bool,
    /// What knows of the use of keys.
    pub(super) replacement: &'j Replacement,
    /// Whether an effect has already taken the operation's version.
    pub versioned: bool,
}

impl Slot {
    /// The one door. Changes the slot by `effect` and, if that changed anything, gives it the operation's version
    /// and time and tells the journal.
    #[inline]
    pub fn apply(&mut self, operation: &mut Operation<'_>, effect: &Effect<'_>) -> Applied {
        self.time = self.time.max(operation.now);
        if operation.events.is_some_and(|events| events.wants(Class::Expired)) {
            self.tell_expired(operation, effect);
        }
        if self.observers.is_some() {
            self.foretell_observers(effect);
        }
        self.touch = if operation.no_touch { Touch::NONE } else { operation.replacement.touch() };
        let before = self.table.len();
        let applied = self.change(effect);
        if self.table.len() > before {
            self.admit(operation.replacement, effect);
        }
        if let Effect::SetString { key, value, .. } = effect {
            operation.replacement.write(*key, key.bytes.len() + value.len() + BUCKET_BYTES);
        }
        if applied.changed {
            if self.observers.is_some() {
                self.tell_observers(effect);
                self.tell_trackers(operation, effect);
            }
            if operation.events.is_some_and(|events| events.tracking().broadcasts()) {
                self.broadcast(operation, effect);
            }
            if !operation.versioned {
                self.version = self.next_version();
                operation.versioned = true;
            }
            if operation.pending.is_told() || self.placed.is_some() {
                operation.pending.record(self.version, self.time, effect);
            }
        }
        applied
    }

    #[cold]
    fn broadcast(&self, operation: &Operation<'_>, effect: &Effect<'_>) {
        for key in effect.keys().into_iter().flatten() {
            if let Some(events) = operation.events {
                events.tracking().broadcast(key.bytes, operation.client);
            }
        }
    }

    /// Tells of the keys that the effect replaces or frees and that have expired. No other way leads past the door, so
    /// each is told once: by who came first, a command or the search for due keys.
    #[cold]
    fn tell_expired(&self, operation: &Operation<'_>, effect: &Effect<'_>) {
        for key in effect.keys().into_iter().flatten().filter(|key| self.is_due(*key, operation.now)) {
            if let Some(events) = operation.events {
                events.notify(Class::Expired, "expired", key);
            }
        }
    }

    /// Notes a key that was not there before.
    fn admit(&self, replacement: &Replacement, effect: &Effect<'_>) {
        // Of two keys the second is the one that comes.
        let Some(key) = effect.keys().into_iter().flatten().last() else { return };
        if let Some(entry) = self.table.find(key.hash, key.database, key.bytes) {
            entry.set_record(replacement.admit(key, entry.block_bytes() + BUCKET_BYTES));
        }
    }

    /// The slot's time for an operation that began at `now`.
    #[inline]
    #[must_use]
    pub fn time_at(&self, now: u64) -> u64 {
        self.time.max(now)
    }

    /// The entry of `key`, unless it is expired at `now`.
    #[inline]
    #[must_use]
    pub fn find(&self, key: Key<'_>, now: u64) -> Option<EntryRef<'_>> {
        let entry = self.table.find(key.hash, key.database, key.bytes)?;
        (!entry.is_expired(self.time_at(now))).then_some(entry)
    }

    /// Whether `key` is expired at `now` and not yet freed.
    #[must_use]
    pub(crate) fn is_due(&self, key: Key<'_>, now: u64) -> bool {
        let entry = self.table.find(key.hash, key.database, key.bytes);
        entry.is_some_and(|entry| entry.is_expired(self.time_at(now)))
    }

    /// All entries, the expired included, in no stated order.
    pub fn entries(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.table.iter()
    }

    /// The entries of `database` that are not expired at `now`, in no stated order.
    pub fn living(&self, database: u8, now: u64) -> impl Iterator<Item = EntryRef<'_>> {
        let time = self.time_at(now);
        // Most slots have no key of another database, and none that a walk for it must look at.
        let len = if self.census.count(database).keys == 0 { 0 } else { self.len() };
        let entries = self.table.iter().take(len);
        entries.filter(move |entry| entry.database() == database && !entry.is_expired(time))
    }

    /// Fills `into` with the entries from position `from` on (0 is the first). Returns how many there were and, unless
    /// that was the end, the position to go on from. Asks for their headers without waiting for each.
    pub(crate) fn sample<'s>(&'s self, from: u64, into: &mut [Option<EntryRef<'s>>]) -> (usize, Option<u64>) {
        let (mut seen, mut next) = (0, from);
        let mut entries = self.table.iter_from(from);
        for place in into.iter_mut() {
            let Some((at, entry)) = entries.next() else { return (seen, None) };
            entry.prefetch();
            *place = Some(entry);
            (seen, next) = (seen + 1, at + 1);
        }
        (seen, Some(next))
    }

    /// The entry whose hash has this upper half, expired or not.
    pub(crate) fn entry_of_order(&self, order: u32) -> Option<EntryRef<'_>> {
        self.table.of_order(order, hash_of, |_| true)
    }

    /// Visits entries in the order of their hashes; see [`Table::scan`].
    pub fn scan<'s>(&'s self, from: u32, count: usize, visit: impl FnMut(EntryRef<'s>)) -> Option<u32> {
        self.table.scan(from, count, hash_of, visit)
    }

    /// An entry at a place chosen by `random`; it may be expired.
    #[must_use]
    pub fn pick(&self, random: u64) -> Option<EntryRef<'_>> {
        self.table.pick(random)
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes of the table that fall to each entry.
    #[must_use]
    pub(crate) fn share_bytes(&self) -> usize {
        self.table.bucket_bytes() / self.len().max(1)
    }

    /// Bytes of the slot's table, without its entries.
    pub(crate) fn table_bytes(&self) -> usize {
        self.table.bucket_bytes()
    }

    /// Whether the slot holds no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Keys by database.
    #[must_use]
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// When the slot is to be looked through for due keys, `u64::MAX` when it has no deadline; `None` if that is as at
    /// the last call.
    #[inline]
    pub(super) fn take_untold_deadline(&mut self) -> Option<u64> {
        self.next_deadline.take_untold()
    }

    /// Where the table lies; see [`Table::hint`].
    #[inline]
    pub(crate) fn table_hint(&self) -> u64 {
        self.table.hint()
    }

    /// Address of the entry that `hash` probably finds, to prefetch.
    #[inline]
    pub(crate) fn candidate(&self, hash: u64) -> Option<*const u8> {
        self.table.candidate(hash)
    }
}
