//! Snapshots: the whole store in one file, so that the log before it can go.
//!
//! ```text
//! slots, one after the other ──effects──► blocks, compressed, with checksums ──► snap-….tmp ──sync, rename──► snap-….snap
//! start:  snapshot ──by slot to workers──► store, then the log from the snapshot's first record on
//! ```
//! No process is forked. Each slot is told under its own lock, a large one in many short holds
//! ([`crate::store`] keeps what changes between them), and carries the version that it had: operations of the log up
//! to that version are skipped, later ones come on top. So a slot is of one moment, and the store as a whole is that
//! of the log's last record at the snapshot's end, which is why the log must reach that far.
//!
//! A file is a snapshot only if it was finished and is whole. The format is told in docs/PERSISTENCE.md.

mod file;
mod format;
mod load;
mod output;
mod take;
mod tidy;
mod verify;

use std::io;

use super::disk::Disk;
pub use load::{Loaded, load};
pub use take::{Pace, Position, SnapshotError, Source, Taken, take};
pub use tidy::{Freed, tidy};
pub use verify::verify;

/// Name of the snapshot whose log goes on with the record `start_lsn`.
#[must_use]
pub fn name(start_lsn: u64) -> String {
    format!("snap-{start_lsn:016x}.snap")
}

/// Name of the file while it is written.
fn name_aside(start_lsn: u64) -> String {
    format!("snap-{start_lsn:016x}.tmp")
}

/// The start that a name tells; `None` if it is no snapshot's.
pub(super) fn start_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("snap-")?.strip_suffix(".snap")?;
    let lsn = u64::from_str_radix(digits, 16).ok()?;
    (self::name(lsn) == *name).then_some(lsn)
}

/// The snapshots in a directory: start and name, ascending.
///
/// # Errors
/// As the disk says.
pub fn list(disk: &dyn Disk) -> io::Result<Vec<(u64, String)>> {
    let names = disk.list()?.into_iter();
    let mut snapshots: Vec<_> = names.filter_map(|name| Some((start_of(&name)?, name))).collect();
    snapshots.sort_unstable();
    Ok(snapshots)
}

/// Bytes of the newest snapshot, 0 if there is none.
///
/// # Errors
/// As the disk says.
pub fn bytes(disk: &dyn Disk) -> io::Result<u64> {
    list(disk)?.last().map_or(Ok(0), |(_, name)| disk.open(name)?.size())
}

#[cfg(test)]
mod tests;
