//! Optimistic transactions: read what is watched, then write if nobody has changed it meanwhile.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    client::Client,
    command::Command,
    dedicated::Dedicated,
    error::Error,
    request::Outcome,
    retry::jittered,
    transaction::{Transaction, executed},
    value::FromValue,
};

/// Longest random wait before an attempt that follows a conflict.
const CONFLICT_WAIT_MAX: Duration = Duration::from_millis(20);

/// Keys that are watched, over a connection of their own. Dropping it watches no longer.
pub struct Watched {
    connection: Dedicated,
    client: Client,
}

impl Client {
    /// Watches keys, to be read with [`Watched::query`] and written with [`Watched::commit`].
    /// [`Client::optimistic`] does this again and again until it succeeds.
    ///
    /// # Errors
    /// As [`Client::dedicated`] and [`Client::command`].
    ///
    /// Cancel safe: dropping the future watches nothing.
    pub async fn watch<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Watched, Error> {
        self.watch_by(&Command::new("WATCH").args(keys).idempotent()).await
    }

    async fn watch_by(&self, watch: &Command) -> Result<Watched, Error> {
        let deadline = self.limit().deadline();
        let (connection, _) = self.lend_and_send(deadline, || (watch.clone(), deadline)).await?;
        Ok(Watched { connection, client: self.clone() })
    }

    /// Watches `keys`, has `plan` read them and say what to write, and writes that if nobody has changed them
    /// meanwhile; else all of it again, up to `attempts_max` times.
    ///
    /// ```no_run
    /// # async fn example(client: ringmaster_client::Client) -> Result<(), ringmaster_client::Error> {
    /// use ringmaster_client::{Transaction, cmd};
    /// client.optimistic(["stock"], 10, async |watched| {
    ///     let left: Option<i64> = watched.query(cmd("GET").arg("stock")).await?;
    ///     let take = Transaction::new().push(cmd("SET").arg("stock").int(left.unwrap_or(0) - 1));
    ///     Ok(if left > Some(0) { take } else { Transaction::new() })
    /// }).await?;
    /// # Ok(()) }
    /// ```
    /// An empty transaction writes nothing and ends it: there are no outcomes then.
    ///
    /// # Errors
    /// [`Error::Conflict`] when others were faster in every attempt; what `plan` returns; else as
    /// [`Client::transaction`].
    ///
    /// Cancel safety: dropping the future while the transaction is under way leaves open whether it was applied; all
    /// of it or nothing.
    pub async fn optimistic<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        attempts_max: u32,
        mut plan: impl AsyncFnMut(&mut Watched) -> Result<Transaction, Error>,
    ) -> Result<Vec<Outcome>, Error> {
        let watch = Command::new("WATCH").args(keys).idempotent();
        for attempt in 0..attempts_max.max(1) {
            if attempt > 0 {
                sleep(jittered(CONFLICT_WAIT_MAX)).await;
            }
            let mut watched = self.watch_by(&watch).await?;
            let transaction = plan(&mut watched).await?;
            match watched.commit(&transaction).await {
                Ok(Some(outcomes)) => return Ok(outcomes),
                Ok(None) => {}
                Err(error @ Error::Server(_)) if error.is_retry_safe() => {
                    // Refused for the moment, as a whole: what was read may be another thing afterwards.
                    if !self.waits_for_next(attempt + 1, self.limit().deadline()).await {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }
}

impl Watched {
    /// Sends a command and converts the reply: the reads that the transaction goes by. It is applied at once, not
    /// with the transaction.
    ///
    /// # Errors
    /// As [`Dedicated::query`]. Cancel safety: as there; nothing is watched any more then.
    pub async fn query<T: FromValue>(&mut self, command: Command) -> Result<T, Error> {
        self.connection.query(command).await
    }

    /// Applies `transaction` if nobody has changed what is watched: an outcome for each command, `None` when somebody
    /// has and nothing was applied. An empty one ends the watch.
    ///
    /// # Errors
    /// As [`Client::transaction`].
    ///
    /// Cancel safety: dropping the future leaves open whether it was applied; all of it or nothing.
    pub async fn commit(mut self, transaction: &Transaction) -> Result<Option<Vec<Outcome>>, Error> {
        if transaction.is_empty() {
            self.connection.execute(&Command::new("UNWATCH")).await?;
            self.client.give_back(self.connection);
            return Ok(Some(Vec::new()));
        }
        let (bytes, count) = transaction.encode()?;
        if transaction.stays() {
            self.connection.note_state();
        }
        let deadline = self.connection.deadline();
        let outcome = executed(self.connection.exchange(&bytes, count, deadline).await)?;
        self.client.earn();
        self.client.give_back(self.connection);
        Ok(outcome)
    }
}
