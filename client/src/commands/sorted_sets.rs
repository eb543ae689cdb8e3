//! Sorted sets.

use std::ops::{Bound, RangeBounds};

use bytes::Bytes;

use crate::{client::Client, command::Command, error::Error, value::Pairs};

/// A range of scores as commands write it.
fn bounds(scores: &impl RangeBounds<f64>) -> (String, String) {
    let text = |bound: Bound<&f64>, open: &str| match bound {
        Bound::Included(score) => score.to_string(),
        Bound::Excluded(score) => format!("({score}"),
        Bound::Unbounded => open.to_owned(),
    };
    (text(scores.start_bound(), "-inf"), text(scores.end_bound(), "+inf"))
}

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

    /// `ZREM`: how many of the members were there.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zrem<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<u64, Error> {
        self.query(Command::new("ZREM").arg(key).args(members)).await
    }

    /// `ZINCRBY`: adds to the score of a member; the new score. A missing member counts as 0.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zincr_by(
        &self,
        key: impl AsRef<[u8]>,
        by: f64,
        member: impl AsRef<[u8]>,
    ) -> Result<f64, Error> {
        self.query(Command::new("ZINCRBY").arg(key).float(by).arg(member)).await
    }

    /// `ZMSCORE`: a score for each member, in order.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zmscore<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<Vec<Option<f64>>, Error> {
        self.query(Command::new("ZMSCORE").arg(key).args(members)).await
    }

    /// `ZCARD`: how many members there are.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zcard(&self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.query(Command::new("ZCARD").arg(key)).await
    }

    /// `ZCOUNT`: how many members have a score in `scores`, as in `1.0..=2.0` or `..5.0`.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zcount(&self, key: impl AsRef<[u8]>, scores: impl RangeBounds<f64>) -> Result<u64, Error> {
        let (least, most) = bounds(&scores);
        self.query(Command::new("ZCOUNT").arg(key).arg(least).arg(most)).await
    }

    /// `ZRANK`: how many members have a lower score.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zrank(&self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Result<Option<u64>, Error> {
        self.query(Command::new("ZRANK").arg(key).arg(member)).await
    }

    /// `ZREVRANK`: how many members have a higher score.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zrevrank(
        &self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<Option<u64>, Error> {
        self.query(Command::new("ZREVRANK").arg(key).arg(member)).await
    }

    /// `ZRANGE … REV WITHSCORES`: members and scores from rank `first` to `last`, both included, highest score
    /// first.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zrevrange_with_scores(
        &self,
        key: impl AsRef<[u8]>,
        first: i64,
        last: i64,
    ) -> Result<Vec<(Bytes, f64)>, Error> {
        let command = Command::new("ZRANGE").arg(key).int(first).int(last).args(["REV", "WITHSCORES"]);
        self.query(command).await.map(|Pairs(pairs)| pairs)
    }

    /// `ZRANGE … BYSCORE WITHSCORES`: up to `limit` members with a score in `scores`, as in `1.0..=2.0` or
    /// `..5.0`, lowest first.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zrange_by_score(
        &self,
        key: impl AsRef<[u8]>,
        scores: impl RangeBounds<f64>,
        limit: u32,
    ) -> Result<Vec<(Bytes, f64)>, Error> {
        let (least, most) = bounds(&scores);
        let command = Command::new("ZRANGE").arg(key).arg(least).arg(most).args(["BYSCORE", "LIMIT", "0"]);
        self.query(command.int(limit.into()).arg("WITHSCORES")).await.map(|Pairs(pairs)| pairs)
    }

    /// `ZPOPMIN`: takes up to `count` members with the lowest scores.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; what a dropped call took is lost.
    pub async fn zpopmin(&self, key: impl AsRef<[u8]>, count: u32) -> Result<Vec<(Bytes, f64)>, Error> {
        self.query(Command::new("ZPOPMIN").arg(key).int(count.into())).await.map(|Pairs(pairs)| pairs)
    }

    /// `ZPOPMAX`: takes up to `count` members with the highest scores.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there; what a dropped call took is lost.
    pub async fn zpopmax(&self, key: impl AsRef<[u8]>, count: u32) -> Result<Vec<(Bytes, f64)>, Error> {
        self.query(Command::new("ZPOPMAX").arg(key).int(count.into())).await.map(|Pairs(pairs)| pairs)
    }

    /// `ZREMRANGEBYSCORE`: removes the members with a score in `scores`; how many they were.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zremrange_by_score(
        &self,
        key: impl AsRef<[u8]>,
        scores: impl RangeBounds<f64>,
    ) -> Result<u64, Error> {
        let (least, most) = bounds(&scores);
        self.query(Command::new("ZREMRANGEBYSCORE").arg(key).arg(least).arg(most)).await
    }

    /// `ZREMRANGEBYRANK`: removes the members from rank `first` to `last`, both included; how many they were.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zremrange_by_rank(
        &self,
        key: impl AsRef<[u8]>,
        first: i64,
        last: i64,
    ) -> Result<u64, Error> {
        self.query(Command::new("ZREMRANGEBYRANK").arg(key).int(first).int(last)).await
    }

    /// `ZSCAN`: some of the members and scores, and the cursor to go on with, 0 at the end; begin with 0.
    /// `count` is how many are looked at, about.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn zscan(
        &self,
        key: impl AsRef<[u8]>,
        cursor: u64,
        count: u64,
    ) -> Result<(u64, Vec<(Bytes, f64)>), Error> {
        let command = Command::new("ZSCAN").arg(key).arg(cursor.to_string());
        let found = self.query(command.arg("COUNT").arg(count.to_string())).await;
        found.map(|(cursor, Pairs(pairs))| (cursor, pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_scores_are_written_as_redis_reads_them() {
        let written = |(least, most): (String, String)| format!("{least} {most}");
        assert_eq!(written(bounds(&(1.0..2.5))), "1 (2.5");
        assert_eq!(written(bounds(&(..=2.5))), "-inf 2.5");
        assert_eq!(written(bounds(&(f64::NEG_INFINITY..))), "-inf +inf");
    }
}
