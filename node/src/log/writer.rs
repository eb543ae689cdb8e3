//! The one who writes: gathers the stages, writes what follows without a gap, and has it made durable.
//!
//! It owns no thread and no clock: [`super::Log`] calls it in threads, tests call it step by step.
//! ```text
//! GOOD ──write fails──► RETRYING ──write succeeds──► GOOD
//!   └─────── sync fails ────┴──► BROKEN, for good
//! ```
//! A write that failed is repeated at the same place: its bytes are kept. A sync that failed is final: the kernel may
//! have dropped the pages and would report success the next time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::disk::{Disk, DiskFile};
use super::record::{DataId, Framer, own};
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
    /// What was taken from each stage and follows a gap, and how much of it is merged.
    queues: Vec<(Vec<u8>, usize)>,
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
        match self.file.sync() {
            Ok(()) => self.status.publish_durable(self.lsn, self.bytes),
            Err(error) => self.status.set_broken(&error.to_string()),
        }
        self.status.syncing.store(false, Ordering::Release);
    }
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
        Ok(Self {
            queues: vec![(Vec::new(), 0); stages.count()],
            framer: Framer::new(&data_id),
            marked: next - 1,
            out: Vec::new(),
            retry_at: None,
            synced_at: None,
            waits: false,
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
            self.discard();
            return Next::Sleep;
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

    /// Takes what is in the stages.
    fn gather(&mut self) {
        for (index, (queue, merged)) in self.queues.iter_mut().enumerate() {
            if *merged == queue.len() {
                queue.clear();
                *merged = 0;
                self.stages.swap(index, queue);
            } else {
                let mut more = Vec::new();
                self.stages.swap(index, &mut more);
                queue.extend_from_slice(&more);
            }
        }
        self.count_gathered();
    }

    /// Moves the records that follow without a gap to `out`.
    fn merge(&mut self) {
        loop {
            let mut moved = false;
            for (queue, merged) in &mut self.queues {
                let count = follow(&queue[*merged..], &mut self.next);
                self.out.extend_from_slice(&queue[*merged..*merged + count]);
                *merged += count;
                moved |= count > 0;
            }
            if !moved {
                return;
            }
        }
    }

    fn count_gathered(&self) {
        let queued: usize = self.queues.iter().map(|(queue, merged)| queue.len() - merged).sum();
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
        self.segment.file.sync().map_err(Trouble::Sync)?;
        let last = self.status.written_lsn();
        self.status.publish_durable(last, self.status.written_bytes());
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
                self.status.set_broken(&error.to_string());
                return Next::Sleep;
            }
        };
        // If that fails, too, the next attempt writes over it.
        let _ = self.segment.file.truncate(self.segment.end);
        self.count_gathered();
        self.status.set_retrying(&error.to_string());
        let at = now + RETRY_PAUSE;
        self.retry_at = Some(at);
        Next::At(at)
    }

    /// Nothing can be written any more: what is appended is dropped, nobody was told that it is kept.
    fn discard(&mut self) {
        self.gather();
        self.queues.iter_mut().for_each(|(queue, merged)| *merged = queue.len());
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
