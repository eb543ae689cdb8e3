//! Small views and times, for tests.

use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::config::Millis;
use ringmaster_protocol::view::{
    Boot, Chain, ClusterId, ConfigDigest, Entry, Epoch, Incarnation, Member, MemberIndex, SlotChains, View,
    ViewParts,
};

pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(super) fn name(name: &str) -> NodeName {
    name.parse().unwrap()
}

/// A file with these nodes.
pub(crate) fn file(nodes: &[&str], replicas: usize) -> ClusterFile {
    let entries = nodes.iter().map(|name| format!("{{name: {name}, address: '{name}:6380'}}"));
    let text = format!("replicas: {replicas}\nnodes: [{}]\n", entries.collect::<Vec<_>>().join(", "));
    ClusterFile::parse("cluster.yaml", &text).unwrap()
}

fn member(at: usize, name: &str) -> Member {
    Member {
        name: name.parse().unwrap(),
        address: format!("{name}:6380").parse().unwrap(),
        zone: String::new(),
        weight: 1,
        incarnation: Incarnation(at as u128 + 1),
        boot: Boot(at as u128 + 1),
        is_durable: false,
        word: ringmaster_protocol::view::Word::None,
    }
}

/// A first view in which all slots are on the first `replicas` members; incarnation and boot of each are its place,
/// from 1; the first three or the first are acceptors.
pub(crate) fn view(names: &[&str], replicas: u16) -> View {
    let entry =
        |at| Entry { member: MemberIndex::new(at), boot: Boot(u128::from(at) + 1), since: Epoch::FIRST };
    let chain = Chain {
        changed: Epoch::FIRST,
        born: Epoch::FIRST,
        unsealed: None,
        entries: (0..replicas).map(entry).collect(),
        in_sync: usize::from(replicas),
    };
    let acceptors = if names.len() < 3 { 1 } else { 3 };
    View::new(ViewParts {
        cluster: ClusterId(1),
        epoch: Epoch::FIRST,
        members: names.iter().enumerate().map(|(at, name)| member(at, name)).collect(),
        acceptors: (0..acceptors).map(MemberIndex::new).collect(),
        lease: Millis::new(500),
        longest_lease: Millis::new(500),
        hash_seed: 7,
        config: ConfigDigest([1; 32]),
        superseded: Vec::new(),
        chains: SlotChains::all(chain),
    })
    .unwrap()
}
