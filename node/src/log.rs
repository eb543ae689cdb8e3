//! The log: every operation of the node on disk, in segments of checksummed records, and back from there.
//!
//! ```text
//! data threads ──append──► stages, one a thread ──gather, merge by lsn──► writer ──► wal-….log ──sync──► durable
//! start:  segments ──check each record──► by slot to workers ──► store
//! ```
//! A record takes its number, the *lsn*, while the slots of its operation are still held, so that the order of
//! records agrees with that of every slot. The format is told in docs/PERSISTENCE.md.

pub mod check;
pub mod disk;
pub mod identity;
pub mod journal;
pub mod lineage;
pub mod operation;
mod pieces;
pub mod record;
pub mod recovery;
pub mod register;
mod renewal;
pub mod replay;
mod runner;
mod segment;
mod sequence;
pub mod snapshot;
pub mod stage;
mod status;
mod waiters;
pub mod writer;

pub use runner::Log;
pub use status::{Refusal, Status};

use std::time::Duration;

use serde::Deserialize;

/// When what is written is made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// Before it is acknowledged or shown to anybody.
    Always,
    /// Once a second, beside the writing.
    #[default]
    Everysec,
    /// When the operating system likes to, and at the end of a segment.
    No,
}

impl Fsync {
    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everysec => "everysec",
            Self::No => "no",
        }
    }
}

/// How the log is written.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When it is made durable.
    pub fsync: Fsync,
    /// Threads that append at once; more are served, more slowly. At least 1.
    pub threads: usize,
    /// Bytes appended and not yet written, above which writers wait. Default 64 MiB.
    pub staged_bytes_max: usize,
    /// Bytes written and not yet durable, above which nothing is written until a sync ends. Default 256 MiB.
    pub unsynced_bytes_max: u64,
    /// Bytes at which a segment ends. Default 64 MiB.
    pub segment_bytes: u64,
}

impl Settings {
    /// Pause between two syncs of [`Fsync::Everysec`].
    pub const SYNC_PAUSE: Duration = Duration::from_secs(1);

    /// The defaults for so many threads.
    #[must_use]
    pub fn new(fsync: Fsync, threads: usize) -> Self {
        Self {
            fsync,
            threads,
            staged_bytes_max: 64 << 20,
            unsynced_bytes_max: 256 << 20,
            segment_bytes: 64 << 20,
        }
    }
}

#[cfg(test)]
mod tests;
