//! One look at a cluster: what is shown of it.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::heartbeat::{NodeState, Pulse};
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{View, Word};
use ringmaster_proxy::cluster::moves::Moves;
use ringmaster_proxy::cluster::post::Progress;
use ringmaster_proxy::cluster::standing::Standing;
use ringmaster_proxy::cluster::target::{self, Target};
use serde_json::{Value, json};

use super::super::asking::Answers;
use super::super::status;

/// Copies from one node to another that are still to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) from: NodeName,
    pub(super) to: NodeName,
    pub(super) slots: usize,
    /// How many of them are being made.
    pub(super) begun: usize,
}

/// How a cluster stands at one moment.
pub(super) struct Look {
    pub(super) name: String,
    /// The table of the nodes, as `cluster status` prints it.
    pub(super) nodes: String,
    /// None while no node that answers has a view.
    pub(super) epoch: Option<u64>,
    pub(super) standing: Option<String>,
    /// Slots with all their copies, and with one that is joining.
    pub(super) whole: usize,
    pub(super) joining: usize,
    pub(super) progress: Progress,
    /// The most that was to do since it was last nothing.
    pub(super) most_to_do: u64,
    pub(super) pairs: Vec<Pair>,
    pub(super) answering: usize,
    pub(super) of: usize,
    keys: u64,
    rows: Vec<Value>,
}

impl Look {
    /// What the nodes say; `most_to_do` is kept from one look to the next.
    pub(super) fn of(file: &ClusterFile, answers: &Answers, most_to_do: &mut u64) -> Self {
        let view = answers.view();
        let standing = view.as_deref().map(|view| Standing::of(file, target::digest(file), view, false));
        let is_in_force = standing.as_ref().is_some_and(Standing::is_in_force);
        let progress = answers.progress().unwrap_or_default();
        *most_to_do = if progress.slots_to_do == 0 { 0 } else { progress.slots_to_do.max(*most_to_do) };
        let is_wanted = is_in_force && progress.slots_to_do > 0;
        let pairs = view.as_deref().filter(|_| is_wanted).map(|view| pairs(file, view)).unwrap_or_default();
        let count = |holds: &dyn Fn(HashSlot, &View) -> bool| {
            view.as_deref().map_or(0, |view| HashSlot::all().filter(|slot| holds(*slot, view)).count())
        };
        Self {
            name: file.cluster.clone(),
            nodes: status::nodes(answers),
            epoch: view.as_deref().map(|view| view.epoch().0),
            standing: standing.as_ref().map(ToString::to_string),
            whole: count(&|slot, view| view.chain(slot).in_sync >= file.replicas),
            joining: count(&|slot, view| view.chain(slot).joining().is_some()),
            progress,
            most_to_do: *most_to_do,
            pairs,
            answering: answers.pulses().count(),
            of: answers.nodes.len(),
            keys: answers.pulses().map(|(_, pulse)| pulse.keys).sum(),
            rows: answers
                .nodes
                .iter()
                .map(|(node, answer)| row(node, answer.as_ref(), view.as_deref()))
                .collect(),
        }
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let Self { answering, of, keys, whole, joining, .. } = self;
        let nodes = format!("{answering} of {of} nodes answer, {keys} keys");
        let Some(epoch) = self.epoch else { return format!("no view; {nodes}") };
        let moving = if self.progress.slots_to_do > 0 {
            format!("; moving: {}", status::pace(&self.progress))
        } else {
            String::new()
        };
        format!("view {epoch}; {whole} of {SLOT_COUNT} slots whole, {joining} joining; {nodes}{moving}")
    }

    /// As an object.
    pub(super) fn json(&self) -> Value {
        let Progress { slots_to_do, slots_lost, copies, copied_bytes, bytes_per_second, slots_per_minute } =
            self.progress;
        let pair = |pair: &Pair| json!({ "from": pair.from.as_str(), "to": pair.to.as_str(), "slots": pair.slots, "begun": pair.begun });
        json!({
            "at_ms": SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
            "cluster": self.name,
            "epoch": self.epoch,
            "standing": self.standing,
            "slots": { "total": SLOT_COUNT, "whole": self.whole, "joining": self.joining, "lost": slots_lost },
            "rebalancing": {
                "slots_to_do": slots_to_do,
                "copies": copies,
                "copied_bytes": copied_bytes,
                "bytes_per_second": bytes_per_second,
                "slots_per_minute": slots_per_minute,
                "seconds_left": self.progress.seconds_left(),
                "moves": self.pairs.iter().map(pair).collect::<Vec<_>>(),
            },
            "nodes": self.rows,
        })
    }
}

fn pairs(file: &ClusterFile, view: &View) -> Vec<Pair> {
    let drained = view.members().iter().filter(|member| member.word == Word::Drain);
    let out: BTreeSet<NodeName> = drained.map(|member| member.name.clone()).collect();
    let Some(target) = Target::of(file, &out) else { return Vec::new() };
    let moves = Moves::of(view, &target);
    let pair = |((from, to), (slots, begun)): ((&NodeName, &NodeName), (usize, usize))| Pair {
        from: from.clone(),
        to: to.clone(),
        slots,
        begun,
    };
    let mut pairs: Vec<Pair> = moves.pairs().into_iter().map(pair).collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.slots));
    pairs
}

fn row(
    node: &ringmaster_protocol::cluster_file::Node,
    answer: Result<&Pulse, &std::io::Error>,
    view: Option<&View>,
) -> Value {
    let (name, address) = (node.name.as_str(), node.address.to_string());
    let pulse = match answer {
        Ok(pulse) => pulse,
        Err(error) => return json!({ "name": name, "address": address, "error": error.to_string() }),
    };
    let share = view.map(|view| status::share(view, pulse)).unwrap_or_default();
    let state = match pulse.state {
        NodeState::Blank => "blank",
        NodeState::Recovering { .. } => "loading",
        NodeState::Leaving => "leaving",
        NodeState::Ready => "ready",
    };
    json!({
        "name": name,
        "address": address,
        "state": state,
        "epoch": pulse.epoch.0,
        "heads": share.heads,
        "copies": share.in_sync,
        "joining": share.joining,
        "keys": pulse.keys,
        "used_memory": pulse.used_memory,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn silent() -> (ClusterFile, Answers) {
        let text = "cluster: far\nnodes: [{name: a, address: '127.0.0.1:1'}]\n";
        let file = ClusterFile::parse("cluster.yaml", text).unwrap();
        let refused = || Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        let nodes = file.nodes.iter().map(|node| (node.clone(), refused())).collect();
        (file, Answers { nodes })
    }

    #[test]
    fn a_look_at_silence_says_so() {
        let (file, answers) = silent();
        let look = Look::of(&file, &answers, &mut 7);
        assert_eq!(look.line(), "no view; 0 of 1 nodes answer, 0 keys");
        let told = look.json();
        assert_eq!(
            (told["epoch"].clone(), &told["nodes"][0]["error"]),
            (Value::Null, &json!("connection refused"))
        );
        assert_eq!(look.most_to_do, 0);
    }
}
