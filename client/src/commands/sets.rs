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

    /// `SCARD`: how many members there are.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn scard(&self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("SCARD").arg(key)).await
    }

    /// `SISMEMBER`: whether it is a member.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sismember(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.query(Command::new("SISMEMBER").arg(key).arg(member)).await
    }

    /// `SMISMEMBER`: for each of them whether it is a member, in order.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn smismember<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<Vec<bool>, Error> {
        self.query(Command::new("SMISMEMBER").arg(key).args(members)).await
    }

    /// `SPOP`: takes a random member.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; what a dropped call took is lost.
    pub async fn spop(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        self.query(Command::new("SPOP").arg(key)).await
    }

    /// `SRANDMEMBER`: up to `count` different random members.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn srandmember(&self, key: impl AsRef<[u8]>, count: u32) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("SRANDMEMBER").arg(key).int(count.into())).await
    }

    /// `SMOVE`: moves a member to `destination`; false when it is none. Through a proxy both have to be in one
    /// slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn smove(
        &self,
        source: impl AsRef<[u8]>,
        destination: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        self.query(Command::new("SMOVE").arg(source).arg(destination).arg(member)).await
    }

    /// `SINTER`: the members that all of the sets have, in no order. Through a proxy all keys have to be in one
    /// slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sinter<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("SINTER").args(keys)).await
    }

    /// `SINTERSTORE`: as [`Client::sinter`], kept as the set `destination`; how many members it has.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sinterstore<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<u64, Error> {
        self.query(Command::new("SINTERSTORE").arg(destination).args(keys)).await
    }

    /// `SUNION`: the members that one of the sets has, in no order. Through a proxy all keys have to be in one
    /// slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sunion<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("SUNION").args(keys)).await
    }

    /// `SUNIONSTORE`: as [`Client::sunion`], kept as the set `destination`; how many members it has.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sunionstore<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<u64, Error> {
        self.query(Command::new("SUNIONSTORE").arg(destination).args(keys)).await
    }

    /// `SDIFF`: the members of the first set that no other one has, in no order. Through a proxy all keys have
    /// to be in one slot.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sdiff<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("SDIFF").args(keys)).await
    }

    /// `SDIFFSTORE`: as [`Client::sdiff`], kept as the set `destination`; how many members it has.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sdiffstore<K: AsRef<[u8]>>(
        &self,
        destination: impl AsRef<[u8]>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<u64, Error> {
        self.query(Command::new("SDIFFSTORE").arg(destination).args(keys)).await
    }

    /// `SSCAN`: some of the members, and the cursor to go on with, 0 at the end; begin with 0. `count` is how
    /// many are looked at, about.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn sscan(
        &self,
        key: impl AsRef<[u8]>,
        cursor: u64,
        count: u64,
    ) -> Result<(u64, Vec<Bytes>), Error> {
        let command = Command::new("SSCAN").arg(key).arg(cursor.to_string());
        self.query(command.arg("COUNT").arg(count.to_string())).await
    }
}
