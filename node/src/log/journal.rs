//! The log as the store's journal, and what a connection has to wait for when every answer is to be durable.
//!
//! With [`Fsync::Always`] each slot has the lsn of its last record. A thread that locks a slot notes that lsn, and a
//! connection does not write its replies before the greatest that its turns have noted is durable. So a reader, too,
//! never sees what a loss of power could take back.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use super::record::Kind;
use super::{Fsync, Log, lineage, operation};
use crate::store::journal::{Journal, Section, Whole};

thread_local! {
    /// The greatest lsn of what the task at hand has seen in this turn.
    static SEEN: Cell<u64> = const { Cell::new(0) };
}

/// Notes that the task at hand has seen the record `lsn`.
#[inline]
fn note_seen(lsn: u64) {
    SEEN.with(|seen| seen.set(seen.get().max(lsn)));
}

/// The greatest lsn seen since the last call or the task's turn began; 0 when nothing has to be waited for.
#[inline]
#[must_use]
pub fn take_seen() -> u64 {
    SEEN.with(|seen| seen.replace(0))
}

/// Runs `task`; what its turns see and it does not take itself is kept in `own`.
pub async fn seeing<F: Future>(own: &Cell<u64>, task: F) -> F::Output {
    let mut task = pin!(task);
    poll_fn(|context| {
        // What another task of the thread has seen is not its business.
        let _ = take_seen();
        let poll = task.as_mut().poll(context);
        own.set(own.get().max(take_seen()));
        poll
    })
    .await
}

/// Writes operations to the log.
pub struct Recorder {
    log: Arc<Log>,
    /// The last lsn of each slot, where readers wait for it.
    last: Option<Box<[AtomicU64]>>,
}

impl Recorder {
    /// To `log`.
    #[must_use]
    pub fn new(log: Arc<Log>) -> Self {
        let last =
            (log.fsync() == Fsync::Always).then(|| (0..SLOT_COUNT).map(|_| AtomicU64::new(0)).collect());
        Self { log, last }
    }
}

/// Appends a record that belongs to no slot; its writer waits for it like for its own operations.
pub fn append_beside(log: &Log, kind: Kind, body: &[u8]) {
    let lsn = log.append(kind, body.len(), |out| out.extend_from_slice(body));
    if log.fsync() == Fsync::Always {
        note_seen(lsn);
    }
}

impl Journal for Recorder {
    #[inline]
    fn commit(&self, parts: &[(HashSlot, &Section)]) {
        let bytes = parts.iter().map(|(_, section)| operation::bytes_max(section)).sum::<usize>() + 10;
        let lsn = self.log.append(Kind::Operation, bytes, |out| {
            operation::begin(out, parts.len());
            parts.iter().for_each(|(slot, section)| operation::put(out, *slot, section));
        });
        if let Some(last) = &self.last {
            // The slots are held, so nobody reads it before.
            parts.iter().for_each(|(slot, _)| last[slot.index()].store(lsn, Ordering::Relaxed));
            note_seen(lsn);
        }
    }

    fn replaced(&self, slot: HashSlot, whole: &Whole<'_>) {
        let mut body = Vec::new();
        lineage::put_whole(&mut body, slot, whole);
        let lsn = self.log.append(Kind::Whole, body.len(), |out| out.extend_from_slice(&body));
        if let Some(last) = &self.last {
            last[slot.index()].store(lsn, Ordering::Relaxed);
            note_seen(lsn);
        }
    }

    fn refuses(&self) -> bool {
        self.log.status().refuses()
    }

    #[inline]
    fn looks(&self) -> bool {
        self.last.is_some()
    }

    fn look(&self, slot: HashSlot) {
        if let Some(last) = &self.last {
            note_seen(last[slot.index()].load(Ordering::Relaxed));
        }
    }
}
