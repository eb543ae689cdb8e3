//! Publishing; who listens is in [`Client::subscribe`].

use crate::{client::Client, command::Command, error::Error};

impl Client {
    /// `PUBLISH`: how many heard it, as far as the server knows.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn publish(&self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("PUBLISH").arg(channel).arg(payload)).await
    }

    /// `SPUBLISH`: as [`Client::publish`], on a shard channel.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn spublish(&self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("SPUBLISH").arg(channel).arg(payload)).await
    }
}
