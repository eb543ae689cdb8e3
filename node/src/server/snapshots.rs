//! Takes snapshots of a running node: when somebody asks for one, and when the log has grown. One at a time, on a thread
//! of its own.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::shared::{Shared, unix_time};
use crate::log::Log;
use crate::log::disk::Disk;
use crate::log::record::DataId;
use crate::log::snapshot::{Loaded, Pace, SnapshotError, Source, Taken, take, tidy};

/// Pause between two looks at how much the log has grown.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// Pause after one that failed before the next that nobody asks for, as in Redis.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// What the thread does and has done.
#[derive(Debug, Default)]
struct State {
    wanted: bool,
    began: Option<Instant>,
    /// Why the last one failed.
    failure: Option<String>,
    retry_at: Option<Instant>,
    figures: Figures,
    /// Bytes of the log when all that the last snapshot made superfluous was removed.
    log_bytes: u64,
    /// Bytes of the last snapshot.
    bytes: u64,
    stop: bool,
}

/// What `INFO` tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// When the last one was whole, since the Unix epoch; when the node started if there was none.
    pub(crate) saved_at: Duration,
    /// How long the last one took.
    pub(crate) took: Option<Duration>,
    /// How long the one under way has taken.
    pub(crate) elapsed: Option<Duration>,
    /// Whether the last one failed.
    pub(crate) failed: bool,
    /// The first record that the last one does not have.
    pub(crate) start_lsn: u64,
    /// Keys of the one under way.
    pub(crate) keys_done: u64,
}

/// Counts the snapshots that have ended, and tells whether the last one was taken.
pub(crate) type Ended = watch::Receiver<(u64, bool)>;

/// What a request for a snapshot meets.
pub(crate) enum Asked {
    /// One begins; the receiver changes when it ends.
    Begins(Ended),
    /// One is under way.
    UnderWay,
}

/// The snapshots of a node.
pub(crate) struct Snapshots {
    state: Mutex<State>,
    changed: Condvar,
    /// Counts those that have ended, and tells whether the last one was taken.
    ended: watch::Sender<(u64, bool)>,
    stop: AtomicBool,
    keys_done: AtomicU64,
    /// Growth of the log, in percent of the last snapshot, at which one is taken; 0 never.
    pub(crate) growth_percent: AtomicU64,
    /// Growth of the log in bytes below which none is taken.
    pub(crate) growth_bytes_min: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                figures: Figures { saved_at: unix_time(), start_lsn: 1, ..Figures::default() },
                ..State::default()
            }),
            changed: Condvar::new(),
            ended: watch::Sender::new((0, true)),
            stop: AtomicBool::new(false),
            keys_done: AtomicU64::new(0),
            growth_percent: AtomicU64::new(100),
            growth_bytes_min: AtomicU64::new(64 << 20),
            thread: Mutex::new(None),
        }
    }
}

impl Snapshots {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has one taken, unless one is.
    pub(crate) fn ask(&self) -> Asked {
        let mut state = self.state();
        if state.began.is_some() || state.wanted {
            return Asked::UnderWay;
        }
        state.wanted = true;
        self.changed.notify_all();
        Asked::Begins(self.ended.subscribe())
    }

    /// The figures of now.
    pub(crate) fn figures(&self) -> Figures {
        let state = self.state();
        Figures {
            elapsed: state.began.map(|began| began.elapsed()),
            failed: state.failure.is_some(),
            keys_done: self.keys_done.load(Ordering::Relaxed),
            ..state.figures
        }
    }

    /// Why the last one failed.
    pub(crate) fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// Gives up the one under way and ends the thread.
    pub(crate) fn close(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.state().stop = true;
        self.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that panicked has said so.
        let _ = thread.map(JoinHandle::join);
    }

    /// Whether the log has grown so much that one is due.
    fn is_due(&self, state: &State, log_bytes: u64) -> bool {
        let percent = self.growth_percent.load(Ordering::Relaxed);
        let of_last = u128::from(state.bytes) * u128::from(percent) / 100;
        let least = of_last.max(u128::from(self.growth_bytes_min.load(Ordering::Relaxed)));
        let is_late = state.retry_at.is_none_or(|at| Instant::now() >= at);
        percent > 0 && is_late && u128::from(log_bytes.saturating_sub(state.log_bytes)) > least
    }

    /// Returns when one is to be taken; false when the thread is to end.
    fn await_turn(&self, log: &Log) -> bool {
        let mut state = self.state();
        loop {
            if state.stop {
                return false;
            }
            // A log that is broken waits for somebody to ask: the disk is no good.
            let is_due = !log.status().is_broken() && self.is_due(&state, log.status().size_bytes());
            if state.wanted || is_due {
                state.wanted = false;
                state.began = Some(Instant::now());
                return true;
            }
            let waited = self.changed.wait_timeout(state, LOOK_PAUSE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn end(&self, result: Result<(Taken, u64), SnapshotError>) {
        let mut state = self.state();
        let took = state.began.take().map(|began| began.elapsed()).unwrap_or_default();
        state.figures.took = Some(took);
        let done = result.is_ok();
        match result {
            Ok((taken, log_bytes)) => {
                (state.failure, state.retry_at) = (None, None);
                state.figures.saved_at = unix_time();
                state.figures.start_lsn = taken.start_lsn;
                (state.bytes, state.log_bytes) = (taken.bytes, log_bytes);
                let (keys, bytes) = (taken.keys, taken.bytes);
                tracing::info!(keys, bytes, seconds = took.as_secs_f64(), "a snapshot is taken");
            }
            Err(error) => {
                tracing::error!(%error, "no snapshot could be taken, the last one is kept");
                state.failure = Some(error.to_string());
                state.retry_at = Some(Instant::now() + RETRY_PAUSE);
            }
        }
        // While the state is held: who asks for the next one does not hear of this one.
        self.ended.send_modify(|(count, last)| (*count, *last) = (*count + 1, done));
    }
}

/// The thread that takes them.
struct Task {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    data_id: DataId,
    log: Arc<Log>,
}

/// Begins to take snapshots of a node whose log is written; `loaded` is the one that it started from.
///
/// # Errors
/// There is no thread for it.
pub(crate) fn start(
    shared: &Arc<Shared>,
    (disk, data_id): (&Arc<dyn Disk>, DataId),
    log: &Arc<Log>,
    loaded: Option<&Loaded>,
) -> io::Result<()> {
    let snapshots = &shared.keeping.snapshots;
    if let Some(loaded) = loaded {
        let mut state = snapshots.state();
        state.bytes = loaded.bytes;
        state.figures.start_lsn = loaded.start_lsn;
    }
    let task = Task { shared: Arc::clone(shared), disk: Arc::clone(disk), data_id, log: Arc::clone(log) };
    let thread = Builder::new().name("snapshot".into()).spawn(move || task.run())?;
    *snapshots.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    Ok(())
}

impl Task {
    fn run(self) {
        let snapshots = &self.shared.keeping.snapshots;
        while snapshots.await_turn(&self.log) {
            snapshots.keys_done.store(0, Ordering::Relaxed);
            snapshots.end(self.take());
        }
    }

    /// Takes one and removes what it replaces. Returns the bytes of the log that remain, too.
    fn take(&self) -> Result<(Taken, u64), SnapshotError> {
        let snapshots = &self.shared.keeping.snapshots;
        let taken = take(&Source {
            store: self.shared.engine.store(),
            disk: &*self.disk,
            data_id: self.data_id,
            log: &*self.log,
            libraries: &|| vec![self.shared.scripts.libraries.whole()],
            pace: Pace::Half,
            stop: &snapshots.stop,
            keys_done: &snapshots.keys_done,
        })?;
        let freed = tidy(&*self.disk, taken.start_lsn)?;
        self.log.status().note_removed(freed.segment_bytes);
        Ok((taken, self.log.status().size_bytes()))
    }
}
