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
    /// Its clock in Unix milliseconds.
    pub clock_ms: u64,
}

impl Known {
    /// Milliseconds that its clock showed when ours began: the same for all nodes whose clocks are right.
    fn clock_offset(&self) -> i128 {
        i128::from(self.clock_ms) - self.heard.as_millis() as i128
    }
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
            clock_ms: pulse.clock_ms,
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

    /// How many seconds a node's clock is ahead of that of the middle one of the nodes; negative where it is behind.
    #[must_use]
    pub fn clock_ahead(&self, node: &NodeName) -> i64 {
        let mut offsets: Vec<i128> = self.0.values().map(Known::clock_offset).collect();
        offsets.sort_unstable();
        let middle = offsets.get(offsets.len().saturating_sub(1) / 2).copied().unwrap_or(0);
        let own = self.0.get(node).map_or(middle, Known::clock_offset);
        ((own - middle) / 1000) as i64
    }

    /// The first other name, in their order, of the data directory that a node answers with.
    #[must_use]
    pub fn namesake(&self, node: &NodeName) -> Option<&NodeName> {
        let own = self.0.get(node)?.incarnation;
        let same = self.0.iter().find(|(_, known)| known.incarnation == own)?.0;
        (same < node).then_some(same)
    }

    /// All that were heard.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeName, &Known)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ms, name};
    use super::*;
    use ringmaster_protocol::register::Answer;

    fn pulse(incarnation: u128, clock_ms: u64) -> Pulse {
        Pulse {
            cluster: None,
            epoch: Epoch::default(),
            incarnation: Incarnation(incarnation),
            boot: Boot(incarnation),
            is_durable: false,
            state: NodeState::Ready,
            lease: Answer::Confirmed,
            posts: Vec::new(),
            used_memory: 0,
            keys: 0,
            pressure: 0,
            excess: 0,
            due: Vec::new(),
            clock_ms,
        }
    }

    #[test]
    fn a_clock_that_differs_from_most_is_told_from_them() {
        let mut nodes = Nodes::default();
        for (at, (node, clock)) in [("a", 500_000), ("b", 500_100), ("c", 440_200)].into_iter().enumerate() {
            nodes.heard(ms(100 * at as u64), ms(0), &name(node), &pulse(at as u128, clock));
        }
        assert_eq!(["a", "b", "c"].map(|node| nodes.clock_ahead(&name(node))), [0, 0, -60]);
    }

    #[test]
    fn a_node_under_two_names_is_known_by_the_first() {
        let mut nodes = Nodes::default();
        for (node, incarnation) in [("a", 1), ("b", 2), ("c", 1)] {
            nodes.heard(ms(0), ms(0), &name(node), &pulse(incarnation, 0));
        }
        assert_eq!(nodes.namesake(&name("c")), Some(&name("a")));
        assert_eq!((nodes.namesake(&name("a")), nodes.namesake(&name("b"))), (None, None));
    }
}
