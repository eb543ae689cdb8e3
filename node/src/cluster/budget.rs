//! How many bytes of operations a node keeps for others.

use std::sync::atomic::{AtomicUsize, Ordering};

use ringmaster_protocol::slot::SLOT_COUNT;

/// Bytes that a slot may keep even when the node's budget is used up, at most.
const SLOT_BYTES_MIN: usize = 4 << 10;

/// A bound in bytes over all slots of a node.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    max: AtomicUsize,
    slot_min: AtomicUsize,
}

impl Budget {
    /// A bound of so many bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let slot_min = AtomicUsize::new(SLOT_BYTES_MIN);
        Self { used: AtomicUsize::new(0), max: AtomicUsize::new(max), slot_min }
    }

    /// Other bytes are the bound from now on: what all slots may keep when it is used up is within it.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
        self.slot_min.store(SLOT_BYTES_MIN.min(max / SLOT_COUNT), Ordering::Relaxed);
    }

    pub(super) fn slot_min(&self) -> usize {
        self.slot_min.load(Ordering::Relaxed)
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sub(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether so many more are too many.
    pub(super) fn is_short_of(&self, bytes: usize) -> bool {
        self.used() + bytes > self.max.load(Ordering::Relaxed)
    }
}
