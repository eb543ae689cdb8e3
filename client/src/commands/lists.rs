//! Lists.

use bytes::Bytes;

use crate::{client::Client, command::Command, error::Error};

/// A side of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The front.
    Left,
    /// The end.
    Right,
}

/// As it is written in commands.
impl AsRef<[u8]> for Side {
    fn as_ref(&self) -> &[u8] {
        match self {
            Side::Left => b"LEFT",
            Side::Right => b"RIGHT",
        }
    }
}

impl Client {
    /// `LPUSH`: puts values at the front one by one; the new length.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn lpush<V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        values: impl IntoIterator<Item = V>,
    ) -> Result<u64, Error> {
        self.query(Command::new("LPUSH").arg(key).args(values)).await
    }

    /// `RPUSH`: puts values at the end; the new length.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn rpush<V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        values: impl IntoIterator<Item = V>,
    ) -> Result<u64, Error> {
        self.query(Command::new("RPUSH").arg(key).args(values)).await
    }

    /// `LPOP`: takes the first value. A value whose reply is lost is gone: see [`Error::MaybeApplied`].
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; the value that a dropped call took is lost.
    pub async fn lpop(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("LPOP").arg(key)).await
    }

    /// `RPOP`: takes the last value. A value whose reply is lost is gone: see [`Error::MaybeApplied`].
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; the value that a dropped call took is lost.
    pub async fn rpop(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("RPOP").arg(key)).await
    }

    /// `LRANGE`: the values from index `first` to `last`, both included; negative ones count from the end.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn lrange(&self, key: impl AsRef<[u8]>, first: i64, last: i64) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("LRANGE").arg(key).int(first).int(last)).await
    }

    /// `LLEN`: how many values there are.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn llen(&self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("LLEN").arg(key)).await
    }

    /// `LPUSHX`: as [`Client::lpush`], only if the list exists; else 0.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn lpushx<V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        values: impl IntoIterator<Item = V>,
    ) -> Result<u64, Error> {
        self.query(Command::new("LPUSHX").arg(key).args(values)).await
    }

    /// `RPUSHX`: as [`Client::rpush`], only if the list exists; else 0.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn rpushx<V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        values: impl IntoIterator<Item = V>,
    ) -> Result<u64, Error> {
        self.query(Command::new("RPUSHX").arg(key).args(values)).await
    }

    /// `LPOP` with a count: takes up to `count` values from the front.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; what a dropped call took is lost.
    pub async fn lpop_many(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>, Error> {
        let values: Option<Vec<Bytes>> =
            self.query(Command::new("LPOP").arg(key).arg(count.to_string())).await?;
        Ok(values.unwrap_or_default())
    }

    /// `RPOP` with a count: takes up to `count` values from the end.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; what a dropped call took is lost.
    pub async fn rpop_many(&self, key: impl AsRef<[u8]>, count: u64) -> Result<Vec<Bytes>, Error> {
        let values: Option<Vec<Bytes>> =
            self.query(Command::new("RPOP").arg(key).arg(count.to_string())).await?;
        Ok(values.unwrap_or_default())
    }

    /// `LINDEX`: the value at an index; a negative one counts from the end.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn lindex(&self, key: impl AsRef<[u8]>, index: i64) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("LINDEX").arg(key).int(index)).await
    }

    /// `LSET`: sets the value at an index, which has to exist.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn lset(
        &self,
        key: impl AsRef<[u8]>,
        index: i64,
        value: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        self.query(Command::new("LSET").arg(key).int(index).arg(value)).await
    }

    /// `LREM`: removes up to `count` values that are equal to `value`, from the end if it is negative, all if
    /// it is 0; how many they were.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn lrem(
        &self,
        key: impl AsRef<[u8]>,
        count: i64,
        value: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        self.query(Command::new("LREM").arg(key).int(count).arg(value)).await
    }

    /// `LTRIM`: keeps the values from index `first` to `last`, both included.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn ltrim(&self, key: impl AsRef<[u8]>, first: i64, last: i64) -> Result<(), Error> {
        self.query(Command::new("LTRIM").arg(key).int(first).int(last)).await
    }

    /// `LPOS`: the index of the first value that is equal to `value`.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn lpos(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<Option<u64>, Error> {
        self.query(Command::new("LPOS").arg(key).arg(value)).await
    }

    /// `LMOVE`: moves a value from one side of `source` to a side of `destination`; the value, `None` when the
    /// list is empty. Through a proxy both have to be in one slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn lmove(
        &self,
        source: (impl AsRef<[u8]>, Side),
        destination: (impl AsRef<[u8]>, Side),
    ) -> Result<Option<Bytes>, Error> {
        let command = Command::new("LMOVE").arg(source.0).arg(destination.0);
        self.query(command.arg(source.1).arg(destination.1)).await
    }
}
