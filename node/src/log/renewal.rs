//! How a log that is broken begins anew: a snapshot has all that the log has lost.
//!
//! ```text
//! who takes the snapshot               the writer
//! ask ───────────────────────────────► keeps what is appended from now on, still drops what was appended before
//! take it: it has all that is dropped
//! begin with its first record ───────► a fresh segment from that record on; then writes are accepted
//! ```
//! Until the last step nothing but the snapshot is on the disk, so power may be lost at any time.

use std::io;
use std::sync::{Mutex, PoisonError};

/// How far a renewal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    /// None is under way.
    #[default]
    None,
    /// Somebody has asked for one.
    Asked,
    /// What is appended is kept.
    Keeping,
    /// The snapshot is in place: the log is to go on with this record.
    Begin(u64),
    /// That could not be done.
    Failed(String),
}

/// The step, between the two threads.
#[derive(Default)]
pub(super) struct Renewal(Mutex<Step>);

impl Renewal {
    /// Where it is.
    pub(super) fn step(&self) -> Step {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on to `step`.
    pub(super) fn set(&self, step: Step) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    /// What came of [`Step::Begin`], once it has ended.
    pub(super) fn ended(&self) -> Option<io::Result<()>> {
        match self.step() {
            Step::None => Some(Ok(())),
            Step::Failed(why) => Some(Err(io::Error::other(why))),
            _ => None,
        }
    }
}
