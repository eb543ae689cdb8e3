//! Which slots a command holds: locked in ascending order, all of them or none.

use std::cell::Cell;

use ringmaster_protocol::slot::HashSlot;
use smallvec::SmallVec;

use super::{Held, Keyspace, Lookups, Moment};
use crate::command::error::CommandError;
use crate::store::key::Key;
use crate::store::slot::{Operation, Slot};
use crate::store::{SlotGuard, Store};

/// Due fields of a hash that one try to begin a command frees: about 0.2 ms.
const FIELDS_FREED_MAX: usize = 512;

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
            has_published: false,
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
            has_published: false,
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
            has_published: false,
        };
        slots.into_iter().try_for_each(|slot| keyspace.hold(slot))?;
        Ok(keyspace)
    }

    /// A keyspace of the one slot that `guard` holds.
    pub(crate) fn of_guard(store: &'s Store, slot: HashSlot, guard: SlotGuard<'s>, moment: Moment) -> Self {
        let operation = store.operation_of(slot, moment);
        let held = SmallVec::from_buf([Held { guard, operation }]);
        let (lookups, tells_misses, replaced, has_published) = (Cell::default(), false, None, false);
        Self { store, keys: &[], held, moment, lookups, tells_misses, replaced, has_published }
    }

    /// Locks `slot`, which is above all that are held.
    #[inline]
    pub(super) fn hold(&mut self, slot: HashSlot) -> Result<(), HashSlot> {
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
    pub(super) fn place(&self, slot: HashSlot) -> Result<usize, usize> {
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
            has_published: false,
        };
        // Within a hold nothing can be put off.
        let _ = inner.free_due_fields(usize::MAX);
        let result = run(&mut inner);
        let Lookups { hits, misses } = inner.lookups.get();
        self.held = std::mem::take(&mut inner.held);
        self.has_published |= inner.has_published;
        let own = self.lookups.get();
        self.lookups.set(Lookups { hits: own.hits + hits, misses: own.misses + misses });
        result
    }

    /// Visits the held slots in ascending order, until `visit` returns false.
    pub(crate) fn visit_held(&mut self, mut visit: impl FnMut(&mut Slot, &mut Operation<'s>) -> bool) {
        let _ = self.held.iter_mut().all(|held| visit(&mut held.guard, &mut held.operation));
    }

    /// The held slot of `key`, to observe.
    pub(crate) fn slot_mut(&mut self, slot: HashSlot) -> &mut Slot {
        &mut self.held_mut(slot).guard
    }

    /// The held slot, to read.
    pub(crate) fn slot(&self, slot: HashSlot) -> &Slot {
        &self.held(slot).guard
    }

    #[inline]
    pub(super) fn held(&self, slot: HashSlot) -> &Held<'s> {
        if self.held.len() == 1 {
            return &self.held[0];
        }
        let place = self.place(slot);
        &self.held[place.expect("a command touches its own keys only")]
    }

    #[inline]
    pub(super) fn held_mut(&mut self, slot: HashSlot) -> &mut Held<'s> {
        if self.held.len() == 1 {
            return &mut self.held[0];
        }
        let place = self.place(slot);
        &mut self.held[place.expect("a command touches its own keys only")]
    }
}
