//! Slots that wait to be copied whole, and those that are being copied: few at a time, of thousands.

use std::collections::{BTreeMap, BTreeSet};

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::slot::HashSlot;

use super::gaining::Job;

/// The slots, by how far they are. Those whose jobs are over are dropped when they are met.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeSet<HashSlot>,
    copied: BTreeSet<HashSlot>,
}

impl Queue {
    /// Whether no slot waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A slot waits to be copied.
    pub(super) fn enter(&mut self, slot: HashSlot) {
        self.waiting.insert(slot);
    }

    /// A slot is being copied.
    pub(super) fn begin(&mut self, slot: HashSlot) {
        self.waiting.remove(&slot);
        self.copied.insert(slot);
    }

    /// A slot waits no longer.
    pub(super) fn leave(&mut self, slot: HashSlot) {
        self.waiting.remove(&slot);
    }

    /// The first that wait, at most so many.
    pub(super) fn first(&self, most: usize) -> Vec<HashSlot> {
        self.waiting.iter().take(most).copied().collect()
    }

    /// In how many copies each node has a part. `source` says where a slot is copied from.
    pub(super) fn busy(
        &mut self,
        jobs: &BTreeMap<HashSlot, Job>,
        source: impl Fn(HashSlot) -> NodeName,
    ) -> BTreeMap<NodeName, usize> {
        self.copied.retain(|slot| jobs.get(slot).is_some_and(Job::is_whole_copy));
        let mut busy = BTreeMap::new();
        for slot in &self.copied {
            let newcomer = jobs.get(slot).map(|job| job.node.clone());
            for node in newcomer.into_iter().chain([source(*slot)]) {
                *busy.entry(node).or_insert(0) += 1;
            }
        }
        busy
    }
}
