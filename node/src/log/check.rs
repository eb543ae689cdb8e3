//! `ringmaster-node check DIR` and `repair DIR --cut`: looks at a log without starting a node.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;

use super::disk::Disk;
use super::operation::parts;
use super::record::{Bad, Kind, Record};
use super::recovery::{Damage, Found, RecoveryError, copy, read};
use super::{identity, segment};

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
    examine(disk)
}

fn examine(disk: &dyn Disk) -> io::Result<Report> {
    let data_id = identity::data_id(disk)?;
    let mut slots = BTreeSet::new();
    let mut visit = |record: Record<'_>| look(record, &mut slots);
    match read(disk, &data_id, 1, &mut visit) {
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
    let _lock = disk.lock()?;
    let Some(damage) = examine(disk)?.damage else { return Ok(None) };
    // The last first: were this interrupted, the next repair finds the same damage.
    for (_, name) in segment::list(disk)?.into_iter().rev().filter(|(_, name)| *name > damage.file) {
        disk.rename(&name, &unused(disk, &format!("{name}.cut"))?)?;
    }
    disk.sync_dir()?;
    let kept = unused(disk, &format!("{}.damaged", damage.file))?;
    if damage.offset == 0 {
        disk.rename(&damage.file, &kept)?;
    } else {
        let bytes = disk.open(&damage.file)?.size()?;
        copy::part(disk, &damage.file, 0..bytes, &kept)?;
        disk.sync_dir()?;
        let aside = format!("{}.new", damage.file);
        copy::part(disk, &damage.file, 0..damage.offset, &aside)?;
        disk.rename(&aside, &damage.file)?;
    }
    disk.sync_dir()?;
    Ok(Some(damage))
}

/// `name`, or that with the first number behind it that no file has: what an earlier repair kept stays.
fn unused(disk: &dyn Disk, name: &str) -> io::Result<String> {
    let names = disk.list()?;
    let mut candidates =
        std::iter::once(name.to_owned()).chain((2..).map(|number| format!("{name}.{number}")));
    Ok(candidates.find(|candidate| !names.contains(candidate)).unwrap_or_default())
}
