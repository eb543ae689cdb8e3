//! Whether what the clients saw can have come from one slot that executes one command at a time.

mod expiry;
mod linear;
mod lists;

use ringmaster_protocol::cluster_file::{Ack, ReadFrom};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Version;

use super::command::{LIST_KEY, State};
use super::history::{Call, History};

/// Which of the promises hold, by the settings of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Promises {
    /// Writes are acknowledged when all members have them.
    pub ack: Ack,
    /// Reads see what is acknowledged.
    pub read_from: ReadFrom,
}

impl Promises {
    /// With the default settings.
    pub const ALL: Self = Self { ack: Ack::All, read_from: ReadFrom::Tail };

    /// Whether a call is none of one object that executes one command at a time.
    fn leaves_out(self, call: &Call) -> bool {
        self.read_from == ReadFrom::Any && call.command.is_read()
    }
}

/// Checks one slot: its calls against what its members hold at the end.
///
/// # Errors
/// What is wrong, in words.
pub fn check(
    history: &History,
    slot: HashSlot,
    (journal, state): (&[Version], &State),
    promises: Promises,
) -> Result<(), String> {
    let of_slot = |text| format!("slot {}: {text}", slot.number());
    lists::check(history, slot, state.list(LIST_KEY), promises).map_err(of_slot)?;
    expiry::check(history, slot, promises).map_err(of_slot)?;
    if promises.ack == Ack::Head {
        return Ok(());
    }
    linear::check(history, slot, journal, promises).map_err(of_slot)
}
