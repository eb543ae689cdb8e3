//! Fills slots with what a snapshot tells of them.

use ringmaster_protocol::extension::History;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

use super::Store;
use super::effect::Effect;
use super::effect::encoding::{DecodeError, framed};

/// A part of a slot, as a snapshot has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portion<'a> {
    /// Whether it is the first: what the slot held before is gone.
    pub(crate) begins: bool,
    /// The slot's version.
    pub(crate) version: Version,
    /// The slot's time in Unix milliseconds.
    pub(crate) time: u64,
    /// Effects, each with its length before it.
    pub(crate) effects: &'a [u8],
}

impl Store {
    /// Applies a part of `slot`; nobody is told of it. To be called before the journal is set.
    ///
    /// # Errors
    /// An effect is malformed; those before it were applied.
    pub(crate) fn load(&self, slot: HashSlot, portion: &Portion<'_>) -> Result<(), DecodeError> {
        let mut guard = self.lock(slot);
        let mut operation = self.operation(slot, portion.time);
        operation.events = None;
        operation.pending.forget();
        if portion.begins {
            guard.apply(&mut operation, &Effect::Clear { database: None });
        }
        let mut rest = portion.effects;
        while !rest.is_empty() {
            guard.apply(&mut operation, &framed::take(&mut rest, slot)?.effect());
        }
        guard.version = portion.version;
        Ok(())
    }

    /// The slot is an entry of chains, whose content started empty in the epoch `born` and has this history, and has the
    /// log's records up to `lsn`.
    pub(crate) fn set_recovered(&self, slot: HashSlot, born: Epoch, history: History, lsn: u64) {
        self.lock(slot).set_recovered(born, history, lsn);
    }
}
