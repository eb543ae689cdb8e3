//! The watch on a cluster.yaml: its own thread, which looks at the file when something happened beside it.
//!
//! It watches the *directory*: a watch on the file dies with the first editor that renames a new one into its place.
//! It takes any event there as a reason to look: in a Kubernetes ConfigMap the file's own name never appears, only the
//! `..data` link is swapped. Reading raises events too (open, close); those are ignored, or it would wake itself.
//! Where events are missed (network file systems, a target elsewhere, a directory made anew, no inotify instance left)
//! a look every five seconds finds the change.

use super::ClusterConfig;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How the watch keeps time.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Quiet time after an event before the file is read: writers truncate first and write then.
    quiet: Duration,
    /// Longest wait for that quiet, in a directory that never rests.
    quiet_wait_max: Duration,
    /// Longest between two looks.
    poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(200),
            quiet_wait_max: Duration::from_secs(2),
            poll: Duration::from_secs(5),
        }
    }
}

/// A running watch. Dropping it ends the watch too, without waiting for its thread.
#[derive(Debug)]
pub struct Watcher {
    stopping: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts to watch. What changed since the load has taken effect when it returns.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub fn spawn(config: ClusterConfig) -> io::Result<Self> {
        Self::spawn_at(config, Pace::default())
    }

    fn spawn_at(mut config: ClusterConfig, pace: Pace) -> io::Result<Self> {
        let (wake, events) = sync_channel(1);
        let stopping = Arc::new(AtomicBool::new(false));
        let arm = directory_watch(config.path(), wake.clone());
        config.wakes(wake.clone());
        config.refresh();
        let watch = Loop { config, events, pace, stopping: Arc::clone(&stopping), _arm: arm };
        let thread = thread::Builder::new().name("cluster-watch".to_owned()).spawn(move || watch.run())?;
        Ok(Self { stopping, wake, thread: Some(thread) })
    }

    /// Ends the watch and waits for its thread, at most the time of one look.
    pub fn stop(mut self) {
        self.end();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so by the panic hook.
            drop(thread.join());
        }
    }

    fn end(&self) {
        self.stopping.store(true, Ordering::Release);
        signal(&self.wake);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end();
    }
}

/// Wakes the loop. A signal that is waiting already is enough.
fn signal(wake: &SyncSender<()>) {
    let _ = wake.try_send(());
}

/// Signals `wake` at each event beside the file; `None`, with a warning, if the system gives no watch.
fn directory_watch(file: &Path, wake: SyncSender<()>) -> Option<RecommendedWatcher> {
    let directory = directory_of(file);
    let armed = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if !event.is_ok_and(|event| is_read(event.kind)) {
            signal(&wake);
        }
    })
    .and_then(|mut watcher| watcher.watch(&directory, RecursiveMode::NonRecursive).map(|()| watcher));
    armed
        .inspect_err(|error| {
            tracing::warn!(directory = %directory.display(), %error, "no watch on the directory, polling only");
        })
        .ok()
}

fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Whether an event comes of mere reading.
fn is_read(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// What runs on the thread.
struct Loop {
    config: ClusterConfig,
    events: Receiver<()>,
    pace: Pace,
    stopping: Arc<AtomicBool>,
    /// Held for its events.
    _arm: Option<RecommendedWatcher>,
}

impl Loop {
    fn run(mut self) {
        loop {
            self.wait();
            if self.is_stopping() {
                return;
            }
            self.config.refresh();
        }
    }

    /// Until the next event and the quiet after it, or until it is time to look anyway.
    fn wait(&self) {
        if self.events.recv_timeout(self.pace.poll).is_err() {
            return;
        }
        let latest = Instant::now() + self.pace.quiet_wait_max;
        let is_busy = || self.events.recv_timeout(self.pace.quiet).is_ok();
        while Instant::now() < latest && !self.is_stopping() && is_busy() {}
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests;
