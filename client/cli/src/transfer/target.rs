//! A server that takes keys: RESTORE with the deadline as a time of day, many at once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use anyhow::{Context as _, bail};
use ringmaster_client::{Client, Command, Error, Options, Value, cmd};
use tokio::sync::Mutex;

use super::rejects::Reject;
use super::{Item, Tally, now_millis, progress};

/// How often something is tried that fails for the moment.
pub(crate) const ATTEMPTS_MAX: u32 = 8;
/// Most bytes of values that leave in one piece.
const BATCH_BYTES_MAX: u64 = 4 << 20;
/// Most keys that leave in one piece.
const BATCH_KEYS_MAX: usize = 256;
/// A value from this size on has a connection of its own: a server that takes none so large closes it.
const LARGE_BYTES: u64 = 1 << 20;

/// What becomes of a key that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It is replaced.
    Replace,
    /// It is left as it is, and counted.
    Skip,
    /// It is left as it is, and is one of the rejects.
    Reject,
}

/// Waits before another attempt; longer each time, 12 seconds in all.
pub(crate) async fn wait(attempts: u32) {
    let millis = (100_u64 << attempts.min(5)).min(3000);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// A server that takes keys.
pub(crate) struct Target {
    target: ringmaster_client::Target,
    existing: Existing,
    /// By database, and whether it is for large values.
    clients: Mutex<HashMap<(u32, bool), Client>>,
    /// Held while a large value is sent: one at a time.
    large: Mutex<()>,
}

/// A key on its way.
struct Sending {
    item: Item,
    attempts: u32,
    /// It may be there because of us.
    maybe_applied: bool,
}

/// What a server said to a key.
enum Verdict {
    Kept,
    Existing,
    Rejected(String),
    Again(Error),
    Fatal(Error),
}

impl Target {
    /// Connects.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let us in.
    pub(crate) async fn open(
        target: ringmaster_client::Target,
        existing: Existing,
    ) -> anyhow::Result<Target> {
        let (clients, large) = (Mutex::default(), Mutex::default());
        let target = Target { target, existing, clients, large };
        let client =
            target.client(0, false).await.with_context(|| format!("cannot write to {}", target.name()))?;
        client.command(&["PING"]).await.with_context(|| format!("cannot write to {}", target.name()))?;
        Ok(target)
    }

    /// Its address.
    pub(crate) fn name(&self) -> String {
        self.target.addresses.first().map(ToString::to_string).unwrap_or_default()
    }

    /// Whether it has no key in any database.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) async fn is_empty(&self) -> anyhow::Result<bool> {
        let info: bytes::Bytes = self.client(0, false).await?.query(cmd("INFO").arg("keyspace")).await?;
        Ok(!String::from_utf8_lossy(&info).lines().any(|line| line.starts_with("db")))
    }

    async fn client(&self, database: u32, is_large: bool) -> Result<Client, Error> {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(&(database, is_large)) {
            return Ok(client.clone());
        }
        let options = Options { database, ..self.target.options.clone() };
        let target = ringmaster_client::Target { options, ..self.target.clone() };
        let client = Client::open(target).await?;
        clients.insert((database, is_large), client.clone());
        Ok(client)
    }

    /// Brings libraries of functions.
    ///
    /// # Errors
    /// The server does not answer.
    pub(crate) async fn libraries(
        &self,
        texts: Vec<Vec<u8>>,
        rejects: &mut Vec<Reject>,
    ) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let client = self.client(0, false).await?;
        for text in texts {
            let mut command = cmd("FUNCTION").arg("LOAD");
            if self.existing == Existing::Replace {
                command = command.arg("REPLACE").idempotent();
            }
            match client.execute(&command.arg(&text)).await {
                Ok(_) => tally.libraries += 1,
                Err(Error::Server(error))
                    if self.existing == Existing::Skip && error.message().contains("already exists") =>
                {
                    tally.existing += 1;
                }
                Err(Error::Server(error)) => {
                    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
                    let reason = format!("library of functions: {error}");
                    rejects.push(Reject { database: 0, key: first, reason });
                    tally.rejected += 1;
                }
                Err(error) => return Err(error).with_context(|| format!("cannot write to {}", self.name())),
            }
        }
        Ok(tally)
    }

    /// Brings keys. Those that cannot be brought are added to `rejects`.
    ///
    /// # Errors
    /// The server does not answer any more, is full, or refuses us.
    pub(crate) async fn put(
        &self,
        database: u64,
        items: Vec<Item>,
        rejects: &mut Vec<Reject>,
    ) -> anyhow::Result<Tally> {
        let (mut tally, now) = (Tally::default(), now_millis());
        let total = items.len() as u64;
        let items: Vec<Item> =
            items.into_iter().filter(|item| item.deadline.is_none_or(|deadline| deadline > now)).collect();
        tally.gone = total - items.len() as u64;
        let number = u32::try_from(database).unwrap_or(u32::MAX);
        if let Err(error) = self.client(number, false).await {
            // A database that it does not have.
            if !matches!(&error, Error::Server(error) if error.message().contains("range")) {
                return Err(error).with_context(|| format!("cannot write to {}", self.name()));
            }
            tally.rejected += items.len() as u64;
            let reason = error.to_string();
            let reject = |item: Item| Reject { database, key: item.key.to_vec(), reason: reason.clone() };
            rejects.extend(items.into_iter().map(reject));
            return Ok(tally);
        }
        let sending = |item| Sending { item, attempts: 0, maybe_applied: false };
        let mut left: VecDeque<Sending> = items.into_iter().map(sending).collect();
        while !left.is_empty() {
            let batch = next_batch(&mut left);
            for (sending, verdict) in self.send(number, batch).await? {
                let key = || sending.item.key.to_vec();
                match verdict {
                    Verdict::Kept => {
                        tally.keys += 1;
                        tally.bytes += sending.item.len();
                    }
                    Verdict::Existing => tally.existing += 1,
                    Verdict::Rejected(reason) => {
                        tally.rejected += 1;
                        rejects.push(Reject { database, key: key(), reason });
                    }
                    Verdict::Again(error) if sending.attempts + 1 >= ATTEMPTS_MAX => {
                        let reason = self.final_reason(number, &sending.item, error).await?;
                        tally.rejected += 1;
                        rejects.push(Reject { database, key: key(), reason });
                    }
                    Verdict::Again(error) => {
                        wait(sending.attempts).await;
                        let maybe = sending.maybe_applied || !error.is_retry_safe();
                        left.push_back(Sending {
                            attempts: sending.attempts + 1,
                            maybe_applied: maybe,
                            ..sending
                        });
                    }
                    Verdict::Fatal(error) => {
                        return Err(error).with_context(|| format!("{} takes no more", self.name()));
                    }
                }
            }
        }
        Ok(tally)
    }

    /// Sends a batch. A large value goes by itself.
    async fn send(&self, database: u32, batch: Vec<Sending>) -> anyhow::Result<Vec<(Sending, Verdict)>> {
        let is_large = batch.iter().any(|sending| sending.item.len() >= LARGE_BYTES);
        let _held = if is_large { Some(self.large.lock().await) } else { None };
        let client = match self.client(database, is_large).await {
            Ok(client) => client,
            Err(error) => return Err(error).with_context(|| format!("cannot write to {}", self.name())),
        };
        let mut pipeline = client.pipeline();
        for sending in &batch {
            pipeline = pipeline.push(&self.command(&sending.item));
        }
        let outcomes = pipeline.execute().await;
        Ok(batch
            .into_iter()
            .zip(outcomes)
            .map(|(sending, outcome)| {
                let verdict = self.verdict(outcome, sending.maybe_applied);
                (sending, verdict)
            })
            .collect())
    }

    fn command(&self, item: &Item) -> Command {
        let deadline = item.deadline.unwrap_or_default().to_string();
        let command = cmd("RESTORE").arg(&item.key).arg(deadline).arg(&item.payload).arg("ABSTTL");
        match self.existing {
            Existing::Replace => command.arg("REPLACE").idempotent(),
            Existing::Skip | Existing::Reject => command,
        }
    }

    fn verdict(&self, outcome: Result<Value, Error>, maybe_applied: bool) -> Verdict {
        match outcome {
            Ok(_) => Verdict::Kept,
            Err(error) if error.is_retry_safe() => Verdict::Again(error),
            Err(Error::Server(error)) => match (error.code(), self.existing) {
                ("BUSYKEY", _) if maybe_applied => Verdict::Kept,
                ("BUSYKEY", Existing::Skip) => Verdict::Existing,
                ("MAYBE" | "STALE", _) => Verdict::Again(Error::Server(error)),
                ("OOM" | "NOPERM" | "NOAUTH" | "READONLY" | "MISCONF", _) => {
                    Verdict::Fatal(Error::Server(error))
                }
                _ => Verdict::Rejected(error.to_string()),
            },
            Err(error) => Verdict::Again(error),
        }
    }

    /// Why a key could not be brought in all attempts, if it is the key and not the server.
    async fn final_reason(&self, database: u32, item: &Item, error: Error) -> anyhow::Result<String> {
        let pong = match self.client(database, false).await {
            Ok(client) => client.command(&["PING"]).await.map(drop),
            Err(lost) => Err(lost),
        };
        if pong.is_err() || item.len() < LARGE_BYTES {
            bail!("{} takes no more: {error}", self.name());
        }
        let size = progress::size(item.len());
        Ok(format!(
            "{error}; its value of {size} may be above what the server takes in one request (`limits.request` of cluster.yaml)"
        ))
    }
}

/// The first keys of `left` that may leave together. One that failed goes by itself, and so does a large one.
fn next_batch(left: &mut VecDeque<Sending>) -> Vec<Sending> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while let Some(next) = left.pop_front() {
        let is_alone = next.attempts > 0 || next.item.len() >= LARGE_BYTES;
        bytes += next.item.len();
        if !batch.is_empty() && (is_alone || bytes > BATCH_BYTES_MAX || batch.len() >= BATCH_KEYS_MAX) {
            left.push_front(next);
            break;
        }
        batch.push(next);
        if is_alone {
            break;
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn batches_are_bounded_and_large_values_and_those_that_failed_go_alone() {
        let one = |bytes: usize, attempts| Sending {
            item: Item { key: Bytes::new(), deadline: None, payload: vec![0; bytes].into() },
            attempts,
            maybe_applied: false,
        };
        let mut left: VecDeque<Sending> = (0..300).map(|_| one(10, 0)).collect();
        left.push_back(one(2 << 20, 0));
        left.push_back(one(10, 1));
        left.push_back(one(10, 0));
        left.extend((0..9).map(|_| one(1 << 19, 0)));
        let mut sizes = Vec::new();
        while !left.is_empty() {
            sizes.push(next_batch(&mut left).len());
        }
        assert_eq!(sizes, [256, 44, 1, 1, 8, 2]);
    }
}
