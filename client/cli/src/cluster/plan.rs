//! What the proxies would move to follow a cluster.yaml.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::Context as _;
use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{View, Word};
use ringmaster_proxy::cluster::moves::Moves;
use ringmaster_proxy::cluster::standing::Standing;
use ringmaster_proxy::cluster::target::{self, Target};

use super::asking::Answers;

/// The plan as text.
///
/// # Errors
/// No node has a view, or the file leaves no node a weight.
pub(super) fn text(file: &ClusterFile, answers: &Answers) -> anyhow::Result<String> {
    let view = answers.view().context("no node has a view: there is nothing to move yet")?;
    let drained = view.members().iter().filter(|member| member.word == Word::Drain);
    let out: BTreeSet<NodeName> = drained.map(|member| member.name.clone()).collect();
    let target = Target::of(file, &out).context("no node of the file has a weight, or all are drained")?;
    let standing = Standing::of(file, target::digest(file), &view, true);
    if !standing.is_in_force() {
        eprintln!("Note: {standing}.");
    }
    let moves = Moves::of(&view, &target);
    if moves.is_empty() {
        return Ok("Nothing moves: every slot is where the file wants it.\n".to_owned());
    }
    let mut text = String::new();
    let total: usize = moves.copied.values().sum();
    let all: f64 = moves.copied.iter().map(|((from, _), slots)| of(answers, &view, from, *slots).1).sum();
    let slots = HashSlot::all().len();
    // Text in memory takes all.
    let _ = writeln!(text, "{total} copies of {slots} slots would be made, about {:.1} MiB:", all / MIB);
    for ((from, to), slots) in &moves.copied {
        let (keys, bytes) = of(answers, &view, from, *slots);
        let _ =
            writeln!(text, "  {from} -> {to}: {slots} slots, about {keys:.0} keys, {:.1} MiB", bytes / MIB);
    }
    for (node, slots) in &moves.dropped {
        let _ = writeln!(text, "  {node} drops {slots} slots when the others have them");
    }
    Ok(text)
}

const MIB: f64 = 1_048_576.0;

/// Keys and bytes of so many slots of a node, as its slots have them in the mean.
fn of(answers: &Answers, view: &View, node: &NodeName, slots: usize) -> (f64, f64) {
    let answer = answers.nodes.iter().find(|(known, _)| known.name == *node);
    let Some((_, Ok(pulse))) = answer else { return (0.0, 0.0) };
    let holds = |slot: &HashSlot| view.chain(*slot).entries.iter().any(|entry| entry.boot == pulse.boot);
    let held = HashSlot::all().filter(holds).count().max(1) as f64;
    let share = slots as f64 / held;
    (pulse.keys as f64 * share, pulse.used_memory as f64 * share)
}
