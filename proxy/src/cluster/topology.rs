//! The topology: all that the data path needs to know of the cluster, as one immutable value.
//!
//! A thread loads it once a batch. The first one comes from the cluster.yaml that the proxy starts with, each later
//! one from its predecessor and an accepted change of the file.

mod chains;

use super::ring::{self, Ranking, RingNode};
use ringmaster_protocol::cluster_file::{ClusterFile, Node, NodeAddress, NodeName};
use ringmaster_protocol::config::Millis;
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{
    Boot, ClusterId, ConfigDigest, Epoch, Incarnation, Member, MemberIndex, View, ViewError, ViewParts,
};

/// Lease of a view, until cluster.yaml has a word for it.
const LEASE: Millis = Millis::new(500);

/// Place of a node in [`Topology::nodes`] and in the members of its view. It means nothing in another topology.
pub type NodeIndex = MemberIndex;

/// A node under one name at one address. It stays the same over changes of the cluster.yaml, and no other node gets it
/// while the process lives: connections are kept by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

#[cfg(test)]
impl NodeId {
    /// An id that no topology gives.
    pub(crate) fn for_test() -> Self {
        Self(0)
    }
}

/// What the data path knows of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Stays the same while name and address do.
    pub id: NodeId,
    /// Unique in the cluster.
    pub name: NodeName,
    /// Where to connect.
    pub address: NodeAddress,
    /// Where it stands; empty if not given.
    pub zone: String,
    /// Its share of the slots relative to the others.
    pub weight: u32,
    /// How many slots it has: 0..=16384.
    pub slots: usize,
}

/// Why a cluster.yaml makes no topology. One that [`ClusterFile::parse`] accepted always does.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// There is no node that may hold slots.
    #[error("no node has a weight")]
    NoWeight,
    /// The nodes make no view.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// The cluster in one epoch.
#[derive(Debug)]
pub struct Topology {
    file: ClusterFile,
    view: View,
    nodes: Vec<NodeInfo>,
    node_of: Box<[u16; SLOT_COUNT]>,
    /// Places of the nodes in the order of their names.
    by_name: Vec<usize>,
    ids_used: u64,
}

impl Topology {
    /// The topology that a proxy starts with, in the first epoch.
    ///
    /// # Errors
    /// The nodes make no view.
    pub fn first(file: ClusterFile) -> Result<Self, TopologyError> {
        Self::make(file, None)
    }

    /// The topology after a change of the file, one epoch later. Nodes keep their ids, and slots that stay where they
    /// are keep their chains.
    ///
    /// # Errors
    /// The nodes make no view.
    pub fn next(&self, file: ClusterFile) -> Result<Self, TopologyError> {
        Self::make(file, Some(self))
    }

    fn make(file: ClusterFile, before: Option<&Self>) -> Result<Self, TopologyError> {
        let node_of = place(&file.nodes).ok_or(TopologyError::NoWeight)?;
        let epoch = before.map_or(Epoch::FIRST, |before| before.epoch().next());
        let view = View::new(ViewParts {
            cluster: ClusterId::default(),
            epoch,
            members: file.nodes.iter().map(member).collect(),
            acceptors: Vec::new(),
            lease: LEASE,
            longest_lease: LEASE,
            hash_seed: 0,
            config: ConfigDigest::default(),
            superseded: Vec::new(),
            chains: chains::of(&node_of, &file.nodes, epoch, before.map(|before| &before.view)),
        })?;
        let mut ids_used = before.map_or(0, |before| before.ids_used);
        let mut nodes: Vec<NodeInfo> =
            file.nodes.iter().map(|node| NodeInfo::new(node, before, &mut ids_used)).collect();
        for &at in node_of.iter() {
            nodes[usize::from(at)].slots += 1;
        }
        let mut by_name: Vec<usize> = (0..nodes.len()).collect();
        by_name.sort_unstable_by_key(|&at| nodes[at].name.as_str());
        Ok(Self { file, view, nodes, node_of, by_name, ids_used })
    }

    /// The node that holds `slot`: one look into an array.
    #[inline]
    pub fn node_of(&self, slot: HashSlot) -> NodeIndex {
        NodeIndex::new(self.node_of[slot.index()])
    }

    /// The nodes, in the order of the file; also those without slots.
    pub fn nodes(&self) -> &[NodeInfo] {
        &self.nodes
    }

    /// The places of the nodes in the order of their names: it does not change with the order of the file.
    pub fn by_name(&self) -> &[usize] {
        &self.by_name
    }

    /// The node at a place of this topology.
    #[inline]
    pub fn node(&self, index: NodeIndex) -> &NodeInfo {
        &self.nodes[index.index()]
    }

    /// The cluster.yaml that it was made from, with its timeouts and limits.
    pub fn file(&self) -> &ClusterFile {
        &self.file
    }

    /// Who serves what.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Number of the view: 1 at the start, one more with each accepted change of the file.
    pub fn epoch(&self) -> Epoch {
        self.view.epoch()
    }

    /// How many slots have another node than in `before`.
    pub fn slots_moved_since(&self, before: &Topology) -> usize {
        HashSlot::all().filter(|&slot| self.holder(slot) != before.holder(slot)).count()
    }

    fn holder(&self, slot: HashSlot) -> &NodeName {
        &self.node(self.node_of(slot)).name
    }

    fn id_of(&self, node: &Node) -> Option<NodeId> {
        let same = |known: &&NodeInfo| known.name == node.name && known.address == node.address;
        self.nodes.iter().find(same).map(|known| known.id)
    }
}

impl NodeInfo {
    fn new(node: &Node, before: Option<&Topology>, ids_used: &mut u64) -> Self {
        let known = before.and_then(|before| before.id_of(node));
        let id = known.unwrap_or_else(|| {
            *ids_used += 1;
            NodeId(*ids_used)
        });
        let Node { name, address, zone, weight } = node.clone();
        Self { id, name, address, zone, weight, slots: 0 }
    }
}

fn place(nodes: &[Node]) -> Option<Box<[u16; SLOT_COUNT]>> {
    let rankings: Vec<Ranking> = nodes.iter().map(|node| Ranking::of(node.name.as_str())).collect();
    let ring_node = |(node, ranking)| {
        let Node { name, weight, .. }: &Node = node;
        RingNode { name: name.as_str(), ranking, weight: *weight }
    };
    let ring: Vec<RingNode<'_>> = nodes.iter().zip(&rankings).map(ring_node).collect();
    ring::place(&ring)
}

/// A node as the view names it. What it says of itself is not asked yet.
fn member(node: &Node) -> Member {
    let Node { name, address, zone, weight } = node.clone();
    Member {
        name,
        address,
        zone,
        weight,
        incarnation: Incarnation::default(),
        boot: Boot::default(),
        is_durable: false,
        word: ringmaster_protocol::view::Word::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(nodes: &str) -> ClusterFile {
        let entries = nodes.split(' ').map(|name| format!("{{name: {name}, address: '{name}:6380'}}"));
        let text = format!("nodes: [{}]\n", entries.collect::<Vec<_>>().join(", "));
        ClusterFile::parse("cluster.yaml", &text).unwrap()
    }

    fn ids(topology: &Topology) -> Vec<u64> {
        topology.nodes().iter().map(|node| node.id.0).collect()
    }

    #[test]
    fn each_slot_has_its_node_as_head_and_tail() {
        let topology = Topology::first(file("a b c")).unwrap();
        for slot in HashSlot::all() {
            let at = topology.node_of(slot);
            assert_eq!((topology.view().head(slot), topology.view().tail(slot)), (at, at));
        }
        assert_eq!(topology.nodes().iter().map(|node| node.slots).sum::<usize>(), SLOT_COUNT);
        assert_eq!(topology.view().distinct_chains(), 3);
    }

    #[test]
    fn a_change_raises_the_epoch_by_one_and_keeps_the_ids() {
        let first = Topology::first(file("a b c")).unwrap();
        let second = first.next(file("c d b")).unwrap();
        assert_eq!((first.epoch(), second.epoch()), (Epoch(1), Epoch(2)));
        assert_eq!((ids(&first), ids(&second)), (vec![1, 2, 3], vec![3, 4, 2]));
        let third = second.next(file("a")).unwrap();
        assert_eq!(ids(&third), [5], "an id is never given again");
    }

    #[test]
    fn the_order_of_names_does_not_change_with_the_order_of_the_file() {
        let names = |text| {
            let topology = Topology::first(file(text)).unwrap();
            let names = topology.by_name().iter().map(|&at| topology.nodes()[at].name.to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names("c a b"), ["a", "b", "c"]);
        assert_eq!(names("b c a"), ["a", "b", "c"]);
    }

    #[test]
    fn a_new_address_is_a_new_id_and_moves_no_slot() {
        let first = Topology::first(file("a b")).unwrap();
        let mut moved = file("a b");
        moved.nodes[0].address = "elsewhere:1".parse().unwrap();
        let second = first.next(moved).unwrap();
        assert_eq!(ids(&second), [3, 2]);
        assert_eq!(second.slots_moved_since(&first), 0);
    }

    #[test]
    fn slots_that_stay_keep_their_chains() {
        let first = Topology::first(file("a b c")).unwrap();
        let second = first.next(file("d c b a")).unwrap();
        for slot in HashSlot::all() {
            let chain = second.view().chain(slot);
            let has_moved = first.holder(slot) != second.holder(slot);
            let expected = if has_moved { Epoch(2) } else { Epoch(1) };
            assert_eq!((chain.changed, chain.born, chain.head().since), (expected, expected, expected));
        }
        let moved = second.slots_moved_since(&first);
        assert_eq!(moved, second.nodes()[0].slots, "only what the new node took");
    }

    #[test]
    fn a_file_without_weights_is_refused() {
        let mut none = file("a");
        none.nodes[0].weight = 0;
        assert!(matches!(Topology::first(none), Err(TopologyError::NoWeight)));
    }
}
