//! What one command sees: its keys, and their slots held.

mod telling;

use std::cell::Cell;

use ringmaster_protocol::slot::HashSlot;
use smallvec::SmallVec;

use super::census::{Count, DATABASES};
use super::effect::{Applied, Effect};
use super::entry::EntryRef;
use super::event::Class;
use super::eviction::Policy;
use super::journal::commit_together;
use super::key::Key;
use super::slot::{Operation, Slot};
use super::{SlotGuard, Store};
use crate::command::error::CommandError;
use crate::pubsub::Hub;
use crate::store::value::{Hash, List, Set, SortedSet, Stream, Value};

/// Due fields of a hash that one try to begin a command frees: about 0.2 ms.
const FIELDS_FREED_MAX: usize = 512;

/// Elements that a command may look at on its connection's own thread: half a millisecond or less.
pub(crate) const ELEMENTS_FEW: usize = 10_000;

/// The keys of a command with all their slots locked, in ascending order. Dropping it releases them.
pub struct Keyspace<'s, 'k> {
    store: &'s Store,
    keys: &'k [Key<'k>],
    held: SmallVec<[Held<'s>; 1]>,
    moment: Moment,
    lookups: Cell<Lookups>,
    /// Whether a look for a key in vain is told: the command only reads.
    tells_misses: bool,
    /// The key that the command has removed in order to replace it.
    replaced: Option<(u8, u64)>,
}

/// How often a command found a key and how often not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Keys found.
    pub hits: u32,
    /// Keys absent or expired.
    pub misses: u32,
}

/// What a command may know of the world besides its slots, fixed when it begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// The clock in Unix milliseconds.
    pub now: u64,
    /// The database that the connection has selected, 0..16.
    pub database: u8,
    /// Seed of the command's random choices.
    pub random: u64,
    /// The client whose command it is, 0 for none.
    pub client: u64,
    /// Whether that client keeps what it reads, and wants to be told when it changes.
    pub tracks: bool,
    /// Whether what it does counts as no use of a key that is there (`CLIENT NO-TOUCH`).
    pub no_touch: bool,
    /// Whether a command that would take long is handed back undone, to be run where nobody waits for its thread.
    pub may_defer: bool,
}

/// One slot and the operation of this command on it.
struct Held<'s> {
    /// In front of the guard: it is told while the slot is held.
    operation: Operation<'s>,
    guard: SlotGuard<'s>,
}

impl Drop for Keyspace<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        // One slot's operation tells by itself.
        if self.held.len() > 1 {
            commit_together(self.held.iter_mut().map(|held| &mut held.operation.pending));
        }
    }
}

impl<'s, 'k> Keyspace<'s, 'k> {
    /// Locks the slots of `keys`, and frees those fields of their hashes that are due.
    ///
    /// # Errors
    /// The slot that somebody else holds, or whose hash has more due fields than go at once. Nothing is held then: wait
    /// for that slot and try again.
    #[inline]
    pub fn lock(store: &'s Store, keys: &'k [Key<'k>], moment: Moment) -> Result<Self, HashSlot> {
        let mut keyspace = Self {
            store,
            keys,
            held: SmallVec::new(),
            moment,
            lookups: Cell::default(),
            tells_misses: false,
            replaced: None,
        };
        if let [key] = keys {
            keyspace.hold(key.slot)?;
        } else {
            let mut slots: SmallVec<[HashSlot; 16]> = keys.iter().map(|key| key.slot).collect();
            slots.sort_unstable();
            slots.dedup();
            slots.into_iter().try_for_each(|slot| keyspace.hold(slot))?;
        }
        keyspace.free_due_fields(FIELDS_FREED_MAX)?;
        Ok(keyspace)
    }

    /// The keyspace of a command with one key, whose slot `guard` holds; else as [`Keyspace::lock`].
    #[inline]
    pub(crate) fn of_key(
        store: &'s Store,
        key: &'k [Key<'k>; 1],
        guard: SlotGuard<'s>,
        moment: Moment,
    ) -> Result<Self, HashSlot> {
        let operation = store.operation_of(key[0].slot, moment);
        let mut keyspace = Self {
            store,
            keys: key,
            held: SmallVec::from_buf([Held { guard, operation }]),
            moment,
            lookups: Cell::default(),
            tells_misses: false,
            replaced: None,
        };
        keyspace.free_due_fields(FIELDS_FREED_MAX)?;
        Ok(keyspace)
    }

    /// Locks `slots`, which are in ascending order and distinct; the keyspace has no keys of its own. Commands run
    /// in it by [`Keyspace::nested`].
    ///
    /// # Errors
    /// As [`Keyspace::lock`].
    pub fn lock_slots(
        store: &'s Store,
        slots: impl IntoIterator<Item = HashSlot>,
        moment: Moment,
    ) -> Result<Self, HashSlot> {
        let mut keyspace = Self {
            store,
            keys: &[],
            held: SmallVec::new(),
            moment,
            lookups: Cell::default(),
            tells_misses: false,
            replaced: None,
        };
        slots.into_iter().try_for_each(|slot| keyspace.hold(slot))?;
        Ok(keyspace)
    }

    /// A keyspace of the one slot that `guard` holds.
    pub(crate) fn of_guard(store: &'s Store, slot: HashSlot, guard: SlotGuard<'s>, moment: Moment) -> Self {
        let operation = store.operation_of(slot, moment);
        let held = SmallVec::from_buf([Held { guard, operation }]);
        Self { store, keys: &[], held, moment, lookups: Cell::default(), tells_misses: false, replaced: None }
    }

    /// Locks `slot`, which is above all that are held.
    #[inline]
    fn hold(&mut self, slot: HashSlot) -> Result<(), HashSlot> {
        let guard = self.store.try_lock(slot).ok_or(slot)?;
        self.held.push(Held { guard, operation: self.store.operation_of(slot, self.moment) });
        Ok(())
    }

    /// Holds `slot`, too. Not in ascending order: who waits for it while others wait for him must let go of all.
    ///
    /// # Errors
    /// Somebody else holds the slot; nothing has changed.
    pub fn extend(&mut self, slot: HashSlot) -> Result<(), HashSlot> {
        let Err(place) = self.place(slot) else { return Ok(()) };
        let guard = self.store.try_lock(slot).ok_or(slot)?;
        self.held.insert(place, Held { guard, operation: self.store.operation_of(slot, self.moment) });
        Ok(())
    }

    /// Holds `slot`, too, for a command that looks at keys which are not its own. To be called before the first effect.
    ///
    /// # Errors
    /// [`CommandError::Busy`]: the handler is to return it, all is let go then and the command begins anew.
    pub fn reach(&mut self, slot: HashSlot) -> Result<(), CommandError> {
        self.extend(slot).map_err(CommandError::Busy)
    }

    /// Where `slot` stands among the held ones, or where it would.
    fn place(&self, slot: HashSlot) -> Result<usize, usize> {
        self.held.binary_search_by_key(&slot, |held| held.operation.slot)
    }

    /// The held slots, ascending.
    pub(crate) fn slots(&self) -> impl Iterator<Item = HashSlot> {
        self.held.iter().map(|held| held.operation.slot)
    }

    /// Whether `slot` is held.
    #[must_use]
    pub fn holds(&self, slot: HashSlot) -> bool {
        self.place(slot).is_ok()
    }

    /// Whether all slots are held.
    #[must_use]
    pub fn holds_all(&self) -> bool {
        self.held.len() == HashSlot::all().len()
    }

    /// Runs another command on `keys`, whose slots are held: a command of a transaction or a script. All effects on
    /// one slot within one hold share a version.
    pub fn nested<R>(
        &mut self,
        keys: &[Key<'_>],
        moment: Moment,
        run: impl FnOnce(&mut Keyspace<'s, '_>) -> R,
    ) -> R {
        let held = std::mem::take(&mut self.held);
        let mut inner = Keyspace {
            store: self.store,
            keys,
            held,
            moment: Moment { may_defer: false, ..moment },
            lookups: Cell::default(),
            tells_misses: false,
            replaced: None,
        };
        // Within a hold nothing can be put off.
        let _ = inner.free_due_fields(usize::MAX);
        let result = run(&mut inner);
        let Lookups { hits, misses } = inner.lookups.get();
        self.held = std::mem::take(&mut inner.held);
        let own = self.lookups.get();
        self.lookups.set(Lookups { hits: own.hits + hits, misses: own.misses + misses });
        result
    }

    /// Visits the held slots in ascending order, until `visit` returns false.
    pub(crate) fn visit_held(&mut self, mut visit: impl FnMut(&mut Slot, &mut Operation<'s>) -> bool) {
        let _ = self.held.iter_mut().all(|held| visit(&mut held.guard, &mut held.operation));
    }

    /// The next key that clients wait for and that was changed within this hold, its database in front.
    pub(crate) fn next_ready(&mut self) -> Option<Vec<u8>> {
        let ready = self.held.iter_mut().find(|held| held.guard.has_ready());
        ready.and_then(|held| held.guard.next_ready())
    }

    /// Whether a key that clients wait for was changed within this hold.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.held.iter().any(|held| held.guard.has_ready())
    }

    /// The held slot of `key`, to observe.
    pub(crate) fn slot_mut(&mut self, slot: HashSlot) -> &mut Slot {
        &mut self.held_mut(slot).guard
    }

    /// The held slot, to read.
    pub(crate) fn slot(&self, slot: HashSlot) -> &Slot {
        &self.held(slot).guard
    }

    /// Keys in each database, summed over all slots, the held ones and the others.
    #[must_use]
    pub fn census(&self) -> [Count; DATABASES as usize] {
        self.store.sum_census(|slot, add| match self.place(slot) {
            Ok(place) => add(self.held[place].guard.census()),
            // As in the store's own count, a slot that somebody else holds for long is left out.
            Err(_) => {
                if let Some(guard) = self.store.try_lock(slot) {
                    add(guard.census());
                }
            }
        })
    }

    /// What the command may know of the world.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// The command's keys, in the order of its arguments.
    #[inline]
    #[must_use]
    pub fn keys(&self) -> &'k [Key<'k>] {
        self.keys
    }

    /// The command's first key. Commands with a key specification have one.
    #[inline]
    #[must_use]
    pub fn key(&self) -> Key<'k> {
        self.keys[0]
    }

    /// The database that the connection has selected.
    #[must_use]
    pub fn database(&self) -> u8 {
        self.moment.database
    }

    /// The clock in Unix milliseconds when the command began; the same for the whole command.
    #[inline]
    #[must_use]
    pub fn now(&self) -> u64 {
        self.moment.now
    }

    /// The next random number of this command (SplitMix64). Only for choices that an effect then names.
    pub fn random(&mut self) -> u64 {
        self.moment.random = self.moment.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.moment.random ^ self.moment.random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    #[inline]
    fn held(&self, slot: HashSlot) -> &Held<'s> {
        if self.held.len() == 1 {
            return &self.held[0];
        }
        let place = self.place(slot);
        &self.held[place.expect("a command touches its own keys only")]
    }

    #[inline]
    fn held_mut(&mut self, slot: HashSlot) -> &mut Held<'s> {
        if self.held.len() == 1 {
            return &mut self.held[0];
        }
        let place = self.place(slot);
        &mut self.held[place.expect("a command touches its own keys only")]
    }

    /// The entry of `key`, `None` if it is absent or expired; looking counts neither as a use nor as a lookup.
    #[inline]
    #[must_use]
    pub fn peek(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        self.held(key.slot).guard.find(key, self.moment.now)
    }

    /// The entry of `key`, `None` if it is absent or expired. Counts as a use of it.
    #[inline]
    #[must_use]
    pub fn find(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let found = self.peek(key);
        if !self.moment.no_touch {
            self.store.replacement().read(key, found);
        }
        self.note_lookup(key, found.is_some());
        found
    }

    /// As [`Keyspace::find`], but counts as no use of the key.
    #[inline]
    #[must_use]
    pub fn find_untouched(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let found = self.peek(key);
        self.note_lookup(key, found.is_some());
        found
    }

    #[inline]
    fn note_lookup(&self, key: Key<'_>, found: bool) {
        self.count_lookup(found);
        if !found && self.tells_misses {
            self.notify(Class::Miss, "keymiss", key);
        }
    }

    /// Makes the command count as a use of its keys, whatever its client has asked for.
    pub(crate) fn touch_in_any_case(&mut self) {
        self.moment.no_touch = false;
    }

    #[inline]
    fn count_lookup(&self, hit: bool) {
        let Lookups { hits, misses } = self.lookups.get();
        self.lookups.set(Lookups { hits: hits + u32::from(hit), misses: misses + u32::from(!hit) });
    }

    /// Remembers the command's keys for its client, which keeps what it reads.
    #[cold]
    pub(crate) fn track_keys(&mut self) {
        for &key in self.keys {
            let (client, tracking) = (self.moment.client, self.store.events().tracking());
            self.slot_mut(key.slot).track(key, client, tracking);
        }
    }

    /// Notes that the command only reads: what it looks for in vain is told.
    #[inline]
    pub(crate) fn tell_misses(&mut self) {
        self.tells_misses = true;
    }

    /// The policy of eviction.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.store.replacement().policy()
    }

    /// Seconds since `key` was used last, 0 where that is not kept; `None` if it is absent.
    #[must_use]
    pub fn idle_seconds(&self, key: Key<'_>) -> Option<u64> {
        self.peek(key).map(|entry| self.store.replacement().idle_seconds(entry.record()))
    }

    /// The counter of the uses of `key`, where uses are counted; `None` if it is absent.
    #[must_use]
    pub fn uses(&self, key: Key<'_>) -> Option<u32> {
        self.peek(key).map(|entry| self.store.replacement().touch().counter(entry.record()))
    }

    /// What the command has found so far.
    #[inline]
    #[must_use]
    pub fn lookups(&self) -> Lookups {
        self.lookups.get()
    }

    /// Changes the slot of the effect's keys: the one door.
    #[inline]
    pub fn apply(&mut self, slot: HashSlot, effect: &Effect<'_>) -> Applied {
        if self.store.events().wants(Class::New) {
            return self.apply_and_tell(slot, effect);
        }
        self.apply_plainly(slot, effect)
    }

    #[inline]
    fn apply_plainly(&mut self, slot: HashSlot, effect: &Effect<'_>) -> Applied {
        let Held { guard, operation } = self.held_mut(slot);
        guard.apply(operation, effect)
    }

    /// Whether the journal refuses, so that what need not be changed is to be left.
    #[cold]
    pub(super) fn is_refused(&self) -> bool {
        self.store.is_refused()
    }

    /// Whether fields of hashes in the held slots may be due.
    #[inline]
    pub(super) fn fields_may_be_due(&self) -> bool {
        self.held.iter().any(|held| held.guard.fields_may_be_due(self.moment.now))
    }

    /// Frees those fields of the hash at `key` that are due, at most `max`; returns how many.
    #[cold]
    pub(super) fn free_fields(&mut self, key: Key<'_>, max: usize) -> usize {
        let store = self.store;
        let Held { guard, operation } = self.held_mut(key.slot);
        guard.free_fields(key, max, operation, store.events())
    }

    /// To be called before the first effect of a command that will look at so many elements.
    ///
    /// # Errors
    /// [`CommandError::Long`]: the handler is to return it; the command is begun anew where it may take its time.
    pub fn weigh(&self, elements: usize) -> Result<(), CommandError> {
        if elements > ELEMENTS_FEW && self.moment.may_defer { Err(CommandError::Long) } else { Ok(()) }
    }

    /// Elements of the collections at all keys of the command.
    #[cold]
    pub(crate) fn elements(&self) -> usize {
        let values = self.keys.iter().filter_map(|key| self.peek(*key)).map(EntryRef::value);
        values.map(Value::elements).sum()
    }

    /// The subscriptions, to publish to.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        self.store.events().hub()
    }

    /// The string at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    #[inline]
    pub fn string(&self, key: Key<'_>) -> Result<Option<&[u8]>, CommandError> {
        match self.find(key) {
            None => Ok(None),
            Some(entry) => entry.as_string().map(Some).ok_or(CommandError::WrongType),
        }
    }

    /// The list at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn list(&self, key: Key<'_>) -> Result<Option<List<'_>>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// The set at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn set(&self, key: Key<'_>) -> Result<Option<Set<'_>>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::Set(set)) => Ok(Some(set)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// The hash at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn hash(&self, key: Key<'_>) -> Result<Option<Hash<'_>>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// The stream at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn stream(&self, key: Key<'_>) -> Result<Option<&Stream>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::Stream(stream)) => Ok(Some(stream)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// The sorted set at `key`.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] if it is something else.
    pub fn sorted_set(&self, key: Key<'_>) -> Result<Option<SortedSet<'_>>, CommandError> {
        match self.find(key).map(EntryRef::value) {
            None => Ok(None),
            Some(Value::SortedSet(set)) => Ok(Some(set)),
            Some(_) => Err(CommandError::WrongType),
        }
    }
}
