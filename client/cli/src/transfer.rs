//! Keys on their way. `import`, `export`, `backup` and `restore` say from where and to where; the way is the same.
//!
//! ```text
//! server ──SCAN, DUMP──► pages ─┬─RESTORE──► server       import, restore
//! dump.rdb ──FileReader─► pages ┴─FileWriter─► dump.rdb   export, backup
//! ```
//!
//! A page is a bounded handful of keys, and the mark at which to go on behind it. Several are under way at once
//! ([`run`]); they are told done in their order, so the mark of the last one that was told is where another process can go on.
//! Repeating a page does no harm.

pub(crate) mod bring;
pub(crate) mod files;
pub(crate) mod live;
pub(crate) mod pace;
pub(crate) mod progress;
pub(crate) mod rejects;
pub(crate) mod run;
pub(crate) mod saved;
pub(crate) mod state;
pub(crate) mod stop;
pub(crate) mod target;
pub(crate) mod writer;

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ringmaster_client::{Client, Options};
use serde::{Deserialize, Serialize};

/// Longest wait for one reply, or for the replies of a page: one value may be half a gigabyte.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Most bytes of one command: the largest string of Redis, its key and frame.
const COMMAND_BYTES_MAX: u32 = 1 << 30;
/// What the process ends with when everything was done but some keys were rejected.
pub(crate) const SOME_REJECTED: u8 = 3;
/// What it ends with when it was interrupted and can go on, as shells have it for Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Runs a transfer to its end. Connections that do not answer are not waited for behind it.
///
/// # Errors
/// Those of the transfer; or there is no thread to be had.
pub(crate) fn in_runtime(
    transfer: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(transfer);
    runtime.shutdown_background();
    ended
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Its name.
    pub key: Bytes,
    /// When it expires, in Unix milliseconds.
    pub deadline: Option<u64>,
    /// What `DUMP` says of its value.
    pub payload: Bytes,
}

impl Item {
    /// Bytes of name and value.
    pub(crate) fn len(&self) -> u64 {
        (self.key.len() + self.payload.len()) as u64
    }
}

/// Where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The server, or the file.
    pub place: String,
    /// The database of a server.
    pub database: u64,
    /// The cursor of SCAN, or records of the file; [`Mark::END`] when all of it is done.
    pub at: u64,
}

impl Mark {
    /// All of a place is done. No cursor of Redis or Ringmaster has all bits.
    pub(crate) const END: u64 = u64::MAX;
}

/// What a page brings.
pub(crate) enum Load {
    /// Names of keys, whose values are still to be asked for.
    Names(Client, live::Clock, Vec<Bytes>),
    /// Keys and values.
    Items(Vec<Item>),
    /// Libraries of functions.
    Libraries(Vec<Vec<u8>>),
}

/// A handful of keys of one database.
pub(crate) struct Page {
    /// The database.
    pub database: u64,
    /// What it brings.
    pub load: Load,
    /// Where to go on behind it.
    pub mark: Mark,
    /// Bytes of files that were read when it was whole.
    pub position: u64,
}

/// Counts of what became of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Keys that are where they were to go.
    pub keys: u64,
    /// Their bytes as `DUMP` tells them.
    pub bytes: u64,
    /// Keys that were there already and were left as they are.
    pub existing: u64,
    /// Keys that had expired, or that went away before their value was read.
    pub gone: u64,
    /// Keys that could not be brought; each has its line in the file of rejects.
    pub rejected: u64,
    /// Libraries of functions.
    pub libraries: u64,
}

impl Tally {
    /// Adds the counts of another.
    pub(crate) fn add(&mut self, other: Tally) {
        self.keys += other.keys;
        self.bytes += other.bytes;
        self.existing += other.existing;
        self.gone += other.gone;
        self.rejected += other.rejected;
        self.libraries += other.libraries;
    }

    /// Keys that were looked at.
    pub(crate) fn seen(&self) -> u64 {
        self.keys + self.existing + self.gone + self.rejected
    }

    /// In words, for the end.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{} keys, {}", self.keys, progress::size(self.bytes));
        for (count, what) in [
            (self.libraries, "libraries of functions"),
            (self.existing, "were there already"),
            (self.gone, "had expired or gone"),
            (self.rejected, "rejected"),
        ] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        text
    }
}

/// How both ends are connected to, before what flags and URLs say.
pub(crate) fn options() -> Options {
    Options {
        name: Some("ringmaster-transfer".to_owned()),
        request_timeout: REQUEST_TIMEOUT,
        queue_max_bytes: COMMAND_BYTES_MAX,
        ..Options::default()
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
