//! How things stand, for people: `ringmaster cluster status`.

use std::time::Duration;

use ringmaster_protocol::cluster_file::{Node, NodeName};
use ringmaster_protocol::view::Epoch;

use super::Controller;
use super::bootstrap::hindrances;
use crate::cluster::world::World;

/// The status of a controller.
pub(super) fn of(controller: &Controller, now: Duration) -> Status {
    let sight = &controller.sight;
    let (slots_to_do, slots_lost, copies) = controller.rebalancer.outlook();
    let (copied_bytes, bytes_per_second) = controller.rebalancer.copied();
    let mut problems: Vec<Problem> = controller.trouble.iter().cloned().collect();
    match controller.view.as_deref() {
        Some(view) => problems.extend(of_nodes(&sight.world(now, view))),
        None => problems.extend(hindrances(sight, now, controller.settings.only.as_deref())),
    }
    Status {
        epoch: controller.lease().0,
        slots: controller.rebalancer.slots().len(),
        slots_to_do,
        slots_lost,
        copies,
        copied_bytes,
        bytes_per_second,
        moves_slots: sight.notice.moves_slots,
        problems,
    }
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
            Some(_) => return None,
        };
        Some(Problem { node: Some(node.name.clone()), text })
    };
    let mut problems: Vec<Problem> = world.file.nodes.iter().filter_map(problem).collect();
    if world.target.is_none() {
        let text =
            "this proxy's cluster.yaml is older than the one that is followed, or leaves no node a weight";
        problems.push(Problem { node: None, text: text.to_owned() });
    }
    problems
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
    /// Of these, those that have not all the copies that the cluster.yaml wants where it wants them.
    pub slots_to_do: usize,
    /// Of these, those that no node serves.
    pub slots_lost: usize,
    /// Slots that are being copied.
    pub copies: usize,
    /// Bytes that were copied since the process started.
    pub copied_bytes: u64,
    /// Bytes a second that were copied lately.
    pub bytes_per_second: u64,
    /// Whether this proxy is the one that moves slots.
    pub moves_slots: bool,
    /// What hinders.
    pub problems: Vec<Problem>,
}
