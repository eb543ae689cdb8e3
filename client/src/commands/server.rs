//! The server.

use crate::{client::Client, command::Command, error::Error, value::Value};

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
}
