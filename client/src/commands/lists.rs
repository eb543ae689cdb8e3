//! Lists.

use bytes::Bytes;

use crate::{client::Client, command::Command, error::Error};

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
}
