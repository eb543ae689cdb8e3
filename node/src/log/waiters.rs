//! The tasks that wait for a record to be durable, or for room.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// Wakers by their tasks, each with the lsn that it waits for: as many as there are clients at most.
#[derive(Default)]
pub(super) struct Waiters(Mutex<HashMap<usize, (u64, Waker)>>);

impl Waiters {
    /// Wakes `waker` when `lsn` is reached, and for nothing that it waited for before.
    pub(super) fn add(&self, lsn: u64, waker: &Waker) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(waker.data().addr(), (lsn, waker.clone()));
    }

    /// Wakes those who wait for `reached` or less.
    pub(super) fn wake(&self, reached: u64) {
        let due: Vec<_> = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extract_if(|_, (lsn, _)| *lsn <= reached).collect()
        };
        due.into_iter().for_each(|(_, (_, waker))| waker.wake());
    }
}
