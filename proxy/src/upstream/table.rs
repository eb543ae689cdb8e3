//! The connections of one thread, by place of the node in the topology.

use std::rc::Rc;
use std::sync::Arc;

use ringmaster_protocol::resp::Protocol;

use super::{Upstream, UpstreamContext};
use crate::telemetry::NodeStatus;

/// Databases and protocols that a node can be connected for, and one more.
pub(crate) const LANES: usize = 33;

/// What a connection to a node is set up for: one database, one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lane(u8);

impl Lane {
    /// Database 0, RESP2.
    pub(crate) const FIRST: Self = Self(0);

    /// What the proxy does by itself: nothing of a client stands before it. As [`Lane::FIRST`] else.
    pub(crate) const OWN: Self = Self(32);

    /// Its place among all, below [`LANES`].
    pub(crate) fn index(self) -> usize {
        usize::from(self.0) % LANES
    }

    /// `database` is below 16.
    pub(crate) fn new(database: u8, protocol: Protocol) -> Self {
        Self(database % 16 * 2 + u8::from(protocol == Protocol::Resp3))
    }

    /// The database, below 16.
    pub(crate) fn database(self) -> u8 {
        self.0 / 2 % 16
    }

    /// The protocol.
    pub(crate) fn protocol(self) -> Protocol {
        if self.0 % 2 == 1 { Protocol::Resp3 } else { Protocol::Resp2 }
    }
}

/// The connections to one node.
struct NodeLinks {
    status: Arc<NodeStatus>,
    lanes: [Option<Rc<Upstream>>; LANES],
}

/// The connections of one thread to all nodes of the topology.
pub(crate) struct Links {
    context: Rc<UpstreamContext>,
    nodes: Vec<NodeLinks>,
}

impl Links {
    pub(crate) fn new(context: Rc<UpstreamContext>) -> Self {
        Self { context, nodes: Vec::new() }
    }

    /// The connection to the node at place `node` of the topology; opened when it is first needed.
    #[inline]
    pub(crate) fn get(&mut self, node: usize, lane: Lane) -> &Rc<Upstream> {
        let links = &mut self.nodes[node];
        let (status, context) = (&links.status, &self.context);
        links.lanes[lane.index()]
            .get_or_insert_with(|| Upstream::open(Arc::clone(status), lane, Rc::clone(context)))
    }

    /// What all connections of the thread share.
    pub(crate) fn context(&self) -> &Rc<UpstreamContext> {
        &self.context
    }

    /// Number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node at place `node` of the topology.
    pub(crate) fn node(&self, node: usize) -> &Arc<NodeStatus> {
        &self.nodes[node].status
    }

    /// Takes over a new topology: nodes that stay keep their connections, those that left finish theirs. Every node
    /// is connected at once for database 0 and RESP2, so that the first command does not wait and health is known.
    pub(crate) fn adopt(&mut self, nodes: impl Iterator<Item = Arc<NodeStatus>>) {
        let mut old = std::mem::take(&mut self.nodes);
        for status in nodes {
            let place = old.iter().position(|links| Arc::ptr_eq(&links.status, &status));
            let links = place.map(|place| old.swap_remove(place));
            self.nodes.push(links.unwrap_or_else(|| NodeLinks { status, lanes: [const { None }; LANES] }));
        }
        for gone in old.iter().flat_map(|links| links.lanes.iter().flatten()) {
            gone.retire();
        }
        for node in 0..self.nodes.len() {
            self.get(node, Lane::FIRST);
        }
    }
}
