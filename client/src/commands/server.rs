//! The server.

use std::time::Duration;

use crate::{
    client::Client,
    command::Command,
    error::Error,
    value::{FromValue, Value},
};

impl Client {
    /// `PING`: waits for `PONG`.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn ping(&self) -> Result<(), Error> {
        match self.query(Command::new("PING")).await? {
            Value::Simple(text) if text == "PONG" => Ok(()),
            other => Err(Error::Protocol(format!("expected PONG, got {}", other.kind()))),
        }
    }

    /// `INFO`: all default sections, as text.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn info(&self) -> Result<String, Error> {
        self.query(Command::new("INFO")).await
    }

    /// `DBSIZE`: how many keys the database has.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn dbsize(&self) -> Result<u64, Error> {
        self.query(Command::new("DBSIZE")).await
    }

    /// `FLUSHALL`: removes every key of every database.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn flushall(&self) -> Result<(), Error> {
        self.query(Command::new("FLUSHALL")).await
    }

    /// `TIME`: the server's clock, since 1970.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn time(&self) -> Result<Duration, Error> {
        let (seconds, micros): (u64, u64) = self.query(Command::new("TIME")).await?;
        Ok(Duration::from_secs(seconds) + Duration::from_micros(micros))
    }

    /// `FLUSHDB`: removes every key of the database.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn flushdb(&self) -> Result<(), Error> {
        self.query(Command::new("FLUSHDB")).await
    }

    /// `FCALL`: calls a function of a library that was loaded. In a cluster it may use the keys of `keys` only,
    /// and they have to be in one slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn fcall<T: FromValue>(
        &self,
        function: impl AsRef<[u8]>,
        keys: &[impl AsRef<[u8]>],
        arguments: &[impl AsRef<[u8]>],
    ) -> Result<T, Error> {
        let command = Command::new("FCALL").arg(function).arg(keys.len().to_string());
        self.query(command.args(keys).args(arguments)).await
    }
}
