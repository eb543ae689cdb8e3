//! Removes what a snapshot has made superfluous.

use std::io;

use super::{list, name};
use crate::log::disk::Disk;
use crate::log::segment;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Segments of the log.
    pub segments: usize,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Snapshots and unfinished ones.
    pub files: usize,
}

/// Removes the segments whose records are all before `start_lsn`, where the newest snapshot begins, then older snapshots,
/// then what is left of unfinished ones. With no snapshot, at start, `start_lsn` is 0. None may be under way.
///
/// # Errors
/// As the disk says; what remains is removed the next time.
pub fn tidy(disk: &dyn Disk, start_lsn: u64) -> io::Result<Freed> {
    let mut freed = Freed::default();
    let segments = segment::list(disk)?;
    for pair in segments.windows(2) {
        if pair[1].0 <= start_lsn {
            let name = &pair[0].1;
            freed.segment_bytes += disk.open(name)?.size()?;
            disk.remove(name)?;
            freed.segments += 1;
        }
    }
    if freed.segments > 0 {
        disk.sync_dir()?;
    }
    let kept = name(start_lsn);
    let older = list(disk)?.into_iter().map(|(_, name)| name).filter(|name| *name < kept);
    let unfinished = disk.list()?.into_iter().filter(|name| is_unfinished(name));
    for name in older.chain(unfinished) {
        disk.remove(&name)?;
        freed.files += 1;
    }
    if freed.files > 0 {
        disk.sync_dir()?;
    }
    Ok(freed)
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with("snap-") && name.ends_with(".tmp")
}
