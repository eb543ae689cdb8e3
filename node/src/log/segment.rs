//! The segment that is written to, and the names of segments.

use std::io;
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::record::{DataId, HEADER_BYTES, Header};

/// A file that grows.
pub(super) struct Segment {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) end: u64,
}

/// Name of the segment whose first record is `first_lsn`.
pub(super) fn name(first_lsn: u64) -> String {
    format!("wal-{first_lsn:016x}.log")
}

/// The first lsn that a name tells; `None` if it is no segment's.
pub(super) fn first_lsn_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("wal-")?.strip_suffix(".log")?;
    let lsn = u64::from_str_radix(digits, 16).ok()?;
    (lsn > 0 && self::name(lsn) == *name).then_some(lsn)
}

/// The segments in a directory: first lsn and name, ascending.
pub(super) fn list(disk: &dyn Disk) -> io::Result<Vec<(u64, String)>> {
    let names = disk.list()?.into_iter();
    let mut segments: Vec<_> = names.filter_map(|name| Some((first_lsn_of(&name)?, name))).collect();
    segments.sort_unstable();
    Ok(segments)
}

impl Segment {
    /// A new one with its header. What is left of an attempt that failed is replaced: it holds nothing,
    /// as the records it was made for are not written yet.
    pub(super) fn create(disk: &dyn Disk, data_id: DataId, first_lsn: u64) -> io::Result<Self> {
        let name = name(first_lsn);
        let file = match disk.create(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(&name)?;
                disk.create(&name)?
            }
            file => file?,
        };
        file.write_at(&Header { data_id, first_lsn }.encode(), 0)?;
        Ok(Self { file: file.into(), end: HEADER_BYTES as u64 })
    }

    /// Makes its header and its name durable.
    pub(super) fn make_durable(&self, disk: &dyn Disk) -> io::Result<()> {
        self.file.sync()?;
        disk.sync_dir()
    }

    /// Whether it holds no record.
    pub(super) fn is_empty(&self) -> bool {
        self.end == HEADER_BYTES as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_records() {
        assert_eq!(name(255), "wal-00000000000000ff.log");
        assert_eq!(first_lsn_of(&name(u64::MAX)), Some(u64::MAX));
        for other in ["wal-ff.log", "wal-00000000000000FF.log", "wal-00000000000000ff.log.cut", "register-a"]
        {
            assert_eq!(first_lsn_of(other), None, "{other}");
        }
    }
}
