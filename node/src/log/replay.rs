//! Applies the operations of the log to a store, on several threads: each has slots of its own.
//!
//! An operation over several slots is taken apart. It was read as a whole before, so either all of its parts are
//! applied or the node does not start.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use super::lineage::{WholeSlot, told};
use super::operation::{Part, parts};
use super::record::{Bad, Kind, Record};
use super::sequence::Sequence;
use crate::store::effect::encoding::varint;
use crate::store::journal::Whole;
use crate::store::slot::Slot;
use crate::store::{Restored, Store};

/// Bytes that are handed to a worker at once.
const BATCH_BYTES: usize = 256 << 10;

/// Batches that may wait for a worker.
const BATCHES_MAX: usize = 4;

/// What stands before an operation in a batch.
const PART: u8 = 0;

/// What stands before the body of a record of a whole slot, and its length.
const WHOLE: u8 = 1;

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
    /// Records up to this one each slot was loaded with, where that is known.
    loaded: Vec<Option<u64>>,
    batches: Vec<Vec<u8>>,
    workers: Vec<SyncSender<Vec<u8>>>,
}

impl Replayer<'_> {
    /// Takes the operation of a record, or the whole slot.
    ///
    /// # Errors
    /// [`Bad::Body`]; [`Bad::Gap`] when a slot lacks an operation before it.
    pub fn operation(&mut self, record: Record<'_>) -> Result<(), Bad> {
        if record.kind == Kind::Whole {
            return self.whole(record);
        }
        for part in parts(record.body)? {
            if self.is_known(part.slot, record.lsn) {
                continue;
            }
            // The store is asked at a slot's first operation: before that its worker has changed nothing there.
            let begin = || Some(self.store.look(part.slot, |slot| slot.version.n));
            self.sequence.note(record.lsn, &part, begin)?;
            let worker = usize::from(part.slot.number()) % self.workers.len();
            self.batches[worker].push(PART);
            part.encode(&mut self.batches[worker]);
            self.send_full(worker);
        }
        Ok(())
    }

    fn whole(&mut self, record: Record<'_>) -> Result<(), Bad> {
        let whole = told(record.body)?;
        if self.is_known(whole.slot, record.lsn) {
            return Ok(());
        }
        self.sequence.replace(whole.slot, whole.history.version().n);
        let worker = usize::from(whole.slot.number()) % self.workers.len();
        let batch = &mut self.batches[worker];
        batch.push(WHOLE);
        varint::put(batch, record.body.len() as u64);
        batch.extend_from_slice(record.body);
        self.send_full(worker);
        Ok(())
    }

    /// Whether the slot was loaded with what this record tells. Numbers of versions cannot say so where a slot has begun
    /// anew.
    fn is_known(&mut self, slot: HashSlot, lsn: u64) -> bool {
        let loaded = &mut self.loaded[slot.index()];
        // Asked at the slot's first record, as its version is.
        let loaded = *loaded.get_or_insert_with(|| self.store.look(slot, Slot::loaded_lsn));
        lsn <= loaded
    }

    fn send_full(&mut self, worker: usize) {
        if self.batches[worker].len() >= BATCH_BYTES {
            self.send(worker);
        }
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
        let (sequence, loaded) = (Sequence::default(), vec![None; SLOT_COUNT]);
        let mut replayer = Replayer { store, sequence, loaded, batches, workers };
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
            if let Err(error) = restore_next(store, &mut rest) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                break;
            }
        }
    }
}

/// Applies what comes next in a batch.
fn restore_next(store: &Store, rest: &mut &[u8]) -> Result<(), ReplayError> {
    const WRITTEN: &str = "a batch is read as it was written";
    let (kind, behind) = rest.split_first().expect(WRITTEN);
    *rest = behind;
    if *kind == PART {
        return restore(store, &Part::decode(rest).expect(WRITTEN));
    }
    let len = varint::take(rest).ok().and_then(|len| usize::try_from(len).ok()).expect(WRITTEN);
    let (body, behind) = rest.split_at(len);
    *rest = behind;
    let WholeSlot { slot, born, history, time, effects } = told(body).expect(WRITTEN);
    let version = history.version().n;
    let restored = store.restore_whole(slot, &Whole { born, history: &history, time, effects });
    restored.map_err(|error| ReplayError::Effect { slot: slot.number(), version, why: error.to_string() })
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
