//! Hit ratios of replacement policies, the node's among them, on made and on recorded accesses.
//!
//! The published policies are exact: they keep the lists that their papers describe. The node's is the node's own code,
//! driven through its store. All count keys, whatever their sizes.

pub mod arc;
pub mod lfu;
pub mod lirs;
pub mod lists;
pub mod lru;
pub mod node;
pub mod recorded;
pub mod s3_fifo;
pub mod table;
pub mod tiny_lfu;
pub mod trace;

/// A cache that takes what it misses.
pub trait Cache {
    /// Asks for `key`, which is below [`trace::Trace::distinct`]. Returns whether it was there.
    fn access(&mut self, key: u32) -> bool;
}

/// The share of accesses to `cache` that find their key, in percent.
pub fn hit_percent(cache: &mut dyn Cache, trace: &trace::Trace) -> f64 {
    let hits = trace.keys.iter().filter(|key| cache.access(**key)).count();
    100.0 * hits as f64 / trace.keys.len().max(1) as f64
}
