//! Asks every node of a cluster.yaml how it is, all at once.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use ringmaster_protocol::cluster_file::{ClusterFile, Node, NodeName};
use ringmaster_protocol::heartbeat::Pulse;
use ringmaster_protocol::register::{Answer, Refusal};
use ringmaster_protocol::view::View;
use ringmaster_proxy::cluster::post::{Notice, Progress};

use super::link::Link;

/// What the nodes said.
pub(super) struct Answers {
    /// Each node of the file, and what it said or why it did not.
    pub(super) nodes: Vec<(Node, io::Result<Pulse>)>,
}

impl Answers {
    /// Asks.
    pub(super) fn of(file: &ClusterFile) -> Self {
        let ask = |node: &Node| Link::open(&node.address)?.beat();
        let nodes = std::thread::scope(|scope| {
            let asked: Vec<_> =
                file.nodes.iter().map(|node| (node, scope.spawn(move || ask(node)))).collect();
            let panicked = |_| Err(io::Error::other("the thread that asked it panicked"));
            asked
                .into_iter()
                .map(|(node, thread)| (node.clone(), thread.join().unwrap_or_else(panicked)))
                .collect()
        });
        Self { nodes }
    }

    /// Whether no node answered.
    pub(super) fn nobody(&self) -> bool {
        self.nodes.iter().all(|(_, answer)| answer.is_err())
    }

    /// What the nodes that answered said.
    pub(super) fn pulses(&self) -> impl Iterator<Item = (&Node, &Pulse)> {
        self.nodes.iter().filter_map(|(node, answer)| Some((node, answer.as_ref().ok()?)))
    }

    /// What a node said.
    pub(super) fn pulse(&self, name: &NodeName) -> Option<&Pulse> {
        self.pulses().find(|(node, _)| node.name == *name).map(|(_, pulse)| pulse)
    }

    /// The latest view that a node holds, of the cluster that most nodes belong to.
    pub(super) fn view(&self) -> Option<Arc<View>> {
        let mut by_cluster: BTreeMap<u128, Vec<Arc<View>>> = BTreeMap::new();
        for view in self.pulses().filter_map(|(_, pulse)| view_of(pulse)) {
            by_cluster.entry(view.cluster().0).or_default().push(view);
        }
        let most = by_cluster.into_values().max_by_key(Vec::len)?;
        most.into_iter().max_by_key(|view| view.epoch())
    }

    /// How far the proxy is that moves slots, if one does.
    pub(super) fn progress(&self) -> Option<Progress> {
        let posts = self.pulses().flat_map(|(_, pulse)| &pulse.posts);
        let latest = posts.filter_map(|post| Some((post.age_ms, Notice::decode(&post.bytes)?.progress?)));
        latest.min_by_key(|(age, _)| *age).map(|(_, progress)| progress)
    }
}

/// A node tells its view to who asks under none.
pub(super) fn view_of(pulse: &Pulse) -> Option<Arc<View>> {
    match &pulse.lease {
        Answer::Refused(Refusal::Later(view)) => Some(Arc::clone(view)),
        _ => None,
    }
}
