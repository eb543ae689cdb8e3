//! Connections of a caller's own: for what waits in the server, and for what is state of a connection.

mod pool;

use std::{io, time::Duration};

use bytes::BytesMut;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

pub(crate) use pool::Pool;

use crate::{
    client::Client,
    command::Command,
    connect::connect,
    connection::Connection,
    error::Error,
    limit::Limit,
    request::Outcome,
    retry::may_repeat_after,
    value::{FromValue, Value},
};

/// A connection that nobody else uses: `SELECT`, `WATCH`, `BLPOP` and `CLIENT` concern it alone. It is never made
/// anew: once lost, its commands are [`Error::NotSent`], and a new one has to be asked for.
///
/// It counts against [`Options::dedicated_max`](crate::Options::dedicated_max) and is closed when it is dropped.
pub struct Dedicated {
    connection: Option<Connection>,
    limit: Limit,
    /// A command has left state behind (`SELECT`, `AUTH` …): nobody else may have it.
    has_state: bool,
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// A connection of one's own, to one of the servers. Waits while there are as many as
    /// [`Options::dedicated_max`](crate::Options::dedicated_max) allows.
    ///
    /// # Errors
    /// [`Error::NotSent`] when there is no connection or no place in time; [`Error::Server`] when the server
    /// refused the handshake.
    ///
    /// Cancel safe: dropping the future closes what was opened.
    pub async fn dedicated(&self) -> Result<Dedicated, Error> {
        let deadline = self.limit().deadline();
        let place = self.place(deadline).await?;
        let connection = self.fresh(deadline).await?;
        Ok(Dedicated::new(connection, self.limit(), place))
    }

    /// Sends what `command` makes over a connection that was used before or will be, and leaves it to the caller,
    /// who gives it back when it has no state. Sent again as the policy says, until `end`, over new connections
    /// then: one that has waited for its use may be lost without our knowing.
    ///
    /// `command` says also until when its reply may take.
    pub(crate) async fn lend_and_send(
        &self,
        end: Instant,
        command: impl Fn() -> (Command, Instant),
    ) -> Result<(Dedicated, Value), Error> {
        if self.limit().is_over() {
            return Err(late());
        }
        for attempt in 1.. {
            let mut connection = self.lent(end.min(self.limit().deadline()), attempt > 1).await?;
            let (command, deadline) = command();
            let error = match connection.execute_until(&command, deadline.min(end)).await {
                Ok(value) => {
                    self.earn();
                    return Ok((connection, value));
                }
                Err(error) => error,
            };
            if matches!(error, Error::Server(_)) {
                self.give_back(connection);
            }
            let idempotent = self.is_idempotent() || command.is_idempotent();
            if !may_repeat_after(&error, idempotent) || !self.waits_for_next(attempt, end).await {
                return Err(error);
            }
        }
        Err(late())
    }

    /// As [`Client::dedicated`], one without state; also one that was used before, unless it has to be new.
    async fn lent(&self, deadline: Instant, is_new: bool) -> Result<Dedicated, Error> {
        let place = self.place(deadline).await?;
        let used = if is_new { None } else { self.pool().take() };
        let connection = match used {
            Some(connection) => connection,
            None => self.fresh(deadline).await?,
        };
        Ok(Dedicated::new(connection, self.limit(), place))
    }

    /// Takes back one that has no state; closes it if its commands have left one.
    pub(crate) fn give_back(&self, dedicated: Dedicated) {
        if let Some(connection) = dedicated.connection.filter(|_| !dedicated.has_state) {
            self.pool().put(connection);
        }
    }

    /// A place among the dedicated connections.
    async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Error> {
        let place = timeout_at(deadline, self.pool().place()).await;
        place.map_err(|_| {
            let text = "all dedicated connections are in use: raise dedicated_max, or use fewer at once";
            Error::NotSent(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }

    /// A new connection, tried as often as the policy says until `deadline`.
    pub(crate) async fn fresh(&self, deadline: Instant) -> Result<Connection, Error> {
        for attempt in 1.. {
            let connected = timeout_at(deadline, connect(&self.next().address, self.options())).await;
            let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
            let failed = match connected.unwrap_or_else(|_| Err(Error::NotSent(late()))) {
                Ok(connection) => {
                    self.earn();
                    return Ok(connection);
                }
                Err(error @ Error::NotSent(_)) => error,
                final_answer => return final_answer,
            };
            if !self.waits_for_next(attempt, deadline).await {
                return Err(failed);
            }
        }
        Err(late())
    }
}

/// Nothing was sent, there is no time left for it.
fn late() -> Error {
    Error::NotSent(io::Error::new(io::ErrorKind::TimedOut, "the deadline has passed"))
}

impl Dedicated {
    fn new(connection: Connection, limit: Limit, place: OwnedSemaphorePermit) -> Dedicated {
        Dedicated { connection: Some(connection), limit, has_state: false, _place: place }
    }

    /// A command leaves state behind.
    pub(crate) fn note_state(&mut self) {
        self.has_state = true;
    }

    /// Its commands take at most `timeout` each from now on; a blocking command needs more than it waits.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.limit = self.limit.each(timeout);
    }

    /// Sends a command, name first, and waits for its reply.
    ///
    /// # Errors
    /// Any [`Error`]. After [`Error::MaybeApplied`], [`Error::Timeout`] and broken RESP the connection is closed.
    ///
    /// Cancel safety: dropping the future closes the connection, so that a server stops waiting for us. The command
    /// was applied or it was not.
    pub async fn command<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Value, Error> {
        self.execute(&Command::from_words(words)).await
    }

    /// As [`Dedicated::command`], for a [`Command`] built piece by piece.
    ///
    /// # Errors
    /// As [`Dedicated::command`]. Cancel safety: as there.
    pub async fn execute(&mut self, command: &Command) -> Result<Value, Error> {
        let deadline = self.limit.deadline();
        self.execute_until(command, deadline).await
    }

    /// As [`Dedicated::execute`], and converts the reply.
    ///
    /// # Errors
    /// As [`Dedicated::command`], and [`Error::Protocol`] when the reply is of another type. Cancel safety: as
    /// there.
    pub async fn query<T: FromValue>(&mut self, command: Command) -> Result<T, Error> {
        self.execute(&command).await.and_then(T::from_value)
    }

    /// As [`Dedicated::execute`], with a limit of its own.
    pub(crate) async fn execute_until(
        &mut self,
        command: &Command,
        deadline: Instant,
    ) -> Result<Value, Error> {
        let mut bytes = BytesMut::new();
        command.encode(&mut bytes)?;
        self.has_state |= command.effect().stays();
        let outcome = self.exchange(&bytes, 1, deadline).await.pop();
        outcome.unwrap_or_else(|| Err(Error::Protocol("no reply".into())))
    }

    /// Sends `count` encoded commands and waits for their replies: exactly `count` outcomes.
    pub(crate) async fn exchange(&mut self, bytes: &[u8], count: usize, deadline: Instant) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(count);
        if deadline <= Instant::now() {
            return (0..count).map(|_| Err(late())).collect();
        }
        // Out of its place while it is used: a future that is dropped in the middle drops it, too.
        let Some(mut connection) = self.connection.take() else {
            let lost =
                || io::Error::new(io::ErrorKind::NotConnected, "the connection was lost: ask for another");
            return (0..count).map(|_| Err(Error::NotSent(lost()))).collect();
        };
        let failed = match timeout_at(deadline, connection.exchange(bytes, count, &mut outcomes)).await {
            Ok(Ok(())) => {
                self.connection = Some(connection);
                return outcomes;
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        if let Some(broken) = failed.as_ref().filter(|error| error.kind() == io::ErrorKind::InvalidData) {
            outcomes.push(Err(Error::Protocol(broken.to_string())));
        }
        while outcomes.len() < count {
            outcomes.push(Err(match &failed {
                Some(error) => Error::MaybeApplied(io::Error::new(error.kind(), error.to_string())),
                None => Error::Timeout,
            }));
        }
        outcomes
    }

    /// The end of a command that begins now.
    pub(crate) fn deadline(&self) -> Instant {
        self.limit.deadline()
    }
}
