//! The task behind a [`crate::Client`]: owns the connection, and makes a new one when a command asks for it.
//!
//! ```text
//! connected --lost--> idle --a request--> (wait out the backoff) --> connecting --ok--> connected
//!                      ^----------------- failed: the requests that wait are NotSent ---/
//! ```
//! One of several servers does not wait for a request: it connects again as soon as the backoff allows, and says
//! when it is connected, so that commands go where there is a connection.

mod session;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    address::Address, backoff::Backoff, connect::connect, connection::Connection, error::Error,
    options::Options, request::Request,
};
use session::Ended;

/// Runs until every [`crate::Client`] of this connection is gone, or the connection is and may not be remade.
pub(crate) struct Driver {
    address: Address,
    options: Arc<Options>,
    requests: mpsc::Receiver<Request>,
    connected: Arc<AtomicBool>,
    eager: bool,
    backoff: Backoff,
}

impl Driver {
    /// Takes its work from `requests` and keeps `connected` true while there is a connection. An `eager` one
    /// connects again without being asked.
    pub(crate) fn new(
        address: Address,
        options: Arc<Options>,
        requests: mpsc::Receiver<Request>,
        connected: Arc<AtomicBool>,
        eager: bool,
    ) -> Driver {
        let backoff = Backoff::new(options.backoff_min, options.backoff_max);
        Driver { address, options, requests, connected, eager, backoff }
    }

    /// Connects, tells `report` how that went, and serves requests.
    pub(crate) async fn run(mut self, report: mpsc::Sender<Result<(), Error>>) {
        let first = match connect(&self.address, &self.options).await {
            Ok(connection) => {
                self.connected.store(true, Ordering::Release);
                let _ = report.send(Ok(())).await;
                Some(connection)
            }
            Err(error) => {
                self.backoff.failed(Instant::now());
                let _ = report.send(Err(error)).await;
                None
            }
        };
        drop(report);
        self.serve(first).await;
    }

    async fn serve(mut self, first: Option<Connection>) {
        let mut next = match first {
            Some(connection) => Some((connection, None)),
            None => self.reconnect().await,
        };
        while let Some((connection, first)) = next {
            self.connected.store(true, Ordering::Release);
            let ended = session::run(connection, &mut self.requests, first, &self.options).await;
            self.connected.store(false, Ordering::Release);
            match ended {
                Ended::Finished => return,
                Ended::Lost { replied: true } => self.backoff.reset(),
                Ended::Lost { replied: false } => self.backoff.failed(Instant::now()),
            }
            next = self.reconnect().await;
        }
    }

    /// Waits for an occasion, then connects. `None` when there is nobody left to ask, or it may not be done.
    async fn reconnect(&mut self) -> Option<(Connection, Option<Request>)> {
        while self.options.reconnect {
            let request = self.occasion().await?;
            sleep_until(self.backoff.next_attempt()).await;
            match connect(&self.address, &self.options).await {
                Ok(connection) => return Some((connection, request)),
                Err(error) => {
                    self.backoff.failed(Instant::now());
                    self.fail_waiting(request, &error);
                }
            }
        }
        None
    }

    /// A request that wants a connection; also none, if it is time and we are eager. `None` when all clients are
    /// gone.
    async fn occasion(&mut self) -> Option<Option<Request>> {
        tokio::select! {
            // A request first: its caller waits.
            biased;
            request = self.requests.recv() => request.map(Some),
            () = sleep_until(self.backoff.next_attempt()), if self.eager => Some(None),
        }
    }

    /// Every request that waits shares the fate of the one that asked for the connection.
    fn fail_waiting(&mut self, request: Option<Request>, error: &Error) {
        let waiting = self.requests.len();
        let rest = std::iter::from_fn(|| self.requests.try_recv().ok()).take(waiting);
        for request in request.into_iter().chain(rest) {
            request.pending.fail(|| not_sent(error));
        }
    }
}

/// A copy of why connecting failed, for each request that waited.
fn not_sent(error: &Error) -> Error {
    Error::NotSent(match error {
        Error::NotSent(error) => io::Error::new(error.kind(), error.to_string()),
        other => io::Error::other(other.to_string()),
    })
}
