//! Takes a snapshot: slot by slot under that slot's lock alone, in holds of half a millisecond at most.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ringmaster_protocol::slot::HashSlot;

use super::name_aside;
use super::output::Output;
use crate::log::Log;
use crate::log::disk::Disk;
use crate::log::record::DataId;
use crate::log::segment;
use crate::store::saving::{Limits, Next, Told};
use crate::store::{SlotGuard, Store};

/// Longest hold of a slot's lock, but for one entry that takes longer.
const HOLD: Duration = Duration::from_micros(500);

/// Bytes told in one hold.
const HOLD_BYTES: usize = 256 << 10;

/// Times that a slot begins anew before it is told in one hold.
const ANEW_MAX: u32 = 3;

/// Looks at a held slot before the thread sleeps between them.
const LOOKS_MAX: u32 = 64;

/// Pause between looks at a slot that is held for long.
const LOOK_PAUSE: Duration = Duration::from_micros(100);

/// Pause between looks at how far the log is written.
const WRITE_LOOK_PAUSE: Duration = Duration::from_millis(1);

/// What the buffer of one hold keeps of its memory after a large entry.
const KEPT_BYTES: usize = 1 << 20;

/// How much of a processor the taking may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All of it: nobody is served meanwhile.
    Full,
    /// Half of it, in slices of half a millisecond, so that a thread that serves on the same processor waits no longer.
    Half,
}

/// Where the log is.
pub trait Position {
    /// Lsn of the last record that was appended; every record up to it is of an operation that has been applied.
    fn last_lsn(&self) -> u64;

    /// Returns when all records up to `lsn` have been written to the log's files.
    ///
    /// # Errors
    /// They never will be, or a sync of the log has failed.
    fn wait_written(&self, lsn: u64) -> io::Result<()>;

    /// Returns when of each sync of the log that has ended it is known how.
    ///
    /// # Errors
    /// One has failed.
    fn settle(&self) -> io::Result<()> {
        Ok(())
    }

    /// Has a log that is broken keep what is appended from now on. Returns whether it is broken.
    ///
    /// # Errors
    /// Its writer does not answer.
    fn ask_renewal(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Has the log begin anew with the record `start_lsn`, or go on as it is for `None`.
    ///
    /// # Errors
    /// As the disk says; the log is as broken as it was.
    fn end_renewal(&self, start_lsn: Option<u64>) -> io::Result<()> {
        let _ = start_lsn;
        Ok(())
    }
}

impl Position for Log {
    fn last_lsn(&self) -> u64 {
        Self::last_lsn(self)
    }

    fn wait_written(&self, lsn: u64) -> io::Result<()> {
        loop {
            if let Some(refusal) = self.refusal() {
                return Err(io::Error::other(refusal.reason));
            }
            if self.status().written_lsn() >= lsn {
                return Ok(());
            }
            std::thread::sleep(WRITE_LOOK_PAUSE);
        }
    }

    fn settle(&self) -> io::Result<()> {
        self.status().settle();
        self.refusal().map_or(Ok(()), |refusal| Err(io::Error::other(refusal.reason)))
    }

    fn ask_renewal(&self) -> io::Result<bool> {
        Self::ask_renewal(self)
    }

    fn end_renewal(&self, start_lsn: Option<u64>) -> io::Result<()> {
        Self::end_renewal(self, start_lsn)
    }
}

/// What a snapshot is taken of.
pub struct Source<'s> {
    /// The slots.
    pub store: &'s Store,
    /// The directory.
    pub disk: &'s dyn Disk,
    /// The directory's id.
    pub data_id: DataId,
    /// The log.
    pub log: &'s dyn Position,
    /// The libraries of functions in any form, asked for once.
    pub libraries: &'s dyn Fn() -> Vec<Vec<u8>>,
    /// How fast.
    pub pace: Pace,
    /// Raised to have it given up.
    pub stop: &'s AtomicBool,
    /// Counts the keys that are told, for who wants to know how far it is.
    pub keys_done: &'s AtomicU64,
}

/// What was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The log goes on with this record.
    pub start_lsn: u64,
    /// Keys in it.
    pub keys: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Why no snapshot was taken. The last one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk failed, or the log.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The log is broken, and a command that had begun before changed something: the snapshot would need a record of it.
    #[error("keys changed while the log was to begin anew, try again")]
    Changed,
    /// A slot changed so fast that too much would have to be remembered.
    #[error("slot {0} changes faster than it can be written")]
    Overrun(u16),
    /// It was given up.
    #[error("it was given up")]
    Stopped,
}

/// Takes a snapshot and puts it in place, durably. What it replaces is left to [`super::tidy()`]. A log that is broken
/// begins anew behind it.
///
/// # Errors
/// [`SnapshotError`]; there is no new file then, or one that is no snapshot yet and that the next start removes.
pub fn take(source: &Source<'_>) -> Result<Taken, SnapshotError> {
    let renews = source.log.ask_renewal()?;
    let start_lsn = source.log.last_lsn() + 1;
    let mut result = write(source, start_lsn, renews);
    if result.is_err() {
        // What cannot be removed now is removed at the next start.
        let _ = source.disk.remove(&name_aside(start_lsn));
    }
    if renews {
        let renewed = source.log.end_renewal(result.as_ref().ok().map(|taken| taken.start_lsn));
        result = result.and_then(|taken| Ok(renewed.map(|()| taken)?));
    }
    result
}

fn write(source: &Source<'_>, start_lsn: u64, renews: bool) -> Result<Taken, SnapshotError> {
    let output = Output::begin(source.disk, &source.data_id, start_lsn)?;
    let mut walk = Walk { source, output, told: Told::default(), busy_since: Instant::now() };
    for text in (source.libraries)() {
        walk.output.library(&text)?;
    }
    for slot in HashSlot::all() {
        walk.slot(slot)?;
    }
    let end_lsn = end_lsn(source, start_lsn, renews)?;
    let keys = walk.output.keys();
    let bytes = walk.output.finish(end_lsn)?;
    Ok(Taken { start_lsn, keys, bytes })
}

/// The record to which the log must reach, which it durably does; 0 if it begins anew.
fn end_lsn(source: &Source<'_>, start_lsn: u64, renews: bool) -> Result<u64, SnapshotError> {
    let last_lsn = source.log.last_lsn();
    if !renews {
        sync_log(source, start_lsn, last_lsn)?;
        return Ok(last_lsn);
    }
    // Slots are as of one moment only if nothing happened meanwhile.
    if last_lsn < start_lsn { Ok(0) } else { Err(SnapshotError::Changed) }
}

/// Makes the log from `start_lsn` to `end_lsn` durable: of an operation on several slots the snapshot may have one slot
/// before it and one after it, so it is worth nothing without the record.
fn sync_log(source: &Source<'_>, start_lsn: u64, end_lsn: u64) -> io::Result<()> {
    source.log.wait_written(end_lsn)?;
    let segments = segment::list(source.disk)?;
    // All before the last one that begins at or before `start_lsn` are behind it.
    let behind = segments.partition_point(|(first_lsn, _)| *first_lsn <= start_lsn).saturating_sub(1);
    for (_, name) in segments[behind..].iter().filter(|(first_lsn, _)| *first_lsn <= end_lsn) {
        source.disk.open(name)?.sync()?;
    }
    // A sync that failed elsewhere meanwhile has taken its error with it.
    source.log.settle()
}

/// A walk through the slots.
struct Walk<'s> {
    source: &'s Source<'s>,
    output: Output<'s>,
    told: Told,
    /// When the thread last paused.
    busy_since: Instant,
}

impl Walk<'_> {
    fn slot(&mut self, slot: HashSlot) -> Result<(), SnapshotError> {
        let result = self.holds(slot);
        if result.is_err() {
            lock(self.source.store, slot).stop_saving();
        }
        result
    }

    /// Tells a slot in as many holds as it takes.
    fn holds(&mut self, slot: HashSlot) -> Result<(), SnapshotError> {
        let mut begun = 0;
        loop {
            if self.source.stop.load(Ordering::Relaxed) {
                return Err(SnapshotError::Stopped);
            }
            let next = self.hold(slot, begun > ANEW_MAX);
            if next == Next::Overrun {
                return Err(SnapshotError::Overrun(slot.number()));
            }
            begun += u32::from(self.told.begins);
            let is_placed = self.told.lineage.is_some();
            let is_untouched = self.told.version.n == 0 && self.told.effects.is_empty() && !is_placed;
            if !is_untouched {
                self.output.slot(slot, &self.told)?;
            }
            self.source.keys_done.store(self.output.keys(), Ordering::Relaxed);
            self.pause();
            if next == Next::Done {
                return Ok(());
            }
        }
    }

    fn hold(&mut self, slot: HashSlot, whole: bool) -> Next {
        self.told.effects.shrink_to(KEPT_BYTES);
        let mut guard = lock(self.source.store, slot);
        // No record of this slot comes while it is held.
        self.told.lsn = self.source.log.last_lsn();
        let limits = if whole {
            Limits { bytes: usize::MAX, until: None }
        } else {
            Limits { bytes: HOLD_BYTES, until: Some(Instant::now() + HOLD) }
        };
        guard.save(limits, &mut self.told)
    }

    /// Leaves the processor to others for as long as it was used, once that is a hold's length.
    fn pause(&mut self) {
        let busy = self.busy_since.elapsed();
        if self.source.pace == Pace::Half && busy >= HOLD {
            std::thread::sleep(busy);
            self.busy_since = Instant::now();
        }
    }
}

/// The slot, once nobody else holds it.
fn lock(store: &Store, slot: HashSlot) -> SlotGuard<'_> {
    let mut looks = 0;
    loop {
        if let Some(guard) = store.try_lock(slot) {
            return guard;
        }
        looks += 1;
        if looks < LOOKS_MAX {
            std::thread::yield_now();
        } else {
            // A script may hold it for seconds.
            std::thread::sleep(LOOK_PAUSE);
        }
    }
}
