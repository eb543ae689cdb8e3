//! Sets.

use bytes::Bytes;

use crate::{client::Client, command::Command, error::Error};

impl Client {
    /// `SADD`: how many of the members are new.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sadd<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<u64, Error> {
        self.query(Command::new("SADD").arg(key).args(members)).await
    }

    /// `SREM`: how many of the members were there.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn srem<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<u64, Error> {
        self.query(Command::new("SREM").arg(key).args(members)).await
    }

    /// `SMEMBERS`: all members, in no order.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn smembers(&self, key: impl AsRef<[u8]>) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("SMEMBERS").arg(key)).await
    }
}
