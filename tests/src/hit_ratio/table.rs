//! The table: a row for each trace and size of the cache, a column for each policy.

use super::arc::Arc;
use super::lfu::Lfu;
use super::lirs::Lirs;
use super::lru::Lru;
use super::node::Node;
use super::s3_fifo::S3Fifo;
use super::tiny_lfu::TinyLfu;
use super::trace::Trace;
use super::{Cache, hit_percent};

/// Sizes of the cache as shares of the keys of the trace.
const SHARES: [f64; 4] = [0.01, 0.05, 0.1, 0.25];

/// A cache is never smaller.
const KEYS_MIN: usize = 20;

/// Policies that ours is held against: the first five by the aim, S3-FIFO as published for comparison.
pub const NEIGHBOURS: [&str; 6] = ["LRU", "LFU", "ARC", "LIRS", "W-TinyLFU", "S3-FIFO"];

/// Neighbours that count for the aim.
const AIMED: usize = 5;

/// Hit ratios of one trace at one size, in percent.
pub struct Row {
    /// The trace.
    pub trace: String,
    /// Keys of the cache.
    pub capacity: usize,
    /// Of [`NEIGHBOURS`].
    pub neighbours: [f64; 6],
    /// Of the node, its keys spread over all slots.
    pub ours: f64,
    /// Of the node with sixty keys in a slot.
    pub crowded: f64,
}

impl Row {
    /// Points that ours is above exact LRU.
    #[must_use]
    pub fn over_lru(&self) -> f64 {
        self.ours - self.neighbours[0]
    }

    /// Points that ours is below the best of the five.
    #[must_use]
    pub fn below_best(&self) -> f64 {
        self.neighbours[..AIMED].iter().copied().fold(0.0, f64::max) - self.ours
    }
}

/// The rows of `trace`.
pub fn rows(trace: &Trace) -> impl Iterator<Item = Row> + '_ {
    SHARES.into_iter().map(|share| {
        let capacity = ((f64::from(trace.distinct) * share) as usize).max(KEYS_MIN);
        let (keys, run) = (trace.distinct, |mut cache: Box<dyn Cache>| hit_percent(&mut *cache, trace));
        let neighbours = [
            run(Box::new(Lru::new(keys, capacity))),
            run(Box::new(Lfu::new(keys, capacity))),
            run(Box::new(Arc::new(keys, capacity))),
            run(Box::new(Lirs::new(keys, capacity))),
            run(Box::new(TinyLfu::new(keys, capacity))),
            run(Box::new(S3Fifo::new(keys, capacity))),
        ];
        let ours = run(Box::new(Node::new(capacity, None)));
        let crowded = run(Box::new(Node::new(capacity, None).crowded(60)));
        Row { trace: trace.name.clone(), capacity, neighbours, ours, crowded }
    })
}
