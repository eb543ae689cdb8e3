//! Where records wait for the writer: one buffer a thread, so that threads do not meet.
//!
//! A record takes its lsn while its stage is locked and the slots of its operation are held, and after its body is
//! there: what fails before that leaves no gap. So within a stage records ascend, and of two operations on one slot the later has the greater lsn. Between two stages the writer may find a
//! gap: a record taken from a stage that it has visited already. It writes up to the gap and finds the rest next time.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::record::{BODY_BYTES_MAX, FRAME_BYTES, Framer, Kind};

/// Bytes in a stage at which the writer is woken; below that it comes by itself.
const WAKE_BYTES: usize = 256 << 10;

/// What a stage that was emptied keeps of its memory.
const KEPT_BYTES: usize = 1 << 20;

/// The buffers of all threads.
pub struct Stages {
    framer: Framer,
    stages: Box<[Stage]>,
    next_lsn: Aligned<AtomicU64>,
    bell: Bell,
}

/// A stage with a record that is being made. If that fails, nothing of it stays.
struct Unfinished<'r> {
    records: &'r mut Vec<u8>,
    /// Bytes of whole records.
    whole: usize,
}

impl Unfinished<'_> {
    #[inline]
    fn finish(mut self) {
        self.whole = self.records.len();
    }
}

impl Drop for Unfinished<'_> {
    #[inline]
    fn drop(&mut self) {
        self.records.truncate(self.whole);
    }
}

/// On cache lines of its own.
#[repr(align(128))]
struct Aligned<T>(T);

#[repr(align(128))]
#[derive(Default)]
struct Stage {
    records: Mutex<Vec<u8>>,
    /// Their bytes, to be looked at without the lock.
    bytes: AtomicUsize,
}

fn lock(stage: &Stage) -> MutexGuard<'_, Vec<u8>> {
    stage.records.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of this thread, by which it finds its stage.
#[inline]
fn ordinal() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed));
    OWN.with(|own| *own)
}

impl Stages {
    /// Stages of so many threads, 1 at least; the next record takes `next_lsn`.
    #[must_use]
    pub fn new(framer: Framer, threads: usize, next_lsn: u64) -> Self {
        let stages = (0..threads.max(1)).map(|_| Stage::default()).collect();
        Self { framer, stages, next_lsn: Aligned(AtomicU64::new(next_lsn)), bell: Bell::default() }
    }

    /// Appends a record with what `body` appends, which is to be called with all slots of the operation held. Returns
    /// its lsn. `body_bytes` is about what it appends.
    #[inline]
    pub fn append(&self, kind: Kind, body_bytes: usize, body: impl FnOnce(&mut Vec<u8>)) -> u64 {
        if body_bytes > BODY_BYTES_MAX {
            return self.append_in_parts(kind, body, BODY_BYTES_MAX);
        }
        let stage = &self.stages[ordinal() % self.stages.len()];
        let mut records = lock(stage);
        let before = records.len();
        let unfinished = Unfinished { records: &mut records, whole: before };
        unfinished.records.extend_from_slice(&[0; FRAME_BYTES]);
        body(unfinished.records);
        if unfinished.records.len() - before > FRAME_BYTES + BODY_BYTES_MAX {
            let whole = unfinished.records.split_off(before + FRAME_BYTES);
            drop(unfinished);
            drop(records);
            return self.append_in_parts(kind, |out| *out = whole, BODY_BYTES_MAX);
        }
        let lsn = self.next_lsn.0.fetch_add(1, Ordering::Relaxed);
        self.framer.finish(&mut unfinished.records[before..], lsn, kind);
        unfinished.finish();
        self.leave(stage, before, records);
        lsn
    }

    /// Appends a record that may be longer than one can be.
    #[cold]
    pub(super) fn append_in_parts(
        &self,
        kind: Kind,
        body: impl FnOnce(&mut Vec<u8>),
        part_bytes: usize,
    ) -> u64 {
        let mut whole = Vec::new();
        body(&mut whole);
        let stage = &self.stages[ordinal() % self.stages.len()];
        let mut records = lock(stage);
        let before = records.len();
        let parts: Vec<_> = whole.chunks(part_bytes).collect();
        let first = self.next_lsn.0.fetch_add(parts.len() as u64, Ordering::Relaxed);
        let last = first + parts.len() as u64 - 1;
        for (lsn, part) in (first..).zip(parts) {
            let kind = if lsn == last { kind } else { Kind::Part };
            self.framer.put(&mut records, lsn, kind, |out| out.extend_from_slice(part));
        }
        self.leave(stage, before, records);
        last
    }

    #[inline]
    fn leave(&self, stage: &Stage, before: usize, records: MutexGuard<'_, Vec<u8>>) {
        let after = records.len();
        stage.bytes.store(after, Ordering::Relaxed);
        // While the stage is locked: the writer, which says that it sleeps and then locks each stage, finds this record,
        // or this finds it asleep.
        let asleep = self.bell.is_asleep();
        drop(records);
        if asleep || (before < WAKE_BYTES && after >= WAKE_BYTES) {
            self.bell.ring();
        }
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.stages.iter().map(|stage| stage.bytes.load(Ordering::Relaxed)).sum()
    }

    /// Whether nothing waits. Who appends after it was looked at sees what its caller did before.
    pub(super) fn is_empty(&self) -> bool {
        self.stages.iter().all(|stage| lock(stage).is_empty())
    }

    /// The greatest lsn that was given out.
    #[must_use]
    pub fn last_lsn(&self) -> u64 {
        self.next_lsn.0.load(Ordering::Relaxed) - 1
    }

    /// How many stages there are.
    pub(super) fn count(&self) -> usize {
        self.stages.len()
    }

    /// Takes what waits in stage `index`; `into`, which is empty, takes its place.
    pub(super) fn swap(&self, index: usize, into: &mut Vec<u8>) {
        let stage = &self.stages[index];
        into.shrink_to(KEPT_BYTES);
        let mut records = lock(stage);
        std::mem::swap(&mut *records, into);
        stage.bytes.store(0, Ordering::Relaxed);
    }

    /// What wakes the writer.
    #[inline]
    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }
}

/// Wakes the writer.
#[derive(Default)]
pub(super) struct Bell {
    asleep: AtomicBool,
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// Whether the writer sleeps until it is woken. It looks through the stages after saying so.
    #[inline]
    fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Acquire)
    }

    /// Says that the writer sleeps, or that it does not.
    pub(super) fn set_asleep(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::Release);
    }

    /// Wakes the writer, or keeps it from going to sleep.
    #[cold]
    pub(super) fn ring(&self) {
        self.set_asleep(false);
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *rung, true) {
            self.changed.notify_one();
        }
    }

    /// Waits until it rings, or `pause` is over; `None` waits for the bell alone.
    pub(super) fn wait(&self, pause: Option<Duration>) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rung = match pause {
            None => self.changed.wait_while(rung, |rung| !*rung).unwrap_or_else(PoisonError::into_inner),
            Some(pause) => {
                let waited = self.changed.wait_timeout_while(rung, pause, |rung| !*rung);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        *rung = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_record_that_fails_half_made_leaves_no_gap_and_no_bytes() {
        let stages = Stages::new(Framer::new(&[7; 16]), 1, 1);
        assert_eq!(stages.append(Kind::Operation, 1, |out| out.push(1)), 1);
        let failing = AssertUnwindSafe(|| stages.append(Kind::Operation, 1, |_| panic!("half made")));
        assert!(catch_unwind(failing).is_err());
        assert_eq!(stages.append(Kind::Operation, 1, |out| out.push(2)), 2);
        let mut taken = Vec::new();
        stages.swap(0, &mut taken);
        assert_eq!(taken.len(), 2 * (FRAME_BYTES + 1));
    }
}
