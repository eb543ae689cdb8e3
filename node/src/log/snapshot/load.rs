//! Fills a store from the newest snapshot: one thread reads, several check, decompress and apply, each slots of its own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::file::Input;
use super::format::{Framer, Kind, PREFIX_BYTES, block_bytes, decompress, of_chains, portion};
use super::list;
use crate::log::disk::Disk;
use crate::log::record::{Bad, DataId};
use crate::log::recovery::{Begin, Damage, Found, RecoveryError};
use crate::store::Store;

/// Bytes of blocks that are handed to a worker at once.
const BATCH_BYTES: usize = 256 << 10;

/// Batches that may wait for a worker.
const BATCHES_MAX: usize = 4;

/// Most workers.
const WORKERS_MAX: usize = 64;

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The snapshot's file.
    pub file: String,
    /// The log is to be read from this record on.
    pub start_lsn: u64,
    /// The log must reach this record; 0 if it begins anew with [`Loaded::start_lsn`].
    pub end_lsn: u64,
    /// Keys in it.
    pub keys: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// The libraries of functions, as they were handed to the snapshot.
    pub libraries: Vec<Vec<u8>>,
}

impl Loaded {
    /// Where the log that goes with it is to be read.
    #[must_use]
    pub fn log(&self) -> Begin {
        if self.end_lsn == 0 { Begin::Anew(self.start_lsn) } else { Begin::At(self.start_lsn) }
    }

    /// Whether the log that was read from [`Loaded::start_lsn`] on has all that belongs to the snapshot.
    ///
    /// # Errors
    /// [`RecoveryError::Damaged`]: its end is missing.
    pub fn check(&self, log: &Found) -> Result<(), RecoveryError> {
        let found = log.last_lsn();
        if found >= self.end_lsn {
            return Ok(());
        }
        let bad = Bad::Order { expected: self.end_lsn, found };
        Err(RecoveryError::Damaged(Damage { file: self.file.clone(), offset: 0, bad }))
    }
}

/// Blocks with their places in the file.
type Batch = (Vec<u8>, Vec<u64>);

/// Loads the newest snapshot of `disk` into `store`, which is empty, on `workers` threads; `None` if there is none.
/// `progress` hears of the bytes read, and of those of the file.
///
/// # Errors
/// [`RecoveryError`]: the store is not to be used then.
pub fn load(
    disk: &dyn Disk,
    data_id: &DataId,
    store: &Store,
    workers: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<Loaded>, RecoveryError> {
    let Some((start_lsn, file)) = list(disk)?.pop() else { return Ok(None) };
    let mut input = Input::open(disk, file.clone(), data_id, start_lsn)?;
    let (end_lsn, bytes) = (input.trailer().end_lsn, input.size());
    let mut loaded = Loaded { file, start_lsn, end_lsn, bytes, ..Loaded::default() };
    let met = Met { damage: Mutex::new(None), framer: Framer::new(data_id), store };
    let read = thread::scope(|scope| {
        let start = |_| {
            let (send, receive) = sync_channel(BATCHES_MAX);
            let met = &met;
            scope.spawn(move || met.work(&receive));
            send
        };
        let workers: Vec<_> = (0..workers.clamp(1, WORKERS_MAX)).map(start).collect();
        let batches = workers.iter().map(|_| Batch::default()).collect();
        let mut reading = Reading { input: &mut input, framer: met.framer, workers, batches };
        reading.run(&mut loaded.libraries, progress)
    });
    let damage = met.damage.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((offset, bad)) = damage {
        return Err(input.damage(offset, bad));
    }
    read?;
    loaded.keys = input.trailer().keys;
    Ok(Some(loaded))
}

/// The thread that reads.
struct Reading<'r> {
    input: &'r mut Input,
    framer: Framer,
    workers: Vec<SyncSender<Batch>>,
    batches: Vec<Batch>,
}

impl Reading<'_> {
    fn run(
        &mut self,
        libraries: &mut Vec<Vec<u8>>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), RecoveryError> {
        let size = self.input.size();
        loop {
            let offset = self.input.offset();
            let Some((head, block)) = self.input.next()? else { break };
            if head.kind == Kind::Library {
                let text = library(self.framer, block).map_err(|bad| self.input.damage(offset, bad))?;
                libraries.push(text);
                continue;
            }
            let worker = usize::from(head.slot) % self.workers.len();
            let batch = &mut self.batches[worker];
            batch.0.extend_from_slice(block);
            batch.1.push(offset);
            if batch.0.len() >= BATCH_BYTES {
                self.send(worker);
                progress(offset, size);
            }
        }
        (0..self.workers.len()).for_each(|worker| self.send(worker));
        progress(size, size);
        Ok(())
    }

    fn send(&mut self, worker: usize) {
        // A worker that met damage takes everything and drops it.
        let _ = self.workers[worker].send(std::mem::take(&mut self.batches[worker]));
    }
}

fn library(framer: Framer, block: &[u8]) -> Result<Vec<u8>, Bad> {
    let (head, payload) = framer.take(block)?;
    let mut text = Vec::new();
    decompress(&head, payload, &mut text)?;
    Ok(text)
}

/// What the workers share.
struct Met<'m> {
    /// The damage that was met first in the file, with its place.
    damage: Mutex<Option<(u64, Bad)>>,
    framer: Framer,
    store: &'m Store,
}

impl Met<'_> {
    fn work(&self, batches: &Receiver<Batch>) {
        let mut raw = Vec::new();
        for (blocks, offsets) in batches {
            let mut rest = &blocks[..];
            for offset in offsets {
                let total = block_bytes(&rest[..PREFIX_BYTES]).expect("the reader has looked at it");
                let (block, behind) = rest.split_at(total);
                rest = behind;
                if let Err(bad) = self.apply(block, &mut raw) {
                    self.note(offset, bad);
                }
            }
        }
    }

    fn apply(&self, block: &[u8], raw: &mut Vec<u8>) -> Result<(), Bad> {
        let (head, payload) = self.framer.take(block)?;
        decompress(&head, payload, raw)?;
        let (slot, portion) = portion(&head, raw)?;
        let of_chains = of_chains(raw)?;
        self.store.load(slot, &portion).map_err(|_| Bad::Body)?;
        if let Some((born, history, lsn)) = of_chains {
            self.store.set_recovered(slot, born, history, lsn);
        }
        Ok(())
    }

    fn note(&self, offset: u64, bad: Bad) {
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        if damage.is_none_or(|(first, _)| offset < first) {
            *damage = Some((offset, bad));
        }
    }
}
