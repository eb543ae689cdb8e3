//! Applies the operations of the log to a store, on several threads: each has slots of its own.
//!
//! An operation over several slots is taken apart. It was read as a whole before, so either all of its parts are
//! applied or the node does not start.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::operation::{Part, parts};
use super::record::{Bad, Record};
use super::sequence::Sequence;
use crate::store::{Restored, Store};

/// Bytes that are handed to a worker at once.
const BATCH_BYTES: usize = 256 << 10;

/// Batches that may wait for a worker.
const BATCHES_MAX: usize = 4;

/// Most workers.
const WORKERS_MAX: usize = 64;

/// Why operations could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// An operation is missing.
    #[error("slot {slot} has version {has}, and the log goes on with {next}: records are missing")]
    Gap {
        /// The slot.
        slot: u16,
        /// Its version.
        has: u64,
        /// The version that the log has.
        next: u64,
    },
    /// An effect is malformed though its checksum is right.
    #[error(
        "slot {slot}: an effect of version {version} cannot be read: {why}; `ringmaster-node check DIR` tells where"
    )]
    Effect {
        /// The slot.
        slot: u16,
        /// The version.
        version: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Hands operations to the workers.
pub struct Replayer<'s> {
    store: &'s Store,
    sequence: Sequence,
    batches: Vec<Vec<u8>>,
    workers: Vec<SyncSender<Vec<u8>>>,
}

impl Replayer<'_> {
    /// Takes the operation of a record.
    ///
    /// # Errors
    /// [`Bad::Body`]; [`Bad::Gap`] when a slot lacks an operation before it.
    pub fn operation(&mut self, record: Record<'_>) -> Result<(), Bad> {
        for part in parts(record.body)? {
            // The store is asked at a slot's first operation: before that its worker has changed nothing there.
            let begin = || Some(self.store.look(part.slot, |slot| slot.version.n));
            self.sequence.note(record.lsn, &part, begin)?;
            let worker = usize::from(part.slot.number()) % self.workers.len();
            part.encode(&mut self.batches[worker]);
            if self.batches[worker].len() >= BATCH_BYTES {
                self.send(worker);
            }
        }
        Ok(())
    }

    fn send(&mut self, worker: usize) {
        let batch = std::mem::take(&mut self.batches[worker]);
        // A worker that met an error takes everything and drops it.
        let _ = self.workers[worker].send(batch);
    }

    fn finish(&mut self) {
        (0..self.workers.len()).for_each(|worker| self.send(worker));
    }
}

/// Calls `read` with the way into `store`, which `workers` threads serve. All is applied when this returns.
///
/// # Errors
/// The first one that a worker met; the store is not to be used then.
pub fn replay<R>(
    store: &Store,
    workers: usize,
    read: impl FnOnce(&mut Replayer<'_>) -> R,
) -> Result<R, ReplayError> {
    let failure = Mutex::new(None);
    let result = thread::scope(|scope| {
        let send = |_| {
            let (send, receive) = sync_channel(BATCHES_MAX);
            let failure = &failure;
            scope.spawn(move || work(store, &receive, failure));
            send
        };
        let workers: Vec<_> = (0..workers.clamp(1, WORKERS_MAX)).map(send).collect();
        let batches = vec![Vec::new(); workers.len()];
        let mut replayer = Replayer { store, sequence: Sequence::default(), batches, workers };
        let result = read(&mut replayer);
        replayer.finish();
        result
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(result),
    }
}

fn work(store: &Store, batches: &Receiver<Vec<u8>>, failure: &Mutex<Option<ReplayError>>) {
    for batch in batches {
        let mut rest = &batch[..];
        while !rest.is_empty() {
            let part = Part::decode(&mut rest).expect("a part is read as it was written");
            if let Err(error) = restore(store, &part) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                break;
            }
        }
    }
}

fn restore(store: &Store, part: &Part<'_>) -> Result<(), ReplayError> {
    let (slot, version) = (part.slot.number(), part.version.n);
    let malformed = |why: String| ReplayError::Effect { slot, version, why };
    let effects = part.effects().map_err(|error| malformed(error.to_string()))?;
    let effects = effects.iter().map(|decoded| decoded.effect());
    match store.restore(part.slot, (part.version, part.time), effects) {
        Restored::Gap { has } => Err(ReplayError::Gap { slot, has, next: version }),
        Restored::Applied | Restored::Known => Ok(()),
    }
}
