//! HyperLogLogs: how many different elements there were, about.

use crate::{client::Client, command::Command, error::Error};

impl Client {
    /// `PFADD`: counts elements; true when the estimate has changed.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn pfadd<E: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        elements: impl IntoIterator<Item = E>,
    ) -> Result<bool, Error> {
        self.query(Command::new("PFADD").arg(key).args(elements)).await
    }

    /// `PFCOUNT`: about how many different elements the sketches have counted together; 0.81 % is the standard
    /// error. Through a proxy all keys have to be in one slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn pfcount<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64, Error> {
        self.query(Command::new("PFCOUNT").args(keys)).await
    }

    /// `PFMERGE`: has `destination` count what the others have counted, too.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn pfmerge<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        sources: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        self.query(Command::new("PFMERGE").arg(destination).args(sources)).await
    }
}
