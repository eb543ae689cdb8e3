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
    value::{FromValue, Value},
};

/// A connection that nobody else uses: `SELECT`, `WATCH`, `BLPOP` and `CLIENT` concern it alone. It is never made
/// anew: once lost, its commands are [`Error::NotSent`], and a new one has to be asked for.
///
/// It counts against [`Options::dedicated_max`](crate::Options::dedicated_max) and is closed when it is dropped.
pub struct Dedicated {
    connection: Option<Connection>,
    limit: Limit,
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
        let place = self.place().await?;
        let connection = self.fresh().await?;
        Ok(Dedicated { connection: Some(connection), limit: self.limit(), _place: place })
    }

    /// As [`Client::dedicated`], also one that was used before and has no state.
    pub(crate) async fn lent(&self) -> Result<Dedicated, Error> {
        let place = self.place().await?;
        let connection = match self.pool().take() {
            Some(connection) => connection,
            None => self.fresh().await?,
        };
        Ok(Dedicated { connection: Some(connection), limit: self.limit(), _place: place })
    }

    /// Takes back one that has no state.
    pub(crate) fn give_back(&self, dedicated: Dedicated) {
        if let Some(connection) = dedicated.connection {
            self.pool().put(connection);
        }
    }

    /// A place among the dedicated connections.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = timeout_at(self.limit().deadline(), self.pool().place()).await;
        place.map_err(|_| {
            let text = "all dedicated connections are in use: raise dedicated_max, or use fewer at once";
            Error::NotSent(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }

    /// A new connection, tried as often as the policy says.
    pub(crate) async fn fresh(&self) -> Result<Connection, Error> {
        let deadline = self.limit().deadline();
        for attempt in 1.. {
            let connected = timeout_at(deadline, connect(&self.next().address, self.options())).await;
            let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
            let failed = match connected.unwrap_or_else(|_| Err(Error::NotSent(late()))) {
                Err(error @ Error::NotSent(_)) => error,
                final_answer => return final_answer,
            };
            if !self.waits_for_next(attempt, deadline).await {
                return Err(failed);
            }
        }
        Err(Error::refused("no attempt to connect"))
    }
}

impl Dedicated {
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
        let outcome = self.exchange(&bytes, 1, deadline).await.pop();
        outcome.unwrap_or_else(|| Err(Error::Protocol("no reply".into())))
    }

    /// Sends `count` encoded commands and waits for their replies: exactly `count` outcomes.
    pub(crate) async fn exchange(&mut self, bytes: &[u8], count: usize, deadline: Instant) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(count);
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
