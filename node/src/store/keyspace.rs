//! What one command sees: its keys, and their slots held.

mod finding;
mod holding;
mod telling;

use std::cell::Cell;

use ringmaster_protocol::slot::HashSlot;
use smallvec::SmallVec;

use super::census::{Count, DATABASES};
use super::effect::{Applied, Effect};
use super::event::Class;
use super::journal::commit_together;
use super::key::Key;
use super::slot::Operation;
use super::{SlotGuard, Store};
use crate::command::error::CommandError;
use crate::pubsub::Hub;

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
    /// Whether a message was published that somebody was told.
    has_published: bool,
}

/// How often a command found a key and how often not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Keys found.
    pub hits: u32,
    /// Keys absent or expired.
    pub misses: u32,
}

impl Lookups {
    /// What came after `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self { hits: self.hits.wrapping_sub(before.hits), misses: self.misses.wrapping_sub(before.misses) }
    }
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
    /// Whether a script called it.
    pub is_scripted: bool,
    /// Whether a command that would take long is handed back undone, to be run where nobody waits for its thread.
    pub may_defer: bool,
    /// Whether nothing may be changed, not even what is due freed: others order the changes of this slot.
    pub keeps: bool,
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

    /// The store.
    pub(crate) fn store(&self) -> &'s Store {
        self.store
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

    /// The subscriptions, to publish to.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        self.store.events().hub()
    }

    /// A message was published, and so many were told.
    pub(crate) fn published(&mut self, heard: usize) {
        self.has_published |= heard > 0;
    }

    /// Whether somebody was told a message.
    pub(crate) fn has_published(&self) -> bool {
        self.has_published
    }
}
