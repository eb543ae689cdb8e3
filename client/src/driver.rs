//! The task behind a [`crate::Client`]: owns the connection, and makes a new one when a command asks for it.
//!
//! ```text
//! connected --lost--> idle --a request--> (wait out the backoff) --> connecting --ok--> connected
//!                      ^----------------- failed: the requests that wait are NotSent ---/
//! ```

mod backoff;
mod session;

use std::io;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    connect::{Connection, connect},
    error::Error,
    options::Options,
    request::Request,
};
use backoff::Backoff;
use session::Ended;

/// Runs until every [`crate::Client`] of this connection is gone, or the connection is and may not be remade.
pub(crate) struct Driver {
    address: String,
    options: Options,
    requests: mpsc::Receiver<Request>,
    backoff: Backoff,
}

impl Driver {
    /// Takes its work from `requests`.
    pub(crate) fn new(address: String, options: Options, requests: mpsc::Receiver<Request>) -> Driver {
        let backoff = Backoff::new(options.backoff_min, options.backoff_max);
        Driver { address, options, requests, backoff }
    }

    /// Serves requests, on `connection` as long as it lives.
    pub(crate) async fn run(mut self, connection: Connection) {
        let mut next = Some((connection, None));
        while let Some((connection, first)) = next {
            match session::run(connection, &mut self.requests, first, &self.options).await {
                Ended::Finished => return,
                Ended::Lost { .. } if !self.options.reconnect => return,
                Ended::Lost { replied: true } => self.backoff.reset(),
                Ended::Lost { replied: false } => self.backoff.failed(Instant::now()),
            }
            next = self.reconnect().await;
        }
    }

    /// Waits for a request, then connects for it. `None` when there is nobody left to ask.
    async fn reconnect(&mut self) -> Option<(Connection, Option<Request>)> {
        loop {
            let request = self.requests.recv().await?;
            sleep_until(self.backoff.next_attempt()).await;
            match connect(&self.address, &self.options).await {
                Ok(connection) => return Some((connection, Some(request))),
                Err(error) => {
                    self.backoff.failed(Instant::now());
                    self.fail_waiting(request, &error);
                }
            }
        }
    }

    /// Every request that waits shares the fate of the one that asked for the connection.
    fn fail_waiting(&mut self, request: Request, error: &Error) {
        let waiting = self.requests.len();
        let rest = std::iter::from_fn(|| self.requests.try_recv().ok()).take(waiting);
        for request in std::iter::once(request).chain(rest) {
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
