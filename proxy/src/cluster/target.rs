//! The target: which nodes are to hold each slot, by the cluster.yaml and by who is able to.

use std::collections::BTreeSet;

use ringmaster_protocol::cluster_file::{ClusterFile, Node, NodeName};
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::ConfigDigest;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::ring::{self, Ranking, RingNode};

/// Which nodes are to hold each slot.
#[derive(Clone, Debug)]
pub struct Target {
    names: Vec<NodeName>,
    /// Each chain once, as places in `names`, head first.
    chains: Vec<Vec<u16>>,
    chain_of: Box<[u16; SLOT_COUNT]>,
}

impl Target {
    /// The target of a cluster.yaml, where the nodes that are `out` hold nothing; `None` if no node is left with a weight.
    #[must_use]
    pub fn of(file: &ClusterFile, out: &BTreeSet<NodeName>) -> Option<Self> {
        let nodes: Vec<&Node> = file.nodes.iter().filter(|node| !out.contains(&node.name)).collect();
        let rankings: Vec<Ranking> = nodes.iter().map(|node| Ranking::of(node.name.as_str())).collect();
        let with_ranking = nodes.iter().zip(&rankings);
        let ring: Vec<RingNode<'_>> = with_ranking
            .map(|(node, ranking)| RingNode { name: node.name.as_str(), ranking, weight: node.weight })
            .collect();
        let zones: Vec<&str> = nodes.iter().map(|node| node.zone.as_str()).collect();
        let chains = ring::place_copies(&ring, &zones, file.replicas)?;
        Some(Self::shared(nodes.iter().map(|node| node.name.clone()).collect(), chains))
    }

    fn shared(names: Vec<NodeName>, by_slot: Vec<Vec<u16>>) -> Self {
        let mut known = std::collections::HashMap::new();
        let mut chains: Vec<Vec<u16>> = Vec::new();
        let mut chain_of = Box::new([0; SLOT_COUNT]);
        for (slot, chain) in by_slot.into_iter().enumerate() {
            let next = chains.len() as u16;
            chain_of[slot] = *known.entry(chain).or_insert_with_key(|chain| {
                chains.push(chain.clone());
                next
            });
        }
        Self { names, chains, chain_of }
    }

    /// The nodes that are to hold `slot`, the head first.
    pub fn chain(&self, slot: HashSlot) -> impl Iterator<Item = &NodeName> {
        let chain = &self.chains[usize::from(self.chain_of[slot.index()])];
        chain.iter().map(|at| &self.names[usize::from(*at)])
    }

    /// The place among the different chains of that of `slot`: slots with one chain have one place.
    #[must_use]
    pub fn chain_place(&self, slot: HashSlot) -> u16 {
        self.chain_of[slot.index()]
    }

    /// Whether `node` is to hold `slot`.
    #[must_use]
    pub fn has(&self, slot: HashSlot, node: &NodeName) -> bool {
        self.chain(slot).any(|name| name == node)
    }
}

/// The digest of what a cluster.yaml says of the topology. The order of the nodes means nothing.
#[must_use]
pub fn digest(file: &ClusterFile) -> ConfigDigest {
    let mut nodes: Vec<&Node> = file.nodes.iter().collect();
    nodes.sort_unstable_by_key(|node| &node.name);
    let mut text = format!("{}\n{}\n{}\n", file.cluster, file.replicas, file.timeouts.lease);
    for Node { name, address, zone, weight } in nodes {
        text += &format!("{name} {address} {zone} {weight}\n");
    }
    let halves = [0, 1].map(|seed| xxh3_128_with_seed(text.as_bytes(), seed).to_le_bytes());
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&file.version.to_le_bytes());
    digest[8..].copy_from_slice(&halves.as_flattened()[..24]);
    ConfigDigest(digest)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file, name};
    use super::*;

    #[test]
    fn each_slot_has_as_many_nodes_as_the_file_wants_and_none_that_is_out() {
        let file = file(&["a", "b", "c", "d"], 2);
        let all = Target::of(&file, &BTreeSet::new()).unwrap();
        let less = Target::of(&file, &BTreeSet::from([name("b")])).unwrap();
        for slot in HashSlot::all() {
            assert_eq!((all.chain(slot).count(), less.chain(slot).count()), (2, 2));
            assert!(!less.has(slot, &name("b")));
        }
        let out = ["a", "b", "c", "d"].map(name).into_iter().collect();
        assert!(Target::of(&file, &out).is_none());
    }

    #[test]
    fn a_digest_tells_topologies_apart_and_not_their_order() {
        let of = |nodes: &[&str], replicas| digest(&file(nodes, replicas));
        assert_eq!(of(&["a", "b"], 1), of(&["b", "a"], 1));
        assert_ne!(of(&["a", "b"], 1), of(&["a", "b"], 2));
        assert_ne!(of(&["a", "b"], 1), of(&["a", "c"], 1));
        let versioned = ClusterFile { version: 7, ..file(&["a", "b"], 1) };
        assert_eq!((digest(&versioned).version(), of(&["a", "b"], 1).version()), (7, 0));
    }
}
