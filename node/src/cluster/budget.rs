//! How many bytes of operations that wait for others a node holds.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound in bytes over all slots of a node.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    /// A bound of so many bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max }
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
        self.used() + bytes > self.max
    }
}
