//! Hashes.

use bytes::Bytes;

use crate::{client::Client, command::Command, error::Error, value::Pairs};

impl Client {
    /// `HSET`: sets fields; how many of them are new.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hset<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, V)>,
    ) -> Result<u64, Error> {
        let command = Command::new("HSET").arg(key);
        self.query(pairs.into_iter().fold(command, |c, (field, value)| c.arg(field).arg(value))).await
    }

    /// `HGET`: the value of a field.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hget(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("HGET").arg(key).arg(field)).await
    }

    /// `HGETALL`: fields and values, in the order of the reply; empty when there is no such key.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hgetall(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.query(Command::new("HGETALL").arg(key)).await.map(|Pairs(pairs)| pairs)
    }

    /// `HDEL`: how many of the fields existed.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hdel<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<u64, Error> {
        self.query(Command::new("HDEL").arg(key).args(fields)).await
    }
}
