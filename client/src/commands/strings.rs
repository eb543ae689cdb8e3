//! Strings.

use std::time::Duration;

use bytes::Bytes;

use super::keys::milliseconds;
use crate::{client::Client, command::Command, error::Error};

/// When a key that is set expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// Never; an expiry that it had is taken off.
    #[default]
    Never,
    /// After whole seconds, rounded up; at least one.
    Seconds(u64),
    /// After milliseconds; at least one.
    Milliseconds(u64),
    /// When it would have without this command.
    Keep,
}

/// When a key is set at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// In any case.
    #[default]
    Always,
    /// Only if it does not exist (`NX`).
    Missing,
    /// Only if it exists (`XX`).
    Exists,
}

/// Options of `SET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetOptions {
    /// Default [`Expiry::Never`].
    pub expiry: Expiry,
    /// Default [`Condition::Always`].
    pub condition: Condition,
}

impl SetOptions {
    /// A plain `SET`.
    #[must_use]
    pub fn new() -> SetOptions {
        SetOptions::default()
    }

    /// `EX`: expires after `time`, rounded up to whole seconds.
    #[must_use]
    pub fn ex(self, time: Duration) -> SetOptions {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        SetOptions { expiry: Expiry::Seconds(seconds), ..self }
    }

    /// `PX`: expires after `time`, rounded up to whole milliseconds.
    #[must_use]
    pub fn px(self, time: Duration) -> SetOptions {
        let milliseconds = u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        SetOptions { expiry: Expiry::Milliseconds(milliseconds), ..self }
    }

    /// `KEEPTTL`: keeps the expiry that the key has.
    #[must_use]
    pub fn keepttl(self) -> SetOptions {
        SetOptions { expiry: Expiry::Keep, ..self }
    }

    /// `NX`: only if the key does not exist.
    #[must_use]
    pub fn nx(self) -> SetOptions {
        SetOptions { condition: Condition::Missing, ..self }
    }

    /// `XX`: only if the key exists.
    #[must_use]
    pub fn xx(self) -> SetOptions {
        SetOptions { condition: Condition::Exists, ..self }
    }

    fn append(self, command: Command) -> Command {
        let command = match self.expiry {
            Expiry::Never => command,
            Expiry::Seconds(seconds) => command.arg("EX").arg(seconds.to_string()),
            Expiry::Milliseconds(milliseconds) => command.arg("PX").arg(milliseconds.to_string()),
            Expiry::Keep => command.arg("KEEPTTL"),
        };
        match self.condition {
            Condition::Always => command,
            Condition::Missing => command.arg("NX"),
            Condition::Exists => command.arg("XX"),
        }
    }
}

impl Client {
    /// `GET`: the value, `None` when there is no such key.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("GET").arg(key)).await
    }

    /// `SET` without options.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.query(Command::new("SET").arg(key).arg(value)).await
    }

    /// `SET` with options: false when the condition did not hold and nothing was set.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn set_with(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        options: SetOptions,
    ) -> Result<bool, Error> {
        self.query(options.append(Command::new("SET").arg(key).arg(value))).await
    }

    /// `MGET`: a value for each key, in order.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn mget<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<Bytes>>, Error> {
        self.query(Command::new("MGET").args(keys)).await
    }

    /// `MSET`: sets all pairs. Through a proxy, keys of several slots are set slot by slot, not all at once.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn mset<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), Error> {
        let command = pairs.into_iter().fold(Command::new("MSET"), |c, (key, value)| c.arg(key).arg(value));
        self.query(command).await
    }

    /// `INCRBY`: the new number. A missing key counts as 0.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn incr_by(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64, Error> {
        self.query(Command::new("INCRBY").arg(key).int(by)).await
    }

    /// `SET … GET`: sets the value and answers with the old one.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn set_get(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("SET").arg(key).arg(value).arg("GET")).await
    }

    /// `GETDEL`: takes the value and removes the key.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; what a dropped call took is lost.
    pub async fn getdel(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("GETDEL").arg(key)).await
    }

    /// `GETEX`: the value, and the key expires after `time`, to the millisecond.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn getex(&self, key: impl AsRef<[u8]>, time: Duration) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("GETEX").arg(key).arg("PX").arg(milliseconds(time))).await
    }

    /// `MSETNX`: sets all pairs if none of the keys exists; false when one does. Through a proxy all keys have
    /// to be in one slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn msetnx<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<bool, Error> {
        let command = pairs.into_iter().fold(Command::new("MSETNX"), |c, (key, value)| c.arg(key).arg(value));
        self.query(command).await
    }

    /// `INCR`: adds 1; the new number. A missing key counts as 0.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn incr(&self, key: impl AsRef<[u8]>) -> Result<i64, Error> {
        self.query(Command::new("INCR").arg(key)).await
    }

    /// `DECR`: takes 1 away; the new number. A missing key counts as 0.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn decr(&self, key: impl AsRef<[u8]>) -> Result<i64, Error> {
        self.query(Command::new("DECR").arg(key)).await
    }

    /// `INCRBYFLOAT`: the new number. A missing key counts as 0.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn incr_by_float(&self, key: impl AsRef<[u8]>, by: f64) -> Result<f64, Error> {
        self.query(Command::new("INCRBYFLOAT").arg(key).float(by)).await
    }

    /// `APPEND`: puts `value` behind the value that is there; the new length in bytes.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn append(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("APPEND").arg(key).arg(value)).await
    }

    /// `STRLEN`: the length in bytes; 0 when there is no such key.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn strlen(&self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("STRLEN").arg(key)).await
    }

    /// `GETRANGE`: the bytes from offset `first` to `last`, both included; negative ones count from the end.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn getrange(&self, key: impl AsRef<[u8]>, first: i64, last: i64) -> Result<Bytes, Error> {
        self.query(Command::new("GETRANGE").arg(key).int(first).int(last)).await
    }

    /// `SETRANGE`: writes `value` over what is at `offset`; the new length in bytes.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn setrange(
        &self,
        key: impl AsRef<[u8]>,
        offset: u64,
        value: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        self.query(Command::new("SETRANGE").arg(key).arg(offset.to_string()).arg(value)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_below_its_unit_is_rounded_up_and_never_to_zero() {
        let short = Duration::from_micros(1);
        assert_eq!(SetOptions::new().ex(short).expiry, Expiry::Seconds(1));
        assert_eq!(SetOptions::new().px(short).expiry, Expiry::Milliseconds(1));
        assert_eq!(SetOptions::new().px(Duration::from_millis(5)).expiry, Expiry::Milliseconds(5));
    }
}
