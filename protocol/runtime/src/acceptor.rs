//! One acceptor that deals connections to the least loaded data thread.
//!
//! `SO_REUSEPORT` would let the kernel deal, but it hashes: with few long-lived connections some cores idle.

mod listener;
mod unix;

pub use listener::BACKLOG;
pub(crate) use listener::{Listener, StdSocket, bind};

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admission::{Admission, Admitted, Bound};
use crate::data_thread::{Accepted, Lane};
use crate::door::Door;
use crate::seldom::Seldom;
use listener::Accepting;

/// Pause after an accept that failed for want of file descriptors or memory.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts who comes in by any of the doors until it is to stop.
pub(crate) async fn run_all(dealer: &Arc<Dealer>, listeners: Vec<(Listener, Arc<Door>)>) {
    let mut accepting = JoinSet::new();
    for (listener, door) in listeners {
        let dealer = Arc::clone(dealer);
        accepting.spawn(async move { dealer.run(listener, door).await });
    }
    accepting.join_all().await;
}

/// What deals connections.
pub(crate) struct Dealer {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) stop: CancellationToken,
}

impl Dealer {
    /// Accepts who comes in by `door` until it is to stop.
    pub(crate) async fn run(&self, listener: Listener, door: Arc<Door>) {
        let listener = match Accepting::new(listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "cannot accept connections"),
        };
        let seldom = Seldom::default();
        loop {
            let accepted = tokio::select! {
                biased; // a stopping service takes no further connection
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => match self.admit(&socket, peer.filter(|_| door.is_direct())) {
                    Ok(admitted) => self.deal(Accepted { socket, admitted, door: Arc::clone(&door) }).await,
                    Err(bound) => {
                        if let Some(times) = seldom.happened() {
                            tracing::warn!(?peer, ?bound, times, "clients were refused");
                        }
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Whether one more client may come; else it is told why not.
    fn admit(&self, socket: &StdSocket, peer: Option<IpAddr>) -> Result<Admitted, Bound> {
        let total: usize = self.lanes.iter().map(|lane| lane.load.load(Ordering::Relaxed)).sum();
        let admitted = self.admission.admit(total, peer, Instant::now());
        admitted.inspect_err(|bound| socket.tell(bound.reply()))
    }

    /// Hands one socket to the thread with the fewest connections.
    async fn deal(&self, accepted: Accepted) {
        let lane = self.lanes.iter().min_by_key(|lane| lane.load.load(Ordering::Relaxed));
        let Some(lane) = lane else { return };
        lane.load.fetch_add(1, Ordering::Relaxed);
        if lane.sockets.send(accepted).await.is_err() {
            lane.load.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
