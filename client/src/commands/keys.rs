//! Keys of any type, and their expiry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

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

/// A time for the wire, rounded down; the longest that Redis takes for a longer one.
pub(super) fn milliseconds(time: Duration) -> String {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).to_string()
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
        self.query(Command::new("PEXPIRE").arg(key).arg(milliseconds(time))).await
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

    /// `UNLINK`: as [`Client::del`], the memory is given back later.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn unlink<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64, Error> {
        self.query(Command::new("UNLINK").args(keys)).await
    }

    /// `TOUCH`: how many of the keys exist; they count as used now.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn touch<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64, Error> {
        self.query(Command::new("TOUCH").args(keys)).await
    }

    /// `TYPE`: `string`, `list`, `set`, `zset`, `hash` or `stream`; `none` when there is no such key.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn type_of(&self, key: impl AsRef<[u8]>) -> Result<String, Error> {
        self.query(Command::new("TYPE").arg(key)).await
    }

    /// `PEXPIREAT`: the key expires at `time`, to the millisecond. False when there is no such key. A time
    /// before 1970 is taken for 1970: the key is gone at once.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn expire_at(&self, key: impl AsRef<[u8]>, time: SystemTime) -> Result<bool, Error> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.query(Command::new("PEXPIREAT").arg(key).arg(milliseconds(since))).await
    }

    /// `PERSIST`: the key expires no longer. False when it did not, or there is no such key.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn persist(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.query(Command::new("PERSIST").arg(key)).await
    }

    /// `RENAME`: `key` becomes `to`, which is overwritten. Through a proxy both have to be in one slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn rename(&self, key: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<(), Error> {
        self.query(Command::new("RENAME").arg(key).arg(to)).await
    }

    /// `RENAMENX`: as [`Client::rename`]; false when `to` exists, and nothing is changed.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn renamenx(&self, key: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.query(Command::new("RENAMENX").arg(key).arg(to)).await
    }

    /// `COPY`: copies the value to `to`; false when there is no such key or `to` exists.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn copy(&self, key: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.query(Command::new("COPY").arg(key).arg(to)).await
    }

    /// `SCAN`: some of the keys that match `pattern` (all: `*`), and the cursor to go on with, 0 at the end;
    /// begin with 0. `count` is how many keys are looked at, about. A key that is there all the time is told at
    /// least once. With several servers use [`Client::dedicated`]: a cursor is one server's, except among the
    /// proxies of one cluster.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn scan(
        &self,
        cursor: u64,
        pattern: impl AsRef<[u8]>,
        count: u64,
    ) -> Result<(u64, Vec<Bytes>), Error> {
        let command = Command::new("SCAN").arg(cursor.to_string()).arg("MATCH").arg(pattern);
        self.query(command.arg("COUNT").arg(count.to_string())).await
    }
}
