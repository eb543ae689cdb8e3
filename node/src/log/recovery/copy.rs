//! A part of a file copied to another.

use std::io;
use std::ops::Range;

use crate::log::disk::{Disk, DiskFile};

/// Bytes copied at once.
const PIECE_BYTES: usize = 1 << 20;

/// Copies `part` of the file `from` to a new file `to`, which is durable then; its name is after a sync of the
/// directory.
///
/// # Errors
/// As the disk says; `UnexpectedEof` if there is no such part.
pub(in crate::log) fn part(disk: &dyn Disk, from: &str, part: Range<u64>, to: &str) -> io::Result<()> {
    let (from, to) = (disk.open(from)?, fresh(disk, to)?);
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = part.start;
    while offset < part.end {
        let wanted = usize::try_from(part.end - offset).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let read = from.read_at(&mut piece[..wanted], offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_at(&piece[..read], offset - part.start)?;
        offset += read as u64;
    }
    to.sync()
}

/// A new file, in place of one of that name.
fn fresh(disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
    match disk.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => disk.create(name),
    }
}
