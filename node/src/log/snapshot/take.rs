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
    /// A slot changed so fast that too much would have to be remembered.
    #[error("slot {0} changes faster than it can be written")]
    Overrun(u16),
    /// It was given up.
    #[error("it was given up")]
    Stopped,
}

/// Takes a snapshot and puts it in place, durably. What it replaces is left to [`super::tidy()`].
///
/// # Errors
/// [`SnapshotError`]; there is no new file then, or one that is no snapshot yet and that the next start removes.
pub fn take(source: &Source<'_>) -> Result<Taken, SnapshotError> {
    let start_lsn = source.log.last_lsn() + 1;
    let result = write(source, start_lsn);
    if result.is_err() {
        // What cannot be removed now is removed at the next start.
        let _ = source.disk.remove(&name_aside(start_lsn));
    }
    result
}

fn write(source: &Source<'_>, start_lsn: u64) -> Result<Taken, SnapshotError> {
    let output = Output::begin(source.disk, &source.data_id, start_lsn)?;
    let mut walk = Walk { source, output, told: Told::default(), busy_since: Instant::now() };
    for text in (source.libraries)() {
        walk.output.library(&text)?;
    }
    for slot in HashSlot::all() {
        walk.slot(slot)?;
    }
    let end_lsn = source.log.last_lsn();
    sync_log(source, start_lsn, end_lsn)?;
    let keys = walk.output.keys();
    let bytes = walk.output.finish(end_lsn)?;
    Ok(Taken { start_lsn, keys, bytes })
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
    source.log.wait_written(end_lsn)
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
            let is_untouched = self.told.version.n == 0 && self.told.effects.is_empty();
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
