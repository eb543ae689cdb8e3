//! Commands that wait in the server, each over a connection of its own, which waits for its next use afterwards.
//!
//! They wait at most as long as they say, and never for ever: a wait without an end would outlive a server that went
//! away without a word. Wait in a loop.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::lists::Side;
use crate::{client::Client, command::Command, error::Error, value::FromValue};

/// Shortest wait: 0 would be for ever.
const WAIT_MIN: Duration = Duration::from_millis(1);

impl Client {
    /// `BLPOP`: waits up to `wait` for a value in one of the lists and takes it from the front: the list and the
    /// value, `None` when the time has passed. The connection counts against
    /// [`Options::dedicated_max`](crate::Options::dedicated_max); a request timeout is added to `wait`.
    ///
    /// # Errors
    /// As [`Client::command`]. After [`Error::MaybeApplied`] and [`Error::Timeout`] a value may be lost: where that
    /// matters, use [`Client::blmove`].
    ///
    /// Cancel safety: dropping the future closes the connection, so the server stops waiting; a value that it has
    /// taken in that moment is lost.
    pub async fn blpop<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        wait: Duration,
    ) -> Result<Option<(Bytes, Bytes)>, Error> {
        let pop = Command::new("BLPOP").args(keys);
        self.blocking(wait, |wait| pop.clone().arg(seconds(wait))).await
    }

    /// `BRPOP`: as [`Client::blpop`], from the end.
    ///
    /// # Errors
    /// As [`Client::blpop`]. Cancel safety: as there.
    pub async fn brpop<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        wait: Duration,
    ) -> Result<Option<(Bytes, Bytes)>, Error> {
        let pop = Command::new("BRPOP").args(keys);
        self.blocking(wait, |wait| pop.clone().arg(seconds(wait))).await
    }

    /// `BLMOVE`: waits up to `wait` for a value on one side of `source` and moves it to a side of `destination`, where
    /// it is until it is removed: no value is lost.
    ///
    /// # Errors
    /// As [`Client::command`]; after [`Error::MaybeApplied`] and [`Error::Timeout`] the value may have been moved.
    ///
    /// Cancel safety: as [`Client::blpop`], but a value that was taken stands in `destination`.
    pub async fn blmove(
        &self,
        source: (impl AsRef<[u8]>, Side),
        destination: (impl AsRef<[u8]>, Side),
        wait: Duration,
    ) -> Result<Option<Bytes>, Error> {
        let ends = Command::new("BLMOVE").arg(source.0).arg(destination.0).arg(source.1).arg(destination.1);
        self.blocking(wait, |wait| ends.clone().arg(seconds(wait))).await
    }

    /// `BZPOPMIN`: waits up to `wait` for a member in one of the sorted sets and takes the one with the lowest
    /// score: the set, the member, its score.
    ///
    /// # Errors
    /// As [`Client::blpop`]. Cancel safety: as there.
    pub async fn bzpopmin<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        wait: Duration,
    ) -> Result<Option<(Bytes, Bytes, f64)>, Error> {
        let pop = Command::new("BZPOPMIN").args(keys);
        self.blocking(wait, |wait| pop.clone().arg(seconds(wait))).await
    }

    /// `BZPOPMAX`: as [`Client::bzpopmin`], with the highest score.
    ///
    /// # Errors
    /// As [`Client::blpop`]. Cancel safety: as there.
    pub async fn bzpopmax<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        wait: Duration,
    ) -> Result<Option<(Bytes, Bytes, f64)>, Error> {
        let pop = Command::new("BZPOPMAX").args(keys);
        self.blocking(wait, |wait| pop.clone().arg(seconds(wait))).await
    }

    /// Waits in the server for `wait`, no longer than [`Client::until`] says, and for the reply a request timeout
    /// more. `command` is told the wait. Sent again as the policy says, for what is left of the wait.
    pub(super) async fn blocking<T: FromValue>(
        &self,
        wait: Duration,
        command: impl Fn(Duration) -> Command,
    ) -> Result<T, Error> {
        let (limit, begun) = (self.limit(), Instant::now());
        let send = || {
            let now = Instant::now();
            let left = limit.wait(wait.saturating_sub(now - begun), now).max(WAIT_MIN);
            (command(left), limit.end_of_wait(left, now))
        };
        // To find a connection and to answer take a request timeout each at most.
        let end = limit.end_of_wait(wait, limit.deadline());
        let (connection, value) = self.lend_and_send(end, send).await?;
        self.give_back(connection);
        T::from_value(value)
    }
}

/// As most commands take it.
fn seconds(wait: Duration) -> String {
    format!("{:.3}", wait.as_secs_f64())
}
