//! Stores with a snapshot, and what they hold in a form that can be compared.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64};

use ringmaster_protocol::slot::HashSlot;

use crate::log::disk::Disk;
use crate::log::record::DataId;
use crate::log::recovery::RecoveryError;
use crate::log::snapshot::{Loaded, Pace, Position, SnapshotError, Source, Taken, load, take};
use crate::store::Store;
use crate::store::describe::describe;
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::key::Key;

pub(super) const ID: [u8; 16] = [7; 16];

/// A log that nothing is written to.
pub(super) struct Still;

impl Position for Still {
    fn last_lsn(&self) -> u64 {
        0
    }

    fn wait_written(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

/// A snapshot of `store` with these libraries.
pub(super) fn taken(
    store: &Store,
    disk: &dyn Disk,
    log: &dyn Position,
    libraries: &dyn Fn() -> Vec<Vec<u8>>,
) -> Result<Taken, SnapshotError> {
    taken_with(store, disk, log, libraries, ID)
}

/// As [`taken`], in the directory with this id.
pub(super) fn taken_with(
    store: &Store,
    disk: &dyn Disk,
    log: &dyn Position,
    libraries: &dyn Fn() -> Vec<Vec<u8>>,
    data_id: DataId,
) -> Result<Taken, SnapshotError> {
    let (stop, keys_done) = (&AtomicBool::new(false), &AtomicU64::new(0));
    take(&Source { store, disk, data_id, log, libraries, pace: Pace::Full, stop, keys_done })
}

/// What the newest snapshot of `disk` holds.
pub(super) fn loaded(disk: &dyn Disk) -> Result<(Store, Option<Loaded>), RecoveryError> {
    let store = Store::new(None);
    let loaded = load(disk, &ID, &store, 2, &mut |_, _| {})?;
    Ok((store, loaded))
}

/// Versions of the slots that have one, and what all keys that are not expired hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) versions: Vec<(u16, u64)>,
    pub(super) keys: BTreeMap<(u8, Vec<u8>), Vec<String>>,
}

/// What `store` holds at `now`.
pub(super) fn content(store: &Store, now: u64) -> Content {
    let mut content = Content { versions: Vec::new(), keys: BTreeMap::new() };
    for slot in HashSlot::all() {
        store.look(slot, |found| {
            if found.version.n > 0 {
                content.versions.push((slot.number(), found.version.n));
            }
            let living = found.entries().filter(|entry| !entry.is_expired(found.time_at(now)));
            content.keys.extend(living.map(|entry| ((entry.database(), entry.key().to_vec()), told(entry))));
        });
    }
    content
}

/// An entry as sorted lines; the order of its elements does not matter where they have none.
fn told(entry: EntryRef<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let key = Key::new(entry.key(), entry.database());
    describe(key, entry.value(), entry.deadline(), &mut |effect| match *effect {
        Effect::AddMembers { members, .. } => {
            lines.extend(members.iter().map(|member| format!("{member:?}")));
        }
        Effect::SetFields { fields, .. } => lines.extend(fields.iter().map(|field| format!("{field:?}"))),
        _ => lines.push(format!("{effect:?}")),
    });
    lines.sort_unstable();
    lines
}
