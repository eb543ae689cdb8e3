//! R15: The first view of a cluster.
//!
//! It is decided by all nodes of the cluster.yaml, each of which holds nothing or has accepted a first view already. Two
//! proxies with different files so never make two clusters of one set of nodes: they meet at a node that both name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, Node, NodeName};
use ringmaster_protocol::extension::{Rule, Rules};
use ringmaster_protocol::heartbeat::{NodeState, Pulse};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{
    Chain, ClusterId, Entry, Epoch, Incarnation, Member, MemberIndex, SlotChains, View, ViewParts,
};

use super::Problem;
use super::sight::Sight;
use crate::cluster::membership::{acceptors, member};
use crate::cluster::nodes::Known;
use crate::cluster::target::{self, Target};

/// The numbers that a new cluster draws.
pub(super) struct Drawn {
    pub(super) cluster: ClusterId,
    pub(super) hash_seed: u64,
}

/// The nodes that decide the first view, each with its data directory.
pub type Electors = Vec<(NodeName, Incarnation)>;

/// The nodes that are to be: those of the file, or those that the operator says exist.
fn founders<'s>(sight: &'s Sight, only: Option<&[NodeName]>) -> Vec<&'s Node> {
    let exists = |node: &&Node| only.is_none_or(|only| only.contains(&node.name));
    sight.first_file().nodes.iter().filter(exists).collect()
}

/// Why a node that nobody has placed keys on does not found a cluster with what it holds.
const HOLDS_KEYS: &str = "holds keys but belongs to no cluster: empty it first (FLUSHALL), or, if proxies with `replicas: 1` have \
                          placed them, start one of those and raise `replicas` while it runs";

/// What keeps a node from founding a cluster; nothing if it is blank or has accepted a first view.
fn hindrance(sight: &Sight, now: Duration, node: &Node) -> Option<String> {
    let known = sight.nodes.known(&node.name).filter(|_| !sight.detector.is_silent(now, &node.name));
    match known {
        None => Some(format!(
            "does not answer at {}; the first view needs all nodes of the cluster.yaml",
            node.address
        )),
        Some(_) if sight.nodes.namesake(&node.name).is_some() => {
            sight.nodes.namesake(&node.name).map(same_node)
        }
        Some(known) if known.epoch > Epoch::default() => Some("belongs to a cluster already".to_owned()),
        Some(known) if known.cluster.is_some() || known.state == NodeState::Blank => None,
        Some(Known { state: NodeState::Recovering { .. }, .. }) => Some("still loads its data".to_owned()),
        // What it holds is what the cluster.yaml has placed there.
        Some(_) if sight.alone.is_some() => None,
        Some(_) => Some(HOLDS_KEYS.to_owned()),
    }
}

/// What is wrong with a node that answers under an earlier name too.
pub(super) fn same_node(other: &NodeName) -> String {
    format!("is the same node as '{other}', at another address: name it once in the cluster.yaml")
}

/// What keeps the first view from being decided.
pub(super) fn hindrances(sight: &Sight, now: Duration, only: Option<&[NodeName]>) -> Vec<Problem> {
    let problem = |node: &Node| {
        let text = hindrance(sight, now, node)?;
        Some(Problem { node: Some(node.name.clone()), text })
    };
    founders(sight, only).into_iter().filter_map(problem).collect()
}

/// The first view of a cluster.yaml and who is to decide it, by what the nodes have answered and the operator's word that
/// only these exist. `drawn`: cluster id and hash seed, at random.
///
/// # Errors
/// What keeps it from being decided.
pub fn founding(
    file: &ClusterFile,
    heard: &[(NodeName, Pulse)],
    only: &[NodeName],
    drawn: (u128, u64),
) -> Result<(Arc<View>, Electors), Vec<Problem>> {
    let mut sight = Sight::new(0, Rules::ALL, file);
    heard.iter().for_each(|(node, pulse)| _ = sight.heard(Duration::ZERO, Duration::ZERO, node, pulse));
    let slots: Vec<HashSlot> = HashSlot::all().collect();
    let drawn = Drawn { cluster: ClusterId(drawn.0), hash_seed: drawn.1 };
    let found = first_view(&sight, Duration::ZERO, Some(only), &slots, &drawn);
    found.ok_or_else(|| hindrances(&sight, Duration::ZERO, Some(only)))
}

/// The first view, and who is to decide it, as soon as all of them can.
pub(super) fn first_view(
    sight: &Sight,
    now: Duration,
    only: Option<&[NodeName]>,
    slots: &[HashSlot],
    drawn: &Drawn,
) -> Option<(Arc<View>, Electors)> {
    let all = founders(sight, only);
    let count = all.len();
    let able: Vec<&Node> = all.into_iter().filter(|node| hindrance(sight, now, node).is_none()).collect();
    let is_enough = able.len() == count
        || (!sight.rules.keep(Rule::AllDecideTheFirst) && able.len() * 2 > count && !able.is_empty());
    if !is_enough {
        return None;
    }
    let member_of = |node: &&Node| Some(member(node, sight.nodes.known(&node.name)?));
    let members: Vec<Member> = able.iter().filter_map(member_of).collect();
    let electors = members.iter().map(|member| (member.name.clone(), member.incarnation)).collect();
    let file = sight.first_file();
    let view = View::new(ViewParts {
        cluster: drawn.cluster,
        epoch: Epoch::FIRST,
        acceptors: acceptors(&members),
        lease: file.timeouts.lease,
        longest_lease: file.timeouts.lease,
        hash_seed: drawn.hash_seed,
        config: target::digest(file),
        superseded: Vec::new(),
        chains: chains(sight, &members, slots)?,
        members,
    });
    Some((Arc::new(view.ok()?), electors))
}

/// The target's chains; slots that are not looked after have that of the first that is.
fn chains(sight: &Sight, members: &[Member], slots: &[HashSlot]) -> Option<SlotChains> {
    let names: BTreeMap<&NodeName, usize> =
        members.iter().enumerate().map(|(at, member)| (&member.name, at)).collect();
    let file = sight.first_file();
    let missing = file.nodes.iter().map(|node| node.name.clone());
    let out: BTreeSet<NodeName> = missing.filter(|name| !names.contains_key(name)).collect();
    let target = Target::of(file, &out)?;
    let looked_after: BTreeSet<HashSlot> = slots.iter().copied().collect();
    let entry = |name: &NodeName| {
        let at = *names.get(name)?;
        Some(Entry { member: MemberIndex::new(at as u16), boot: members[at].boot, since: Epoch::FIRST })
    };
    let chain = |slot: HashSlot| {
        let of = if looked_after.contains(&slot) { slot } else { *slots.first()? };
        let entries: Vec<Entry> = target.chain(of).filter_map(entry).collect();
        let (changed, born, in_sync) = (Epoch::FIRST, Epoch::FIRST, entries.len());
        Some(Chain { changed, born, unsealed: None, entries, in_sync })
    };
    HashSlot::all().map(chain).collect()
}
