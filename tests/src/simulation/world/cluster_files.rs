//! The cluster.yaml of a run, and its edits: each proxy sees them at its own time.

use ringmaster_protocol::cluster_file::ClusterFile;

use super::{Event, World};
use crate::simulation::message::{NodeId, ProxyId};
use crate::simulation::settings::Fault;

/// Greatest weight that chance gives a node.
const WEIGHT_MAX: usize = 50;

impl World {
    /// How many copies the latest file wants.
    pub(super) fn copies(&self) -> usize {
        self.files.last().map_or(self.settings.replicas, |file| file.replicas)
    }

    /// The text with these nodes and weights and so many copies, checked.
    fn file_of(&self, nodes: &[(NodeId, usize)], replicas: usize) -> ClusterFile {
        let node = |(at, weight): &(NodeId, usize)| {
            format!("  - {{name: n{at}, address: 'n{at}:1', weight: {weight}}}\n")
        };
        let nodes: String = nodes.iter().map(node).collect();
        let lease = self.settings.lease.as_millis();
        let text = format!("replicas: {replicas}\ntimeouts: {{lease: {lease}ms}}\nnodes:\n{nodes}");
        ClusterFile::parse("cluster.yaml", &text).expect("a cluster.yaml")
    }

    /// All nodes for all proxies, or for each proxy its own; each node as much as the others.
    pub(super) fn write_first_files(&mut self) {
        let mut all = self.settings.files.clone();
        if all.is_empty() {
            all = vec![(0..self.nodes.len()).collect()];
        } else {
            self.seen_files = (0..self.proxies.len()).collect();
        }
        let even = |nodes: &Vec<NodeId>| nodes.iter().map(|at| (*at, 1)).collect::<Vec<_>>();
        let copies = self.settings.replicas;
        self.files = all.iter().map(|nodes| self.file_of(&even(nodes), copies)).collect();
    }

    /// The file names these nodes from now on, for all proxies.
    pub fn write_file(&mut self, nodes: &[NodeId]) {
        let nodes: Vec<(NodeId, usize)> = nodes.iter().map(|at| (*at, 1)).collect();
        let file = self.file_of(&nodes, self.copies());
        self.files.push(file);
        self.show_files();
    }

    /// The file wants so many copies from now on, for all proxies.
    pub fn write_copies(&mut self, replicas: usize) {
        let Some(last) = self.files.last() else { return };
        let file = ClusterFile { replicas, ..last.clone() };
        self.files.push(file);
        self.show_files();
    }

    /// Somebody edits the file: some nodes, as many as are needed at least, with new weights. Each proxy sees that
    /// within two seconds.
    pub(super) fn edit(&mut self) {
        let mut left: Vec<NodeId> = (0..self.nodes.len()).collect();
        let copies =
            if self.settings.edits_copies { 1 + self.random.below(3) } else { self.settings.replicas };
        // Two nodes are no majority without each other: where a register can be lost there are three.
        let has_losses = self.settings.faults.contains(&Fault::Wipe);
        let needed = copies.max(left.len() - 1).max(if has_losses { 3 } else { 0 });
        while left.len() > needed && self.random.chance(500) {
            let out = self.random.below(left.len());
            left.remove(out);
        }
        let nodes: Vec<(NodeId, usize)> =
            left.into_iter().map(|at| (at, 1 + self.random.below(WEIGHT_MAX))).collect();
        let file = self.file_of(&nodes, copies);
        if self.files.contains(&file) {
            return;
        }
        self.note(|| format!("cluster.yaml: {copies} copies, {nodes:?}"));
        self.files.push(file);
        for proxy in 0..self.proxies.len() {
            let seen_in = self.random.millis(0, 2000);
            self.queue(seen_in, Event::File(proxy, self.files.len() - 1));
        }
    }

    /// A proxy has this file from now on; never one that is older than what it has.
    pub(super) fn file_seen(&mut self, at: ProxyId, file: usize) {
        if self.seen_files[at] >= file {
            return;
        }
        self.seen_files[at] = file;
        let clock_now = |clock: &crate::simulation::clock::Clock| clock.shows(self.now);
        if let Some(proxy) = &mut self.proxies[at].inner {
            let now = clock_now(&proxy.clock);
            proxy.control.file_changed(now, &self.files[file]);
        }
        self.plan_proxy(at);
    }

    /// All proxies have the latest file.
    pub(super) fn show_files(&mut self) {
        let latest = self.files.len() - 1;
        (0..self.proxies.len()).for_each(|at| self.file_seen(at, latest));
    }
}
