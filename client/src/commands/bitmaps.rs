//! Strings as arrays of bits.

use crate::{client::Client, command::Command, error::Error};

impl Client {
    /// `SETBIT`: sets a bit, the first one is bit 0; what it was.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn setbit(&self, key: impl AsRef<[u8]>, offset: u64, bit: bool) -> Result<bool, Error> {
        self.query(Command::new("SETBIT").arg(key).arg(offset.to_string()).int(bit.into())).await
    }

    /// `GETBIT`: a bit; false beyond the end.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn getbit(&self, key: impl AsRef<[u8]>, offset: u64) -> Result<bool, Error> {
        self.query(Command::new("GETBIT").arg(key).arg(offset.to_string())).await
    }

    /// `BITCOUNT`: how many bits are set.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn bitcount(&self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("BITCOUNT").arg(key)).await
    }

    /// `BITPOS`: where the first bit is that is `bit`; `None` when there is none.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn bitpos(&self, key: impl AsRef<[u8]>, bit: bool) -> Result<Option<u64>, Error> {
        let found: i64 = self.query(Command::new("BITPOS").arg(key).int(bit.into())).await?;
        Ok(u64::try_from(found).ok())
    }
}
