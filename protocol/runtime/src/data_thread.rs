//! One data thread: a current-thread runtime and the connections dealt to it.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::acceptor::StdSocket;
use crate::admission::Admitted;
use crate::door::Door;
use crate::service::{Load, ServiceConfig, Worker};

/// Accepted connections that wait for their data thread; above it the acceptor waits.
const ACCEPTED_MAX: usize = 1024;

/// A connection that was accepted and is not served yet.
pub(crate) struct Accepted {
    pub(crate) socket: StdSocket,
    /// Its place among the others.
    pub(crate) admitted: Admitted,
    /// Where it came in.
    pub(crate) door: Arc<Door>,
}

/// How the acceptor reaches a data thread.
pub(crate) struct Lane {
    /// Accepted sockets, non-blocking.
    pub(crate) sockets: mpsc::Sender<Accepted>,
    /// Connections of the thread, counted from the moment they are dealt.
    pub(crate) load: Load,
}

/// Starts data thread `index`; `make` runs on it, inside its runtime.
pub(crate) fn spawn<W: Worker>(
    config: &ServiceConfig,
    index: usize,
    make: impl FnOnce() -> W + Send + 'static,
    stop: &CancellationToken,
) -> io::Result<(Lane, thread::JoinHandle<()>)> {
    let (sockets, accepted) = mpsc::channel(ACCEPTED_MAX);
    let load = Arc::new(AtomicUsize::new(0));
    let (thread_load, stop, drain) = (Arc::clone(&load), stop.clone(), config.drain);
    let body = move || {
        // `event_interval` is how many polls pass between two looks at the sockets. tokio's default is right
        // for batches; a thread without a runtime cannot serve, so failing to make one ends the process.
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let runtime = runtime.expect("a data thread needs its runtime: out of file descriptors?");
        runtime.block_on(async move {
            let deal = Deal { worker: Rc::new(make()), load: thread_load, stop };
            deal.run(accepted, drain).await;
        });
    };
    let thread = thread::Builder::new().name(format!("{}-data-{index}", config.name)).spawn(body)?;
    Ok((Lane { sockets, load }, thread))
}

/// What a data thread serves connections with.
struct Deal<W> {
    worker: Rc<W>,
    load: Load,
    stop: CancellationToken,
}

impl<W: Worker> Deal<W> {
    /// Serves what is dealt until it is to stop, then waits for the connections to finish, at most `drain`.
    async fn run(self, mut accepted: mpsc::Receiver<Accepted>, drain: Duration) {
        self.worker.start(&self.stop);
        let tracker = TaskTracker::new();
        while let Some(socket) = tokio::select! {
            biased; // a stopping service takes no further connection
            () = self.stop.cancelled() => None,
            socket = accepted.recv() => socket,
        } {
            self.take(socket, &tracker);
        }
        tracker.close();
        if timeout(drain, tracker.wait()).await.is_err() {
            tracing::warn!(connections = tracker.len(), "drain time is over, closing connections");
        }
    }

    fn take(&self, accepted: Accepted, tracker: &TaskTracker) {
        let Accepted { socket, admitted, door } = accepted;
        let counted = Counted { load: Arc::clone(&self.load), _admitted: admitted };
        let Ok(socket) = socket.into_socket() else { return };
        let (worker, stop) = (Rc::clone(&self.worker), self.stop.clone());
        if door.is_plain() {
            let Some(arrival) = door.let_in(socket) else { return };
            let connection = worker.serve(arrival, stop);
            tracker.spawn_local(async move {
                let _counted = counted;
                connection.await;
            });
            return;
        }
        tracker.spawn_local(async move {
            let _counted = counted;
            // In a box: no client pays for its welcome while it is here.
            let welcomed = tokio::select! {
                welcomed = Box::pin(door.welcome(socket)) => welcomed,
                () = stop.cancelled() => None,
            };
            if let Some(arrival) = welcomed {
                worker.serve(arrival, stop).await;
            }
        });
    }
}

/// Takes a connection off the load when it ends, however it ends.
struct Counted {
    load: Load,
    _admitted: Admitted,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }
}
