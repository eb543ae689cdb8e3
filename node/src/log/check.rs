//! `ringmaster-node check DIR` and `repair DIR --cut`: looks at a log without starting a node.

use std::fmt::Write;
use std::io;

use super::disk::Disk;
use super::lineage::told;
use super::operation::parts;
use super::record::{Bad, DataId, Kind, Record};
use super::recovery::{Begin, Damage, Found, RecoveryError, Visit, copy, read};
use super::sequence::Sequence;
use super::snapshot::{self, Loaded};
use super::{identity, segment};
use crate::script::library::Libraries;
use crate::store::effect::encoding::framed;

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
    let mut sequence = Sequence::default();
    // Behind a snapshot a slot goes on from where that has it.
    let begin = snapshot::list(disk)?.is_empty().then_some(0);
    let mut visit = |record: Record<'_>| look(record, begin, &mut sequence);
    match examine_all(disk, &data_id, &mut visit) {
        Ok((snapshot, found)) => {
            let of_snapshot = snapshot.map_or_else(String::new, |snapshot| describe_snapshot(&snapshot));
            Ok(Report { text: of_snapshot + &describe(&found, sequence.slots()), damage: None })
        }
        Err(RecoveryError::Damaged(damage)) => {
            Ok(Report { text: format!("damaged: {damage}\n"), damage: Some(damage) })
        }
        Err(RecoveryError::Io(error)) => Err(error),
    }
}

fn examine_all(
    disk: &dyn Disk,
    data_id: &DataId,
    visit: Visit<'_>,
) -> Result<(Option<Loaded>, Found), RecoveryError> {
    let snapshot = snapshot::verify(disk, data_id)?;
    let begin = snapshot.as_ref().map_or(Begin::At(1), Loaded::log);
    let found = read(disk, data_id, begin, visit)?;
    snapshot.as_ref().map_or(Ok(()), |snapshot| snapshot.check(&found))?;
    Ok((snapshot, found))
}

fn describe_snapshot(snapshot: &Loaded) -> String {
    let Loaded { file, start_lsn, keys, bytes, .. } = snapshot;
    format!("{file}: {keys} keys, {bytes} bytes, the log goes on with record {start_lsn}\n")
}

fn look(record: Record<'_>, begin: Option<u64>, sequence: &mut Sequence) -> Result<(), Bad> {
    match record.kind {
        Kind::Library => Libraries::is_record(record.body).then_some(()).ok_or(Bad::Body),
        Kind::Whole => {
            let whole = told(record.body)?;
            let mut rest = whole.effects;
            while !rest.is_empty() {
                framed::take(&mut rest, whole.slot).map_err(|_| Bad::Body)?;
            }
            sequence.replace(whole.slot, whole.history.version().n);
            Ok(())
        }
        Kind::Operation | Kind::Part | Kind::Mark => parts(record.body)?.iter().try_for_each(|part| {
            part.effects().map_err(|_| Bad::Body)?;
            sequence.note(record.lsn, part, || begin)
        }),
    }
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
    if snapshot::start_of(&damage.file).is_some() {
        give_up_snapshot(disk, &damage)?;
        return Ok(Some(damage));
    }
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

/// Puts the damaged snapshot aside, if the log reaches back to the one before it, or to the beginning.
fn give_up_snapshot(disk: &dyn Disk, damage: &Damage) -> io::Result<()> {
    let older = snapshot::list(disk)?.into_iter().rev().find(|(_, name)| *name < damage.file);
    let from = older.map_or(1, |(start_lsn, _)| start_lsn);
    if segment::list(disk)?.first().is_none_or(|(first_lsn, _)| *first_lsn > from) {
        let why = format!(
            "{damage}; the log before the snapshot is gone, nothing was changed: restore the directory"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    disk.rename(&damage.file, &unused(disk, &format!("{}.damaged", damage.file))?)?;
    disk.sync_dir()
}

/// `name`, or that with the first number behind it that no file has: what an earlier repair kept stays.
fn unused(disk: &dyn Disk, name: &str) -> io::Result<String> {
    let names = disk.list()?;
    let mut candidates =
        std::iter::once(name.to_owned()).chain((2..).map(|number| format!("{name}.{number}")));
    Ok(candidates.find(|candidate| !names.contains(candidate)).unwrap_or_default())
}
