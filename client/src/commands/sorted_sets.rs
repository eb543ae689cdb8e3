//! Sorted sets.

use bytes::Bytes;

use crate::{client::Client, command::Command, error::Error, value::Pairs};

impl Client {
    /// `ZADD`: sets the scores of members; how many of them are new. A score that is not a number is refused by
    /// the server.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zadd<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = (f64, M)>,
    ) -> Result<u64, Error> {
        let command = Command::new("ZADD").arg(key);
        let add = |command: Command, (score, member): (f64, M)| command.arg(score.to_string()).arg(member);
        self.query(members.into_iter().fold(command, add)).await
    }

    /// `ZRANGE`: the members from rank `first` to `last`, both included, lowest score first; negative ranks
    /// count from the end.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zrange(&self, key: impl AsRef<[u8]>, first: i64, last: i64) -> Result<Vec<Bytes>, Error> {
        self.query(Command::new("ZRANGE").arg(key).int(first).int(last)).await
    }

    /// `ZRANGE … WITHSCORES`: as [`Client::zrange`], with scores.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zrange_with_scores(
        &self,
        key: impl AsRef<[u8]>,
        first: i64,
        last: i64,
    ) -> Result<Vec<(Bytes, f64)>, Error> {
        let command = Command::new("ZRANGE").arg(key).int(first).int(last).arg("WITHSCORES");
        self.query(command).await.map(|Pairs(pairs)| pairs)
    }

    /// `ZSCORE`: the score of a member.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zscore(
        &self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<Option<f64>, Error> {
        self.query(Command::new("ZSCORE").arg(key).arg(member)).await
    }
}
