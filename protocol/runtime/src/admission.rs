//! How many connections there may be at once, which can be changed while the service runs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The bound, and how often it was met.
#[derive(Debug)]
pub struct Admission {
    max: AtomicUsize,
    refused: AtomicU64,
}

impl Admission {
    /// At most `max` connections at once.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max: AtomicUsize::new(max), refused: AtomicU64::new(0) }
    }

    /// Most connections at once.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// Changes the bound. Who is connected stays.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// Connections that were refused since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether one more may come beside `connections`; counts it if not.
    pub(crate) fn admits(&self, connections: usize) -> bool {
        let admits = connections < self.max();
        if !admits {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        admits
    }
}
