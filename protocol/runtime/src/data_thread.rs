//! One data thread: a current-thread runtime and the connections dealt to it.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::{Load, ServiceConfig, Worker};

/// Accepted connections that wait for their data thread; above it the acceptor waits.
const ACCEPTED_MAX: usize = 1024;

/// How the acceptor reaches a data thread.
pub(crate) struct Lane {
    /// Accepted sockets, non-blocking.
    pub(crate) sockets: mpsc::Sender<std::net::TcpStream>,
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
        runtime.block_on(async move { deal(Rc::new(make()), accepted, &thread_load, &stop, drain).await });
    };
    let thread = thread::Builder::new().name(format!("{}-data-{index}", config.name)).spawn(body)?;
    Ok((Lane { sockets, load }, thread))
}

/// Serves what is dealt until `stop`, then waits for the connections to finish, at most `drain`.
async fn deal<W: Worker>(
    worker: Rc<W>,
    mut accepted: mpsc::Receiver<std::net::TcpStream>,
    load: &Load,
    stop: &CancellationToken,
    drain: Duration,
) {
    worker.start(stop);
    let tracker = TaskTracker::new();
    while let Some(socket) = tokio::select! {
        biased; // a stopping service takes no further connection
        () = stop.cancelled() => None,
        socket = accepted.recv() => socket,
    } {
        let counted = Counted(Arc::clone(load));
        let Ok(stream) = TcpStream::from_std(socket) else { continue };
        let connection = Rc::clone(&worker).serve(stream, stop.clone());
        tracker.spawn_local(async move {
            let _counted = counted;
            connection.await;
        });
    }
    tracker.close();
    if timeout(drain, tracker.wait()).await.is_err() {
        tracing::warn!(connections = tracker.len(), "drain time is over, closing connections");
    }
}

/// Takes a connection off the load when it ends, however it ends.
struct Counted(Load);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
