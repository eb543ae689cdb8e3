//! What a proxy has heard of each node.

use std::collections::BTreeMap;
use std::time::Duration;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::heartbeat::{FULL_MAX, NodeState, Pulse};
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, Incarnation};

/// The hard limit of memory, in thousandths of it.
const FULL: u16 = 1000;

/// A node as it last answered.
#[derive(Clone, Debug)]
pub struct Known {
    /// When that was.
    pub heard: Duration,
    /// When the question was sent.
    pub sent: Duration,
    /// Its cluster, if it has one.
    pub cluster: Option<ClusterId>,
    /// Epoch of its committed view.
    pub epoch: Epoch,
    /// Its data directory.
    pub incarnation: Incarnation,
    /// Its process.
    pub boot: Boot,
    /// Whether it keeps its data over a restart.
    pub is_durable: bool,
    /// How it is.
    pub state: NodeState,
    /// Memory that it uses, in bytes.
    pub used_memory: u64,
    /// Keys that it holds.
    pub keys: u64,
    /// Memory that it uses, in thousandths of its hard limit.
    pub pressure: u16,
}

/// What was heard of each node.
#[derive(Debug, Default)]
pub struct Nodes(BTreeMap<NodeName, Known>);

impl Nodes {
    /// Takes note of an answer to a question sent at `sent`; `false` if a later one was answered before.
    pub fn heard(&mut self, now: Duration, sent: Duration, node: &NodeName, pulse: &Pulse) -> bool {
        if self.0.get(node).is_some_and(|known| known.sent > sent) {
            return false;
        }
        let known = Known {
            heard: now,
            sent,
            cluster: pulse.cluster,
            epoch: pulse.epoch,
            incarnation: pulse.incarnation,
            boot: pulse.boot,
            is_durable: pulse.is_durable,
            state: pulse.state,
            used_memory: pulse.used_memory,
            keys: pulse.keys,
            pressure: pulse.pressure,
        };
        self.0.insert(node.clone(), known);
        true
    }

    /// The node has committed the view of this epoch.
    pub fn committed(&mut self, node: &NodeName, epoch: Epoch) {
        if let Some(known) = self.0.get_mut(node) {
            known.epoch = known.epoch.max(epoch);
        }
    }

    /// What was last heard of the node.
    #[must_use]
    pub fn known(&self, node: &NodeName) -> Option<&Known> {
        self.0.get(node)
    }

    /// Those whose memory is at its hard limit, at most [`FULL_MAX`].
    #[must_use]
    pub fn full(&self) -> Vec<Incarnation> {
        let full = self.0.values().filter(|known| known.pressure >= FULL);
        full.map(|known| known.incarnation).take(FULL_MAX).collect()
    }

    /// Remembers only these any more.
    pub fn keep(&mut self, is_kept: impl Fn(&NodeName) -> bool) {
        self.0.retain(|node, _| is_kept(node));
    }

    /// All that were heard.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeName, &Known)> {
        self.0.iter()
    }
}
