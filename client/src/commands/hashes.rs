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

    /// `HSETNX`: sets a field if it does not exist; false when it does.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hsetnx(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        self.query(Command::new("HSETNX").arg(key).arg(field).arg(value)).await
    }

    /// `HMGET`: a value for each field, in order.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hmget<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<Bytes>>, Error> {
        self.query(Command::new("HMGET").arg(key).args(fields)).await
    }

    /// `HEXISTS`: whether the field exists.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hexists(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.query(Command::new("HEXISTS").arg(key).arg(field)).await
    }

    /// `HLEN`: how many fields there are.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hlen(&self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("HLEN").arg(key)).await
    }

    /// `HKEYS`: all fields, in no order.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hkeys(&self, key: impl AsRef<[u8]>) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("HKEYS").arg(key)).await
    }

    /// `HVALS`: all values, in no order.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hvals(&self, key: impl AsRef<[u8]>) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("HVALS").arg(key)).await
    }

    /// `HINCRBY`: adds to the number in a field; the new number. A missing field counts as 0.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hincr_by(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        by: i64,
    ) -> Result<i64, Error> {
        self.query(Command::new("HINCRBY").arg(key).arg(field).int(by)).await
    }

    /// `HINCRBYFLOAT`: as [`Client::hincr_by`], for numbers with a fraction.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hincr_by_float(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        by: f64,
    ) -> Result<f64, Error> {
        self.query(Command::new("HINCRBYFLOAT").arg(key).arg(field).float(by)).await
    }

    /// `HSCAN`: some of the fields and values, and the cursor to go on with, 0 at the end; begin with 0.
    /// `count` is how many are looked at, about.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn hscan(
        &self,
        key: impl AsRef<[u8]>,
        cursor: u64,
        count: u64,
    ) -> Result<(u64, Vec<(Bytes, Bytes)>), Error> {
        let command = Command::new("HSCAN").arg(key).arg(cursor.to_string());
        let found = self.query(command.arg("COUNT").arg(count.to_string())).await;
        found.map(|(cursor, Pairs(pairs))| (cursor, pairs))
    }
}
