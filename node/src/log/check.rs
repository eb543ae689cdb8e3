//! `ringmaster-node check DIR` and `repair DIR --cut`: looks at a log without starting a node.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;

use super::disk::{Disk, DiskFile};
use super::operation::parts;
use super::record::{Bad, Kind, Record};
use super::recovery::{Damage, Found, RecoveryError, read};
use super::{identity, segment};

/// Bytes copied at once.
const PIECE_BYTES: usize = 1 << 20;

/// What a check found.
pub struct Report {
    /// To be printed: segments, records, slots, and what is wrong.
    pub text: String,
    /// Whether a node would refuse to start.
    pub damage: Option<Damage>,
}

/// Reads the whole log and decodes every effect.
///
/// # Errors
/// As the disk says; the directory is in use, or has no identity.
pub fn check(disk: &dyn Disk) -> io::Result<Report> {
    let _lock = disk.lock()?;
    let data_id = identity::data_id(disk)?;
    let mut slots = BTreeSet::new();
    let mut visit = |record: Record<'_>| look(record, &mut slots);
    match read(disk, &data_id, 0, &mut visit) {
        Ok(found) => Ok(Report { text: describe(&found, slots.len()), damage: None }),
        Err(RecoveryError::Damaged(damage)) => {
            Ok(Report { text: format!("damaged: {damage}\n"), damage: Some(damage) })
        }
        Err(RecoveryError::Io(error)) => Err(error),
    }
}

fn look(record: Record<'_>, slots: &mut BTreeSet<u16>) -> Result<(), Bad> {
    if record.kind != Kind::Operation {
        return Ok(());
    }
    for part in parts(record.body)? {
        part.effects().map_err(|_| Bad::Body)?;
        slots.insert(part.slot.number());
    }
    Ok(())
}

fn describe(found: &Found, slots: usize) -> String {
    let mut text = String::new();
    for segment in &found.segments {
        let (first, last) = (segment.first_lsn, segment.last_lsn);
        let count = last.wrapping_add(1).wrapping_sub(first);
        let _ = writeln!(text, "{}: {count} records from {first}, {} bytes", segment.file, segment.bytes);
    }
    if let Some(tail) = &found.tail {
        let _ =
            writeln!(text, "unfinished end, {} bytes, is cut at the next start: {}", tail.bytes, tail.place);
    }
    let _ = writeln!(
        text,
        "whole: {} operations on {slots} slots in {} segments",
        found.records,
        found.segments.len()
    );
    text
}

/// Gives up what follows the first damage, so that a node starts with what stands before it. Nothing is destroyed: the
/// damaged segment is kept with `.damaged` behind its name and later ones with `.cut`. Returns what was found damaged;
/// `None` changed nothing.
///
/// # Errors
/// As [`check`].
pub fn repair(disk: &dyn Disk) -> io::Result<Option<Damage>> {
    let Some(damage) = check(disk)?.damage else { return Ok(None) };
    let _lock = disk.lock()?;
    // The last first: were this interrupted, the next repair finds the same damage.
    for (_, name) in segment::list(disk)?.into_iter().rev().filter(|(_, name)| *name > damage.file) {
        disk.rename(&name, &format!("{name}.cut"))?;
    }
    disk.sync_dir()?;
    let kept = format!("{}.damaged", damage.file);
    if damage.offset == 0 {
        disk.rename(&damage.file, &kept)?;
    } else {
        let file = disk.open(&damage.file)?;
        copy(&*file, &*fresh(disk, &kept)?, file.size()?)?;
        disk.sync_dir()?;
        file.truncate(damage.offset)?;
        file.sync()?;
    }
    disk.sync_dir()?;
    Ok(Some(damage))
}

fn fresh(disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
    match disk.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => disk.create(name),
    }
}

/// Copies the first `size` bytes, durably.
fn copy(from: &dyn DiskFile, to: &dyn DiskFile, size: u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    while offset < size {
        let wanted = usize::try_from(size - offset).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let read = from.read_at(&mut piece[..wanted], offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_at(&piece[..read], offset)?;
        offset += read as u64;
    }
    to.sync()
}
