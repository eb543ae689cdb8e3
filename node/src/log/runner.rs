//! The log in threads: one that writes and, where a sync runs beside the writing, one that syncs.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::record::{DataId, Framer, Kind};
use super::renewal::Step;
use super::stage::Stages;
use super::status::{Refusal, Status};
use super::writer::{Next, SyncJob, Writer};
use super::{Fsync, Settings};

/// How long the writer gathers when nobody waits for it.
const GATHER: Duration = Duration::from_millis(5);

/// How long the writer sleeps while something that is written is to be synced.
const SYNC_LOOK: Duration = Duration::from_millis(100);

/// Longest time that the writer may take to make a fresh segment.
const ANSWER_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Pause between two looks at whether it has.
const ANSWER_LOOK_PAUSE: Duration = Duration::from_millis(1);

/// The log of a running node.
pub struct Log {
    stages: Arc<Stages>,
    status: Arc<Status>,
    settings: Settings,
    stop: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<io::Result<()>>>>,
    staged_bytes_max: AtomicUsize,
}

impl Log {
    /// Begins to write after the record `last_lsn`; the segments so far have `size_bytes`.
    ///
    /// # Errors
    /// The first segment cannot be made, or a thread.
    pub fn start(
        disk: Arc<dyn Disk>,
        settings: Settings,
        data_id: DataId,
        (last_lsn, size_bytes): (u64, u64),
    ) -> io::Result<Self> {
        let stages = Arc::new(Stages::new(Framer::new(&data_id), settings.threads, last_lsn + 1));
        let status = Arc::new(Status::new(last_lsn, size_bytes));
        let shared = (Arc::clone(&stages), Arc::clone(&status));
        let writer = Writer::new(disk, settings.clone(), data_id, shared)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (send, receive) = sync_channel(1);
        let task = Task { writer, stages: Arc::clone(&stages), stop: Arc::clone(&stop), send };
        let (for_sync, of_sync, of_write) = (Arc::clone(&stages), Arc::clone(&status), Arc::clone(&status));
        let syncing = thread("log-sync", move || {
            let _ended = BreaksOnPanic(of_sync);
            sync(&receive, &for_sync);
            Ok(())
        })?;
        let writing = thread("log-write", move || {
            let _ended = BreaksOnPanic(of_write);
            task.run(syncing)
        })?;
        let staged_bytes_max = AtomicUsize::new(settings.staged_bytes_max);
        Ok(Self { stages, status, settings, stop, threads: Mutex::new(vec![writing]), staged_bytes_max })
    }

    /// How the log is.
    #[inline]
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// When it is made durable.
    #[inline]
    #[must_use]
    pub fn fsync(&self) -> Fsync {
        self.settings.fsync
    }

    /// Appends a record; see [`Stages::append`].
    #[inline]
    pub fn append(&self, kind: Kind, body_bytes: usize, body: impl FnOnce(&mut Vec<u8>)) -> u64 {
        self.stages.append(kind, body_bytes, body)
    }

    /// The greatest lsn that was given out.
    #[must_use]
    pub fn last_lsn(&self) -> u64 {
        self.stages.last_lsn()
    }

    /// Why writes are refused; `None` when they are not.
    #[inline]
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        if self.status.refuses() { self.status.refusal() } else { None }
    }

    /// Ready when all up to `lsn` is durable; else the task is woken then, and the writer now.
    ///
    /// # Errors
    /// It never will be: a sync has failed.
    pub fn poll_durable(&self, lsn: u64, context: &Context<'_>) -> Poll<Result<(), Refusal>> {
        if self.status.durable_lsn() >= lsn {
            return Poll::Ready(Ok(()));
        }
        self.status.for_durable.add(lsn, context.waker());
        // Looked at after the waker is there: what came between them is seen.
        if self.status.durable_lsn() >= lsn {
            return Poll::Ready(Ok(()));
        }
        if self.status.is_broken() {
            return Poll::Ready(self.status.refusal().map_or(Ok(()), Err));
        }
        self.stages.bell().ring();
        Poll::Pending
    }

    /// Ready when there is room for what a writer will append, or when writes are refused; else the task is woken then.
    pub fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.status.for_room.add(0, context.waker());
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether [`Log::poll_room`] is ready.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.pending_bytes() <= self.staged_bytes_max.load(Ordering::Relaxed) || self.status.refuses()
    }

    /// Bytes appended and not yet written.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.stages.bytes() + self.status.gathered.load(Ordering::Relaxed)
    }

    /// Has a log that is broken keep what is appended from now on. Returns whether it is broken.
    ///
    /// # Errors
    /// Its writer does not answer.
    pub(super) fn ask_renewal(&self) -> io::Result<bool> {
        if !self.status.is_broken() {
            return Ok(false);
        }
        self.status.renewal.set(Step::Asked);
        self.await_writer(|| (self.status.renewal.step() == Step::Keeping).then_some(Ok(())))?;
        Ok(true)
    }

    /// Has the log begin anew with the record `start_lsn`, or stay broken for `None`.
    ///
    /// # Errors
    /// The fresh segment cannot be made; the log stays broken.
    pub(super) fn end_renewal(&self, start_lsn: Option<u64>) -> io::Result<()> {
        let Some(start_lsn) = start_lsn else {
            self.status.renewal.set(Step::None);
            return Ok(());
        };
        self.status.renewal.set(Step::Begin(start_lsn));
        self.await_writer(|| self.status.renewal.ended())
    }

    /// Wakes the writer and waits for what it does.
    fn await_writer(&self, done: impl Fn() -> Option<io::Result<()>>) -> io::Result<()> {
        let end = Instant::now() + ANSWER_PAUSE_MAX;
        loop {
            self.stages.bell().ring();
            if let Some(result) = done() {
                return result;
            }
            if Instant::now() >= end {
                self.status.renewal.set(Step::None);
                return Err(io::Error::other("the writer of the log does not answer"));
            }
            std::thread::sleep(ANSWER_LOOK_PAUSE);
        }
    }

    /// Writes and syncs all that was appended, and ends the threads. Nothing may be appended after it.
    ///
    /// # Errors
    /// Not all of it could be written.
    pub fn close(&self) -> io::Result<()> {
        self.stop.store(true, Ordering::Release);
        self.stages.bell().ring();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = threads.drain(..).map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())));
        ends.collect()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Who wants to know how it ended calls `close`.
        let _ = self.close();
    }
}

fn panicked() -> io::Error {
    io::Error::other("a thread of the log ended")
}

fn thread<R: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> R + Send + 'static,
) -> io::Result<JoinHandle<R>> {
    Builder::new().name(name.to_owned()).spawn(run)
}

/// Has writes refused when its thread panics: nobody would write them any more.
struct BreaksOnPanic(Arc<Status>);

impl Drop for BreaksOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set_broken("a thread of the log ended");
        }
    }
}

/// Runs the syncs that it is given, and has the writer note each.
fn sync(jobs: &Receiver<SyncJob>, stages: &Stages) {
    for job in jobs {
        job.run();
        stages.bell().ring();
    }
}

/// The writing thread.
struct Task {
    writer: Writer,
    stages: Arc<Stages>,
    stop: Arc<AtomicBool>,
    send: SyncSender<SyncJob>,
}

impl Task {
    fn run(mut self, syncing: JoinHandle<io::Result<()>>) -> io::Result<()> {
        while !self.stop.load(Ordering::Acquire) {
            let now = Instant::now();
            let next = self.writer.turn(now);
            self.send_sync(now);
            self.pause(next, now);
        }
        drop(self.send);
        let synced = syncing.join().unwrap_or_else(|_| Err(panicked()));
        self.writer.close(Instant::now()).and(synced)
    }

    fn send_sync(&mut self, now: Instant) {
        let Some(job) = self.writer.sync_due(now) else { return };
        // One is under way at most, so there is room; without the thread it is run here.
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = self.send.try_send(job) {
            job.run();
        }
    }

    fn pause(&mut self, next: Next, now: Instant) {
        let bell = self.stages.bell();
        match next {
            Next::Soon => bell.wait(Some(GATHER)),
            Next::At(at) => bell.wait(Some(at.saturating_duration_since(now))),
            Next::Sleep => {
                bell.set_asleep(true);
                // What was appended before the others could see that is found here.
                if self.stages.is_empty() {
                    bell.wait((!self.writer.is_durable()).then_some(SYNC_LOOK));
                }
                bell.set_asleep(false);
                // The first record after a sleep rang: others may follow, so gather.
            }
        }
    }
}
