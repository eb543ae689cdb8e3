//! Streams, and groups of consumers.

use std::time::Duration;

use bytes::Bytes;

use super::keys::milliseconds;
use crate::{
    client::Client,
    command::Command,
    error::Error,
    value::{FromValue, Pairs, Value},
};

/// An entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id, as `1526919030474-55`.
    pub id: Bytes,
    /// Its fields and values, in the order in which they were added.
    pub fields: Vec<(Bytes, Bytes)>,
}

impl FromValue for Entry {
    /// An entry that was deleted while a consumer had it pending has no fields.
    fn from_value(value: Value) -> Result<Self, Error> {
        let (id, fields): (Bytes, Option<Pairs<Bytes, Bytes>>) = value.into()?;
        Ok(Entry { id, fields: fields.map_or_else(Vec::new, |Pairs(fields)| fields) })
    }
}

/// Who reads: a group, and a consumer in it.
#[derive(Debug, Clone, Copy)]
pub struct Consumer<'a> {
    /// The group, made by [`Client::xgroup_create`].
    pub group: &'a str,
    /// The consumer; made when it reads for the first time.
    pub name: &'a str,
}

impl Client {
    /// `XADD`: adds an entry; its id. With `max_len` the oldest entries beyond about that many are removed.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn xadd<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = (F, V)>,
        max_len: Option<u64>,
    ) -> Result<Bytes, Error> {
        let mut command = Command::new("XADD").arg(key);
        if let Some(max_len) = max_len {
            command = command.args(["MAXLEN", "~"]).arg(max_len.to_string());
        }
        let command = fields.into_iter().fold(command.arg("*"), |c, (field, value)| c.arg(field).arg(value));
        self.query(command).await
    }

    /// `XLEN`: how many entries there are.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn xlen(&self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("XLEN").arg(key)).await
    }

    /// `XRANGE`: up to `count` entries from id `first` to `last`, both included; `-` and `+` are the ends of the
    /// stream, `(` before an id leaves it out.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn xrange(
        &self,
        key: impl AsRef<[u8]>,
        first: impl AsRef<[u8]>,
        last: impl AsRef<[u8]>,
        count: u64,
    ) -> Result<Vec<Entry>, Error> {
        let command = Command::new("XRANGE").arg(key).arg(first).arg(last);
        self.query(command.arg("COUNT").arg(count.to_string())).await
    }

    /// `XDEL`: how many of the entries were there.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn xdel<I: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        ids: impl IntoIterator<Item = I>,
    ) -> Result<u64, Error> {
        self.query(Command::new("XDEL").arg(key).args(ids)).await
    }

    /// `XTRIM MAXLEN`: removes the oldest entries beyond `max_len`; how many they were.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn xtrim(&self, key: impl AsRef<[u8]>, max_len: u64) -> Result<u64, Error> {
        self.query(Command::new("XTRIM").arg(key).arg("MAXLEN").arg(max_len.to_string())).await
    }

    /// `XREAD`: up to `count` entries behind the id `after` (`0`: from the beginning). When there are none it waits
    /// up to `wait` for one, over a connection of its own as [`Client::blpop`] does; zero does not wait.
    ///
    /// # Errors
    /// As [`Client::command`].
    ///
    /// Cancel safe: reading takes nothing away.
    pub async fn xread(
        &self,
        key: impl AsRef<[u8]>,
        after: impl AsRef<[u8]>,
        count: u64,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error> {
        let command = Command::new("XREAD").arg("COUNT").arg(count.to_string());
        // Behind `$` a second reading would begin later than the first, and miss what came between.
        let command = if after.as_ref() == b"$" { command } else { command.idempotent() };
        self.read(command, key, after, wait).await
    }

    /// `XREADGROUP`: up to `count` entries that no consumer of the group has had (`>`), or, from the id `after` on,
    /// those that this consumer had and has not acknowledged. Waits as [`Client::xread`].
    ///
    /// # Errors
    /// As [`Client::command`]. What was delivered and whose reply is lost stays pending: read it again with the id
    /// `0`, or have it claimed ([`Client::xautoclaim`]).
    ///
    /// Cancel safety: as [`Client::blpop`]; what was delivered to a dropped call stays pending.
    pub async fn xreadgroup(
        &self,
        consumer: Consumer<'_>,
        key: impl AsRef<[u8]>,
        after: impl AsRef<[u8]>,
        count: u64,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error> {
        let command = Command::new("XREADGROUP").arg("GROUP").arg(consumer.group).arg(consumer.name);
        self.read(command.arg("COUNT").arg(count.to_string()), key, after, wait).await
    }

    /// `XGROUP CREATE … MKSTREAM`: makes a group that begins behind the id `after` (`$`: with what comes from now
    /// on). False when there is such a group.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn xgroup_create(
        &self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        after: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        let command = Command::new("XGROUP").arg("CREATE").arg(key).arg(group).arg(after).arg("MKSTREAM");
        match self.query::<()>(command).await {
            Err(Error::Server(error)) if error.code() == "BUSYGROUP" => Ok(false),
            made => made.map(|()| true),
        }
    }

    /// `XACK`: these entries are done; how many of them were pending.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn xack<I: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        group: impl AsRef<[u8]>,
        ids: impl IntoIterator<Item = I>,
    ) -> Result<u64, Error> {
        self.query(Command::new("XACK").arg(key).arg(group).args(ids)).await
    }

    /// `XAUTOCLAIM`: up to `count` of the pending entries from the id `start` on (`0-0`: from the first) that some
    /// consumer has had for `idle` are this one's from now on; those that were deleted meanwhile are left out. With
    /// them comes the id to go on from, which is `0-0` when all were looked at: a call that claims nothing is not
    /// yet the end.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; what was claimed stays pending.
    pub async fn xautoclaim(
        &self,
        consumer: Consumer<'_>,
        key: impl AsRef<[u8]>,
        idle: Duration,
        start: impl AsRef<[u8]>,
        count: u64,
    ) -> Result<(Bytes, Vec<Entry>), Error> {
        let command = Command::new("XAUTOCLAIM").arg(key).arg(consumer.group).arg(consumer.name);
        let command = command.arg(milliseconds(idle)).arg(start).arg("COUNT").arg(count.to_string());
        // The cursor, the entries, and since Redis 7.0 the ids of what was deleted.
        let parts: Vec<Value> = self.query(command).await?;
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next()) {
            (Some(next), Some(entries)) => Ok((next.into()?, entries.into()?)),
            _ => Err(Error::Protocol("XAUTOCLAIM without entries".into())),
        }
    }

    /// The entries of one stream.
    async fn read(
        &self,
        command: Command,
        key: impl AsRef<[u8]>,
        after: impl AsRef<[u8]>,
        wait: Duration,
    ) -> Result<Vec<Entry>, Error> {
        let streams = |command: Command| command.arg("STREAMS").arg(key.as_ref()).arg(after.as_ref());
        let found: Option<Pairs<Bytes, Vec<Entry>>> = if wait.is_zero() {
            self.query(streams(command)).await?
        } else {
            let block = |wait| streams(command.clone().arg("BLOCK").arg(milliseconds(wait)));
            self.blocking(wait, block).await?
        };
        let mut streams = found.map_or_else(Vec::new, |Pairs(streams)| streams);
        Ok(streams.pop().map_or_else(Vec::new, |(_, entries)| entries))
    }
}
