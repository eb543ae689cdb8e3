//! The control thread: the sockets and the clock around the [`crate::cluster::controller::Controller`].
//!
//! ```text
//! data threads ◄── Published: view, lease ──┐
//!              ──► Told: fences met ─► [ control thread: Controller ] ──► per node: heartbeats and register, in order
//! topology (cluster.yaml, watched) ───────►                            └► per node: questions about slots, attached
//! ```
//! One thread for all of it: leases are kept even when the data threads have all hands full.

mod kept;
mod node;
mod published;
mod run;

pub(crate) use published::{Chore, Published, Told};

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Builder;
use tokio::sync::mpsc::Receiver;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use crate::cluster::Topology;
use crate::dial::Credentials;
use run::Control;

/// The running control thread.
pub(crate) struct ControlThread {
    stop: CancellationToken,
    thread: JoinHandle<()>,
    published: Arc<Published>,
}

impl ControlThread {
    /// Starts it.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made.
    pub(crate) fn start(
        topology: Arc<ArcSwap<Topology>>,
        published: Arc<Published>,
        credentials: Arc<Credentials>,
        told: Receiver<Told>,
    ) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (stopped, own) = (stop.clone(), Arc::clone(&published));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let body = move || {
            let control =
                async move { Control::new(topology, published, credentials).run(told, stopped).await };
            LocalSet::new().block_on(&runtime, control);
        };
        let thread = thread::Builder::new().name("proxy-cluster".to_owned()).spawn(body)?;
        Ok(Self { stop, thread, published: own })
    }

    /// Waits, where the cluster.yaml asks for no views, until it is known whether the nodes have one, for at most so long.
    /// Blocks.
    pub(crate) fn first_look(&self, longest: Duration) {
        if !self.published.by_views() {
            self.published.first_look(longest);
        }
    }

    /// Ends it, and waits for that.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        // A thread that panicked has said so by the panic hook.
        drop(self.thread.join());
    }
}
