//! Keys of any type, and their expiry.

use std::time::Duration;

use crate::{client::Client, command::Command, error::Error};

/// Answer of `PTTL` for a key that does not expire.
const NO_EXPIRY: i64 = -1;

/// Answer of `PTTL` for a key that does not exist.
const NO_KEY: i64 = -2;

/// How long a key lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// There is no such key.
    Missing,
    /// It does not expire.
    Forever,
    /// It expires after this time; in milliseconds.
    Expires(Duration),
}

impl Client {
    /// `DEL`: how many of the keys existed.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn del<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64, Error> {
        self.query(Command::new("DEL").args(keys)).await
    }

    /// `EXISTS`: how many of the keys exist; a key named twice counts twice.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn exists<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64, Error> {
        self.query(Command::new("EXISTS").args(keys)).await
    }

    /// `PEXPIRE`: the key expires after `time`, to the millisecond. False when there is no such key.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn expire(&self, key: impl AsRef<[u8]>, time: Duration) -> Result<bool, Error> {
        let milliseconds = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.query(Command::new("PEXPIRE").arg(key).int(milliseconds)).await
    }

    /// `PTTL`: how long the key lives.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Ttl, Error> {
        match self.query(Command::new("PTTL").arg(key)).await? {
            NO_KEY => Ok(Ttl::Missing),
            NO_EXPIRY => Ok(Ttl::Forever),
            milliseconds => match u64::try_from(milliseconds) {
                Ok(milliseconds) => Ok(Ttl::Expires(Duration::from_millis(milliseconds))),
                Err(_) => Err(Error::Protocol(format!("a time to live of {milliseconds} ms"))),
            },
        }
    }
}
