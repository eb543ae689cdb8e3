//! Channels with their subscribers, spread over lots by hash.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Members, Subscriber};
use crate::store::key::hash_of;

/// Number of lots: threads that publish on different channels rarely meet.
const LOTS: usize = 64;

/// The channels of one lot.
pub(super) type Lot = HashMap<Box<[u8]>, Members>;

/// All channels of one kind.
pub(super) struct Lots {
    lots: [Mutex<Lot>; LOTS],
    /// Channels of all lots.
    len: AtomicUsize,
}

impl Default for Lots {
    fn default() -> Self {
        Self { lots: std::array::from_fn(|_| Mutex::default()), len: AtomicUsize::new(0) }
    }
}

impl Lots {
    /// The lot of `channel`, held.
    #[expect(clippy::cast_possible_truncation, reason = "the low bits of a hash are a hash")]
    pub(super) fn lot(&self, channel: &[u8]) -> MutexGuard<'_, Lot> {
        lock(&self.lots[hash_of(channel) as usize % LOTS])
    }

    /// Channels with a subscriber.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Enters a subscriber with the id of its client.
    pub(super) fn add(&self, channel: &[u8], (id, subscriber): (u64, Subscriber)) {
        let mut lot = self.lot(channel);
        let members = lot.entry(channel.into()).or_default();
        let is_new = members.is_empty();
        members.insert(id, subscriber);
        if is_new {
            self.len.fetch_add(1, Ordering::Release);
        }
    }

    pub(super) fn remove(&self, channel: &[u8], id: u64) {
        let mut lot = self.lot(channel);
        let Some(members) = lot.get_mut(channel) else { return };
        members.remove(&id);
        if members.is_empty() {
            lot.remove(channel);
            self.len.fetch_sub(1, Ordering::Release);
        }
    }

    /// The channels that fit.
    pub(super) fn names(&self, fits: impl Fn(&[u8]) -> bool) -> Vec<Box<[u8]>> {
        let mut names = Vec::new();
        for lot in &self.lots {
            names.extend(lock(lot).keys().filter(|name| fits(name)).cloned());
        }
        names
    }
}

fn lock(lot: &Mutex<Lot>) -> MutexGuard<'_, Lot> {
    lot.lock().unwrap_or_else(PoisonError::into_inner)
}
