//! Reads the log back, and tells a torn tail from damage.
//!
//! All segments but the last are whole, for they were synced before the next was made. The last one may end in
//! anything: what was not synced when power was lost is there, or not, or in part, sector by sector. So its first bad
//! record ends it, and what stands behind is cut, unless a mark behind it says that this very record was durable: then
//! it was lost afterwards, and the node does not start with what remains.

pub(super) mod copy;
mod window;

use std::io;

use super::disk::Disk;
use super::record::{Bad, DataId, Framer, HEADER_BYTES, Kind, Record, marked};
use super::segment;
use window::Window;

/// Why the log cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The disk does not give it.
    #[error("the log cannot be read: {0}")]
    Io(#[from] io::Error),
    /// What was durable is damaged or missing.
    #[error(
        "the log is damaged: {0}; nothing was changed. Restore the directory from elsewhere, or give up what \
         follows the damage with `ringmaster-node repair DIR --cut`"
    )]
    Damaged(Damage),
}

/// Where the log is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file} at byte {offset}: {bad}")]
pub struct Damage {
    /// The segment.
    pub file: String,
    /// Where in it, from 0.
    pub offset: u64,
    /// What is wrong.
    pub bad: Bad,
}

/// What a segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentReport {
    /// Its name.
    pub file: String,
    /// Lsn that its records begin with.
    pub first_lsn: u64,
    /// Lsn of its last whole record; `first_lsn - 1` when it has none.
    pub last_lsn: u64,
    /// The greatest lsn that a mark in it calls durable; `first_lsn - 1`, which its header says, when it has none.
    pub durable_lsn: u64,
    /// Bytes up to the end of that.
    pub good_bytes: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// The unfinished end of the last segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Where the last segment is to be cut.
    pub place: Damage,
    /// How many bytes are cut off.
    pub bytes: u64,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The segments in order.
    pub segments: Vec<SegmentReport>,
    /// Operations and libraries that were handed out.
    pub records: u64,
    /// What is to be cut off before the log goes on; [`cut`] does it.
    pub tail: Option<Tail>,
}

impl Found {
    /// Lsn of the last whole record, 0 when there is none.
    #[must_use]
    pub fn last_lsn(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.last_lsn)
    }

    /// Bytes of all whole records and headers.
    #[must_use]
    pub fn good_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.good_bytes).sum()
    }
}

/// Takes each whole record; an error of it is damage.
pub type Visit<'v> = &'v mut dyn FnMut(Record<'_>) -> Result<(), Bad>;

/// Where the reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With this record, to which the log must reach back.
    At(u64),
    /// With this record, which is the first of its segment: segments before that are of a log that was given up.
    Anew(u64),
}

impl Begin {
    fn lsn(self) -> u64 {
        match self {
            Self::At(lsn) | Self::Anew(lsn) => lsn,
        }
    }
}

/// Hands the operations and libraries from `begin` on to `visit`, in order; a long operation that was written in parts
/// as one, with the lsn of its last. Nothing on the disk is changed.
///
/// # Errors
/// [`RecoveryError`]; what was handed out until then is not to be used.
pub fn read(
    disk: &dyn Disk,
    data_id: &DataId,
    begin: Begin,
    visit: Visit<'_>,
) -> Result<Found, RecoveryError> {
    let from = begin.lsn();
    let mut reader =
        Reader { disk, data_id, framer: Framer::new(data_id), from, visit, found: Found::default() };
    let mut segments = segment::list(disk)?;
    // Of what a snapshot has made superfluous some may be left, with gaps.
    let behind = match begin {
        Begin::At(from) => segments.partition_point(|(first_lsn, _)| *first_lsn <= from).saturating_sub(1),
        Begin::Anew(from) => segments.partition_point(|(first_lsn, _)| *first_lsn < from),
    };
    segments.drain(..behind);
    let last = segments.len().saturating_sub(1);
    for (index, (first_lsn, file)) in segments.into_iter().enumerate() {
        reader.follows(first_lsn, &file)?;
        reader.segment(first_lsn, file, index == last)?;
    }
    Ok(reader.found)
}

/// Bytes of all segments.
///
/// # Errors
/// As the disk says.
pub fn bytes(disk: &dyn Disk) -> io::Result<u64> {
    segment::list(disk)?.iter().map(|(_, file)| disk.open(file)?.size()).sum()
}

/// Cuts off the tail, and makes durable what remains, so that another segment may follow. Bytes that no mark calls
/// durable are written anew: they may have come no further than the kernel's memory, and where a sync of an earlier life
/// failed, no further sync brings them to the disk. What is cut off is kept beside, with `.tail` behind its name.
///
/// # Errors
/// As the disk says; the log is then as it was, or cut.
pub fn cut(disk: &dyn Disk, found: &Found) -> io::Result<()> {
    let Some(last) = found.segments.last() else { return Ok(()) };
    if let Some(tail) = &found.tail {
        let (file, offset) = (&tail.place.file, tail.place.offset);
        tracing::warn!(file, offset, bytes = tail.bytes, why = %tail.place.bad, "the unfinished end of the log is cut");
        copy::part(disk, &last.file, last.good_bytes..last.bytes, &format!("{}.tail", last.file))?;
    }
    if last.good_bytes == 0 {
        disk.remove(&last.file)?;
        return disk.sync_dir();
    }
    if found.tail.is_none() && last.durable_lsn >= last.last_lsn {
        return Ok(());
    }
    let aside = format!("{}.new", last.file);
    copy::part(disk, &last.file, 0..last.good_bytes, &aside)?;
    disk.rename(&aside, &last.file)?;
    disk.sync_dir()
}

struct Reader<'r> {
    disk: &'r dyn Disk,
    data_id: &'r DataId,
    framer: Framer,
    from: u64,
    visit: Visit<'r>,
    found: Found,
}

impl Reader<'_> {
    /// Whether the segment that begins with `first_lsn` follows what was read; the first one must reach back to what
    /// is wanted.
    fn follows(&self, first_lsn: u64, file: &str) -> Result<(), RecoveryError> {
        let expected = match self.found.segments.last() {
            Some(before) => before.last_lsn + 1,
            None if first_lsn <= self.from => first_lsn,
            None => self.from,
        };
        if expected == first_lsn {
            return Ok(());
        }
        let bad = Bad::Order { expected, found: first_lsn };
        Err(RecoveryError::Damaged(Damage { file: file.to_owned(), offset: 0, bad }))
    }

    fn segment(&mut self, first_lsn: u64, file: String, is_last: bool) -> Result<(), RecoveryError> {
        let mut window = Window::over(self.disk.open(&file)?)?;
        let bytes = window.size();
        let before = first_lsn.wrapping_sub(1);
        let (last_lsn, durable_lsn) = (before, before);
        let mut report = SegmentReport { file, first_lsn, last_lsn, durable_lsn, good_bytes: 0, bytes };
        let ended = match self.header(&mut window, first_lsn)? {
            Ok(()) => {
                report.good_bytes = HEADER_BYTES as u64;
                self.records(&mut window, &mut report)?
            }
            Err(bad) => Err(bad),
        };
        if let Err(bad) = ended {
            let place = Damage { file: report.file.clone(), offset: report.good_bytes, bad };
            // A header is durable before the first record is written behind it.
            let had_header = report.good_bytes == 0 && bytes > HEADER_BYTES as u64;
            if !is_last || had_header || is_final(&bad) || self.was_durable(&mut window, &report)? {
                return Err(RecoveryError::Damaged(place));
            }
            self.found.tail = Some(Tail { place, bytes: bytes - report.good_bytes });
        }
        self.found.segments.push(report);
        Ok(())
    }

    fn header(&self, window: &mut Window, first_lsn: u64) -> io::Result<Result<(), Bad>> {
        let header = match window.header()? {
            Ok(header) => header,
            Err(bad) => return Ok(Err(bad)),
        };
        Ok(if header.data_id != *self.data_id {
            Err(Bad::Foreign)
        } else if header.first_lsn != first_lsn {
            Err(Bad::Order { expected: first_lsn, found: header.first_lsn })
        } else {
            Ok(())
        })
    }

    /// Reads records to the end of the segment, or to the first bad one.
    fn records(&mut self, window: &mut Window, report: &mut SegmentReport) -> io::Result<Result<(), Bad>> {
        let mut parts: Vec<u8> = Vec::new();
        let mut last = report.last_lsn;
        loop {
            let record = match window.next(&self.framer)? {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(bad) => return Ok(Err(bad)),
            };
            if let Err(bad) = in_order(&record, last) {
                return Ok(Err(bad));
            }
            last = record.lsn;
            report.durable_lsn = report.durable_lsn.max(marked(&record).unwrap_or(0));
            if record.kind == Kind::Part {
                parts.extend_from_slice(record.body);
                continue;
            }
            if let Err(bad) = self.hand_out(record, &mut parts) {
                return Ok(Err(bad));
            }
            (report.last_lsn, report.good_bytes) = (last, window.offset());
        }
        Ok(if parts.is_empty() { Ok(()) } else { Err(Bad::CutOff) })
    }

    fn hand_out(&mut self, record: Record<'_>, parts: &mut Vec<u8>) -> Result<(), Bad> {
        if record.kind == Kind::Mark {
            return if parts.is_empty() { Ok(()) } else { Err(Bad::Body) };
        }
        let whole = std::mem::take(parts);
        if record.lsn < self.from {
            return Ok(());
        }
        self.found.records += 1;
        if whole.is_empty() {
            return (self.visit)(record);
        }
        let body = [&whole, record.body].concat();
        (self.visit)(Record { body: &body, ..record })
    }

    /// Whether a mark behind the last good record says that more was durable.
    fn was_durable(&self, window: &mut Window, report: &SegmentReport) -> io::Result<bool> {
        let mark = window.greatest_mark(&self.framer, report.good_bytes)?;
        Ok(mark.is_some_and(|durable| durable > report.last_lsn))
    }
}

/// Whether `record` follows the one with lsn `last`.
fn in_order(record: &Record<'_>, last: u64) -> Result<(), Bad> {
    let expected = if record.kind == Kind::Mark { last } else { last.wrapping_add(1) };
    let is_mark = record.kind != Kind::Mark || marked(record).is_some_and(|durable| durable <= last);
    match (record.lsn == expected, is_mark) {
        (true, true) => Ok(()),
        (true, false) => Err(Bad::Body),
        (false, _) => Err(Bad::Order { expected, found: record.lsn }),
    }
}

/// Whether no loss of power explains it: the bytes are whole, and are of something else.
fn is_final(bad: &Bad) -> bool {
    matches!(bad, Bad::Version(_) | Bad::Foreign | Bad::Kind(_) | Bad::Body | Bad::Gap { .. })
}
