//! Applies what the log tells of a slot.

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Version;

use super::Store;
use super::effect::Effect;
use super::effect::encoding::DecodeError;
use super::journal::{Pending, Whole};
use super::load::Portion;

/// How an operation from the log was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It was applied.
    Applied,
    /// The slot has it already.
    Known,
    /// The slot lacks an operation before it; nothing was changed.
    Gap {
        /// The slot's version.
        has: u64,
    },
}

impl Store {
    /// Applies an operation that this node had in an earlier life: the slot has `version` and `time` after it. Nobody is
    /// told of it, and the journal does not hear of it.
    pub fn restore<'e>(
        &self,
        slot: HashSlot,
        (version, time): (Version, u64),
        effects: impl Iterator<Item = Effect<'e>>,
    ) -> Restored {
        let mut guard = self.lock(slot);
        if version.n <= guard.version.n {
            return Restored::Known;
        }
        if version.n > guard.version.n + 1 {
            return Restored::Gap { has: guard.version.n };
        }
        let mut operation = self.operation(slot, time);
        (operation.events, operation.pending) = (None, Pending::new(None, slot));
        operation.pending.forget();
        for effect in effects {
            guard.apply(&mut operation, &effect);
        }
        guard.version = version;
        guard.replayed(version);
        Restored::Applied
    }

    /// The slot's content is this from now on; as [`Store::restore`], of an entry of chains.
    ///
    /// # Errors
    /// An effect is malformed; those before it were applied.
    pub(crate) fn restore_whole(&self, slot: HashSlot, whole: &Whole<'_>) -> Result<(), DecodeError> {
        let (time, version, effects) = (whole.time, whole.history.version(), whole.effects);
        self.load(slot, &Portion { begins: true, version, time, effects })?;
        let mut guard = self.lock(slot);
        guard.set_recovered(whole.born, whole.history.clone(), 0);
        Ok(())
    }
}
