//! How things stand, for people: `ringmaster cluster status`.

use std::time::Duration;

use ringmaster_protocol::cluster_file::{Node, NodeName};
use ringmaster_protocol::view::{ClusterId, ConfigDigest, Epoch, View};

use super::Controller;
use super::bootstrap::{hindrances, same_node};
use super::sight::Sight;
use crate::cluster::post::Progress;
use crate::cluster::standing::Standing;
use crate::cluster::world::World;

/// Seconds by which a node's clock may differ from those of most.
const CLOCK_SKEW_MAX: i64 = 2;

/// The status of a controller.
pub(super) fn of(controller: &Controller, now: Duration) -> Status {
    let sight = &controller.sight;
    let mut problems: Vec<Problem> = controller.trouble.iter().cloned().collect();
    match controller.view.as_deref() {
        Some(view) => {
            problems.extend(of_nodes(&sight.world(now, view)));
            problems.extend(of_file(sight, view));
        }
        None if sight.is_by_file() => {}
        None => {
            problems.extend(hindrances(sight, now, controller.settings.only.as_deref()));
            problems.extend(controller.held_elsewhere(now).map(of_another));
        }
    }
    Status {
        epoch: controller.lease().0,
        slots: controller.rebalancer.slots().len(),
        progress: controller.progress(),
        moves_slots: sight.notice.moves_slots,
        is_at_fault: controller.is_at_fault(now),
        config: sight.digest,
        standing: controller.view.as_deref().map(|view| sight.standing(view)),
        nodes: healths(sight, now),
        problems,
    }
}

/// Why no cluster is founded though all nodes could.
fn of_another((cluster, epoch): (ClusterId, Epoch)) -> Problem {
    let text = format!(
        "another proxy holds view {epoch} of cluster {:032x}, of which no node here knows: start its nodes, or end that proxy \
         if they are lost",
        cluster.0
    );
    Problem { node: None, text }
}

/// What is wrong with the nodes of the cluster.yaml.
fn of_nodes(world: &World<'_>) -> Vec<Problem> {
    let problem = |node: &Node| {
        let text = match world.answering(&node.name) {
            None => format!("does not answer at {}", node.address),
            Some(known) if !world.is_ours(known) => match known.cluster {
                Some(cluster) => format!("belongs to cluster {:032x}: remove it or empty it", cluster.0),
                None => "holds keys but belongs to no cluster: empty it first (FLUSHALL)".to_owned(),
            },
            Some(_) => match (world.nodes.namesake(&node.name), world.nodes.clock_ahead(&node.name)) {
                (Some(other), _) => same_node(other),
                (None, ahead) if ahead.abs() < CLOCK_SKEW_MAX => return None,
                (None, ahead) => format!(
                    "has a clock that is {} s {} those of most nodes: set it, keys expire by it",
                    ahead.abs(),
                    if ahead > 0 { "ahead of" } else { "behind" }
                ),
            },
        };
        Some(Problem { node: Some(node.name.clone()), text })
    };
    world.file.nodes.iter().filter_map(problem).collect()
}

/// Why the cluster.yaml is not followed.
fn of_file(sight: &Sight, view: &View) -> Option<Problem> {
    let standing = sight.standing(view);
    let text = (!standing.is_in_force()).then(|| standing.to_string());
    text.map(|text| Problem { node: None, text })
}

/// How the nodes of the cluster.yaml stand.
fn healths(sight: &Sight, now: Duration) -> Vec<(NodeName, Health)> {
    let health = |name: &NodeName| {
        let boot = sight.nodes.known(name).map(|known| known.boot).unwrap_or_default();
        match () {
            () if sight.detector.is_admitted(now, name) => Health::Healthy,
            () if !sight.detector.is_silent(now, name) => Health::Removed,
            () if sight.detector.is_expelled(now, name, boot) => Health::Removed,
            () => Health::Suspected,
        }
    };
    sight.file.nodes.iter().map(|node| (node.name.clone(), health(&node.name))).collect()
}

/// How a node stands in the eyes of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers, and may be given slots.
    Healthy,
    /// It does not answer this proxy.
    Suspected,
    /// Most proxies suspect it, or it has not answered for long enough again since.
    Removed,
}

impl Health {
    /// All, with their names.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Healthy, "healthy"), (Self::Suspected, "suspected"), (Self::Removed, "removed")];
}

/// What is wrong with a node, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The node; none where it concerns the cluster.
    pub node: Option<NodeName>,
    /// In a sentence.
    pub text: String,
}

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Epoch of the view that is held, 0 before there is one.
    pub epoch: Epoch,
    /// Slots that are looked after.
    pub slots: usize,
    /// How far those are that are moved.
    pub progress: Progress,
    /// Whether this proxy is the one that moves slots.
    pub moves_slots: bool,
    /// Whether this proxy is itself at fault: for long it has not reached a node that the others reach.
    pub is_at_fault: bool,
    /// Digest of the cluster.yaml's topology.
    pub config: ConfigDigest,
    /// How the cluster.yaml stands to the view, once there is one.
    pub standing: Option<Standing>,
    /// How the nodes of the cluster.yaml stand.
    pub nodes: Vec<(NodeName, Health)>,
    /// What hinders.
    pub problems: Vec<Problem>,
}
