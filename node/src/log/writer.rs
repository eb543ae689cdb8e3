//! The one who writes: gathers the stages, writes what follows without a gap, and has it made durable.
//!
//! It owns no thread and no clock: [`super::Log`] calls it in threads, tests call it step by step.
//! ```text
//! GOOD ──write fails──► RETRYING ──write succeeds──► GOOD
//!   └─────── sync fails ────┴──► BROKEN ──snapshot, fresh segment──► GOOD
//! ```
//! A write that failed is repeated at the same place: its bytes are kept. A sync that failed is final for what was
//! written: the kernel may have dropped the pages and would report success the next time. Only a snapshot of all that
//! is in memory, and a segment that begins behind it, make the log good again (`renewal.rs`).

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::disk::{Disk, DiskFile};
use super::record::{DataId, Framer, own};
use super::renewal::Step;
use super::segment::Segment;
use super::stage::Stages;
use super::status::Status;
use super::{Fsync, Settings};

/// Pause before a write that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What the writer wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another turn soon: something was written, more comes likely.
    Soon,
    /// Nothing is left: sleep until something is appended.
    Sleep,
    /// Nothing can be done before then.
    At(Instant),
}

/// What went wrong.
enum Trouble {
    /// Nothing that was promised is lost: it can be tried again.
    Write(io::Error),
    /// What is durable is not known any more.
    Sync(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// The log's writer.
pub struct Writer {
    disk: Arc<dyn Disk>,
    stages: Arc<Stages>,
    status: Arc<Status>,
    settings: Settings,
    data_id: DataId,
    framer: Framer,
    segment: Segment,
    /// What was taken from each stage and is not merged yet.
    queues: Vec<Queue>,
    /// Merged and not yet written.
    out: Vec<u8>,
    /// The lsn that is merged next.
    next: u64,
    /// The lsn that the last mark named.
    marked: u64,
    retry_at: Option<Instant>,
    synced_at: Option<Instant>,
    /// Writing waits for a sync.
    waits: bool,
    /// Behind the end of the segment there may be bytes of a write that failed.
    is_ragged: bool,
    /// Of what cannot be written records from this lsn on are kept.
    kept_from: u64,
}

/// Records of one stage.
#[derive(Clone, Default)]
struct Queue {
    records: Vec<u8>,
    /// How many bytes of them are merged.
    merged: usize,
    /// What was taken last, before it joins them.
    fresh: Vec<u8>,
}

impl Queue {
    /// Drops what is merged and appends what is fresh.
    fn join(&mut self) {
        if self.merged == self.records.len() {
            self.records.clear();
            std::mem::swap(&mut self.records, &mut self.fresh);
        } else {
            self.records.drain(..self.merged);
            self.records.append(&mut self.fresh);
        }
        self.merged = 0;
    }

    /// Counts records below `lsn` as merged.
    fn skip(&mut self, below: u64) {
        while self.merged < self.records.len() {
            let (lsn, bytes) = own(self.rest());
            if lsn >= below {
                return;
            }
            self.merged += bytes;
        }
    }

    /// What is not merged.
    fn rest(&self) -> &[u8] {
        &self.records[self.merged..]
    }
}

/// A sync to be run beside the writing.
pub struct SyncJob {
    file: Arc<dyn DiskFile>,
    status: Arc<Status>,
    lsn: u64,
    bytes: u64,
}

impl SyncJob {
    /// Syncs, and tells the status what came of it.
    pub fn run(self) {
        // The status tells what came of it.
        let _ = sync(&*self.file, &self.status, (self.lsn, self.bytes));
        self.status.syncing.store(false, Ordering::Release);
    }
}

/// Syncs `file`, which makes durable what `position` says, and publishes what came of it. The kernel tells a failure
/// once to each open file: whoever syncs next must find the status broken, so the two go together.
fn sync(file: &dyn DiskFile, status: &Status, position: (u64, u64)) -> io::Result<()> {
    let _alone = status.sync.lock().unwrap_or_else(PoisonError::into_inner);
    if status.is_broken() {
        return Err(io::Error::other("an earlier sync has failed"));
    }
    // For the metrics only: nothing is decided by this clock.
    let began = Instant::now();
    let synced = file.sync();
    status.note_sync(began.elapsed());
    match synced {
        Ok(()) => status.publish_durable(position.0, position.1),
        Err(ref error) => status.set_broken(&error.to_string()),
    }
    if status.is_broken() { Err(io::Error::other("the sync has failed")) } else { Ok(()) }
}

impl Writer {
    /// A writer that begins a new segment with the next lsn of `stages`. All before is durable.
    ///
    /// # Errors
    /// The segment cannot be made.
    pub fn new(
        disk: Arc<dyn Disk>,
        settings: Settings,
        data_id: DataId,
        (stages, status): (Arc<Stages>, Arc<Status>),
    ) -> io::Result<Self> {
        let next = stages.last_lsn() + 1;
        let segment = Segment::create(&*disk, data_id, next)?;
        segment.make_durable(&*disk)?;
        status.size.fetch_add(segment.end, Ordering::Relaxed);
        Ok(Self {
            queues: vec![Queue::default(); stages.count()],
            framer: Framer::new(&data_id),
            marked: next - 1,
            out: Vec::new(),
            retry_at: None,
            synced_at: None,
            waits: false,
            is_ragged: false,
            kept_from: u64::MAX,
            disk,
            stages,
            status,
            settings,
            data_id,
            segment,
            next,
        })
    }

    /// Writes what was appended, and syncs it where that must be before it is acknowledged.
    pub fn turn(&mut self, now: Instant) -> Next {
        if self.status.is_broken() {
            return self.turn_broken();
        }
        if let Some(at) = self.retry_at.filter(|at| *at > now) {
            return Next::At(at);
        }
        if self.must_wait() {
            return Next::Soon;
        }
        self.gather();
        self.merge();
        if self.out.is_empty() && !self.marks_durable() {
            return Next::Sleep;
        }
        match self.write() {
            Ok(()) => self.written(),
            Err(trouble) => self.failed(trouble, now),
        }
    }

    /// Whether too much is written that is not durable.
    fn must_wait(&mut self) -> bool {
        let waited = self.waits;
        self.waits =
            self.status.is_syncing() && self.status.unsynced_bytes() > self.settings.unsynced_bytes_max;
        self.status.delayed.fetch_add(u64::from(self.waits && !waited), Ordering::Relaxed);
        self.waits
    }

    /// Takes what is in the stages: from all of them first, so that few records come between the first and the last.
    fn gather(&mut self) {
        for (index, queue) in self.queues.iter_mut().enumerate() {
            self.stages.swap(index, &mut queue.fresh);
        }
        self.queues.iter_mut().for_each(Queue::join);
        self.count_gathered();
    }

    /// Moves the records that follow without a gap to `out`.
    fn merge(&mut self) {
        loop {
            let mut moved = false;
            for queue in &mut self.queues {
                let count = follow(queue.rest(), &mut self.next);
                if self.out.is_empty() && count == queue.records.len() {
                    // One stage alone, mostly: nothing is copied.
                    std::mem::swap(&mut self.out, &mut queue.records);
                } else {
                    self.out.extend_from_slice(&queue.rest()[..count]);
                    queue.merged += count;
                }
                moved |= count > 0;
            }
            if !moved {
                return;
            }
        }
    }

    fn count_gathered(&self) {
        let queued: usize = self.queues.iter().map(|queue| queue.rest().len()).sum();
        self.status.gathered.store(queued + self.out.len(), Ordering::Relaxed);
    }

    /// Whether something became durable that no mark names.
    fn marks_durable(&self) -> bool {
        self.status.durable_lsn() > self.marked
    }

    /// Writes `out`, and a mark behind it.
    fn write(&mut self) -> Result<(), Trouble> {
        if self.segment.end + self.out.len() as u64 > self.settings.segment_bytes && !self.segment.is_empty()
        {
            self.rotate()?;
        }
        let records = self.out.len();
        let durable = self.status.durable_lsn();
        if durable > self.marked {
            self.framer.put_mark(&mut self.out, self.next - 1, durable);
        }
        let result = self.segment.file.write_at(&self.out, self.segment.end);
        if result.is_err() {
            self.out.truncate(records);
        }
        result?;
        self.marked = durable;
        Ok(())
    }

    /// Begins the next segment. The old one is durable before the new one is there: its header says so.
    fn rotate(&mut self) -> Result<(), Trouble> {
        if self.is_ragged {
            self.segment.file.truncate(self.segment.end)?;
            self.is_ragged = false;
        }
        let last = self.status.written_lsn();
        let position = (last, self.status.written_bytes());
        sync(&*self.segment.file, &self.status, position).map_err(Trouble::Sync)?;
        self.segment = Segment::create(&*self.disk, self.data_id, last + 1)?;
        self.segment.make_durable(&*self.disk).map_err(Trouble::Sync)?;
        self.status.size.fetch_add(self.segment.end, Ordering::Relaxed);
        Ok(())
    }

    /// What was written counts from now on.
    fn written(&mut self) -> Next {
        let bytes = self.out.len() as u64;
        self.segment.end += bytes;
        self.out.clear();
        self.out.shrink_to(self.settings.staged_bytes_max);
        self.count_gathered();
        self.status.publish_written(self.next - 1, bytes);
        self.retry_at = None;
        self.status.set_good();
        if self.settings.fsync == Fsync::Always && self.status.written_lsn() > self.status.durable_lsn() {
            self.job().run();
        }
        self.status.for_room.wake(u64::MAX);
        Next::Soon
    }

    /// Cuts off what came to the disk of a write that failed, and plans the next attempt.
    fn failed(&mut self, trouble: Trouble, now: Instant) -> Next {
        let error = match trouble {
            Trouble::Write(error) => error,
            Trouble::Sync(error) => {
                // Who has failed before has told why.
                if !self.status.is_broken() {
                    self.status.set_broken(&error.to_string());
                }
                return Next::Sleep;
            }
        };
        // If that fails, too, the next attempt writes over it, or cuts it off before another segment begins.
        self.is_ragged = self.segment.file.truncate(self.segment.end).is_err();
        self.count_gathered();
        self.status.set_retrying(&error.to_string());
        let at = now + RETRY_PAUSE;
        self.retry_at = Some(at);
        Next::At(at)
    }

    /// A turn while nothing can be written.
    fn turn_broken(&mut self) -> Next {
        match self.status.renewal.step() {
            Step::None | Step::Failed(_) => self.kept_from = u64::MAX,
            Step::Asked => {
                self.kept_from = self.stages.last_lsn() + 1;
                self.status.renewal.set(Step::Keeping);
            }
            Step::Keeping => {}
            Step::Begin(start_lsn) => return self.begin_anew(start_lsn),
        }
        self.discard();
        Next::Sleep
    }

    /// Goes on in a fresh segment behind a snapshot, which has all records before `start_lsn`.
    fn begin_anew(&mut self, start_lsn: u64) -> Next {
        let segment = Segment::create(&*self.disk, self.data_id, start_lsn)
            .and_then(|segment| segment.make_durable(&*self.disk).map(|()| segment));
        match segment {
            Ok(segment) => self.segment = segment,
            Err(error) => {
                self.status.renewal.set(Step::Failed(error.to_string()));
                return Next::Soon;
            }
        }
        self.kept_from = start_lsn;
        self.discard();
        (self.next, self.marked) = (start_lsn, start_lsn - 1);
        (self.retry_at, self.synced_at) = (None, None);
        (self.waits, self.is_ragged) = (false, false);
        self.status.size.fetch_add(self.segment.end, Ordering::Relaxed);
        self.status.set_renewed(start_lsn - 1);
        self.status.renewal.set(Step::None);
        Next::Soon
    }

    /// Drops what cannot be written, of which nobody was told that it is kept.
    fn discard(&mut self) {
        self.gather();
        self.queues.iter_mut().for_each(|queue| queue.skip(self.kept_from));
        self.out.clear();
        self.count_gathered();
        self.status.for_room.wake(u64::MAX);
    }

    /// The sync that is due at `now` by the mode that syncs once a second.
    pub fn sync_due(&mut self, now: Instant) -> Option<SyncJob> {
        let due = self.synced_at.is_none_or(|at| now.saturating_duration_since(at) >= Settings::SYNC_PAUSE);
        let wanted = self.settings.fsync == Fsync::Everysec && due && !self.is_durable();
        if !wanted || self.status.is_broken() || self.status.syncing.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.synced_at = Some(now);
        Some(self.job())
    }

    /// Whether all that is written is durable.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.status.written_lsn() <= self.status.durable_lsn()
    }

    fn job(&self) -> SyncJob {
        SyncJob {
            file: Arc::clone(&self.segment.file),
            status: Arc::clone(&self.status),
            lsn: self.status.written_lsn(),
            bytes: self.status.written_bytes(),
        }
    }

    /// Writes and syncs everything, whatever the mode, and says so in a last mark. Nothing is appended any more, and no
    /// sync is under way.
    ///
    /// # Errors
    /// The log is refused, or the disk is.
    pub fn close(&mut self, now: Instant) -> io::Result<()> {
        self.retry_at = None;
        while self.turn(now) == Next::Soon && !self.is_idle() {}
        if !self.status.refuses() {
            self.job().run();
            self.turn(now);
        }
        match self.status.refusal() {
            Some(refusal) => Err(io::Error::other(refusal.reason)),
            None if !self.is_idle() => Err(io::Error::other("records are left that cannot be written")),
            None => self.segment.file.sync(),
        }
    }

    /// Whether nothing waits to be written.
    fn is_idle(&self) -> bool {
        self.stages.bytes() == 0 && self.status.gathered.load(Ordering::Relaxed) == 0
    }
}

/// Bytes of the records that `frames` begin with and that follow from `next` on without a gap; `next` moves on.
fn follow(frames: &[u8], next: &mut u64) -> usize {
    let mut count = 0;
    while count < frames.len() {
        let (lsn, bytes) = own(&frames[count..]);
        if lsn != *next {
            break;
        }
        count += bytes;
        *next += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_behind_a_gap_keep_no_memory_of_those_before() {
        let mut queue = Queue { records: vec![1; 10], merged: 6, fresh: vec![2; 5] };
        queue.join();
        assert_eq!((queue.rest(), queue.records.len()), (&[1, 1, 1, 1, 2, 2, 2, 2, 2][..], 9));
        assert!(queue.fresh.is_empty());
    }
}
