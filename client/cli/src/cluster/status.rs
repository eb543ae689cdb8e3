//! How a cluster stands.

use std::fmt::Write as _;

use ringmaster_protocol::cluster_file::{ClusterFile, Node};
use ringmaster_protocol::heartbeat::{NodeState, Pulse};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{View, Word};
use ringmaster_proxy::cluster::post::Progress;
use ringmaster_proxy::cluster::standing::Standing;
use ringmaster_proxy::cluster::target;

use super::asking::Answers;

/// What of the slots a node holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) heads: usize,
    pub(super) in_sync: usize,
    pub(super) joining: usize,
}

/// The view, the copies, the nodes.
pub(super) fn whole(file: &ClusterFile, answers: &Answers) -> String {
    let mut text = String::new();
    match answers.view() {
        // Text in memory takes all.
        None => drop(writeln!(text, "No node has a view: {}.", why_none(file, answers))),
        Some(view) => {
            text += &of_view(file, &view);
            text += &format!(
                "{}.\n",
                sentence(&Standing::of(file, target::digest(file), &view, false).to_string())
            );
            let progress = answers.progress().filter(|progress| progress.slots_to_do > 0);
            text += &progress.map(|progress| format!("Moving: {}.\n", pace(&progress))).unwrap_or_default();
        }
    }
    text + "\n" + &nodes(answers)
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// How far a move is, how fast, and how long it takes yet.
pub(super) fn pace(progress: &Progress) -> String {
    let left = progress.seconds_left().map(|seconds| format!(", about {seconds} s left")).unwrap_or_default();
    format!(
        "{} slots to do, {} being copied, {:.1} MiB/s, {:.0} slots/s{left}",
        progress.slots_to_do,
        progress.copies,
        progress.bytes_per_second as f64 / 1_048_576.0,
        progress.slots_per_minute as f64 / 60.0
    )
}

fn why_none(file: &ClusterFile, answers: &Answers) -> &'static str {
    if answers.nobody() {
        "no node answers"
    } else if file.replicas < 2 {
        "with replicas: 1 the proxies place slots by the file alone"
    } else if answers.nodes.iter().any(|(_, answer)| answer.is_err()) {
        "the first one needs an answer of every node of the file"
    } else {
        "no proxy has decided one yet"
    }
}

fn of_view(file: &ClusterFile, view: &View) -> String {
    let chains = || HashSlot::all().map(|slot| view.chain(slot));
    let whole = chains().filter(|chain| chain.in_sync >= file.replicas).count();
    let joining = chains().filter(|chain| chain.joining().is_some()).count();
    let acceptors: Vec<&str> = view.acceptors().iter().map(|at| view.member(*at).name.as_str()).collect();
    let slots = HashSlot::all().len();
    format!(
        "View {} of cluster {:032x}, decided by {}.\n{whole} of {slots} slots have {} in-sync copies, {joining} have one \
         joining.\n",
        view.epoch(),
        view.cluster().0,
        acceptors.join(", "),
        file.replicas,
    )
}

/// A line for each node.
pub(super) fn nodes(answers: &Answers) -> String {
    let view = answers.view();
    let mut text = format!(
        "{:<16} {:<22} {:<12} {:>6} {:>7} {:>8} {:>8} {:>12} {:>10}\n",
        "node", "address", "state", "view", "heads", "copies", "joining", "keys", "memory"
    );
    for (node, answer) in &answers.nodes {
        let line = match answer {
            Ok(pulse) => of_node(node, pulse, view.as_deref()),
            Err(error) => {
                format!(
                    "{:<16} {:<22} does not answer: {error}",
                    node.name.as_str(),
                    node.address.to_string()
                )
            }
        };
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn of_node(node: &Node, pulse: &Pulse, view: Option<&View>) -> String {
    let share = view.map(|view| share(view, pulse)).unwrap_or_default();
    let is_member = view.is_some_and(|view| view.members().iter().any(|member| member.boot == pulse.boot));
    let member = view.and_then(|view| Some(view.member(view.member_named(&node.name)?)));
    let is_drained = member.is_some_and(|member| member.word == Word::Drain);
    let state = match pulse.state {
        NodeState::Blank => "blank".to_owned(),
        NodeState::Recovering { share } => format!("loads {} %", share / 10),
        NodeState::Leaving => "leaving".to_owned(),
        NodeState::Ready if view.is_some() && !is_member => "no member".to_owned(),
        NodeState::Ready if is_drained => "drained".to_owned(),
        NodeState::Ready => "ready".to_owned(),
    };
    format!(
        "{:<16} {:<22} {:<12} {:>6} {:>7} {:>8} {:>8} {:>12} {:>6} MiB",
        node.name.as_str(),
        node.address.to_string(),
        state,
        pulse.epoch,
        share.heads,
        share.in_sync,
        share.joining,
        pulse.keys,
        pulse.used_memory >> 20,
    )
}

/// What of the slots a node holds.
pub(super) fn share(view: &View, pulse: &Pulse) -> Share {
    let mut share = Share::default();
    for chain in HashSlot::all().map(|slot| view.chain(slot)) {
        let Some(place) = chain.entries.iter().position(|entry| entry.boot == pulse.boot) else { continue };
        share.heads += usize::from(place == 0);
        share.in_sync += usize::from(place < chain.in_sync);
        share.joining += usize::from(place >= chain.in_sync);
    }
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn nodes_that_do_not_answer_are_told_with_the_reason() {
        let text =
            "replicas: 2\nnodes: [{name: a, address: '127.0.0.1:1'}, {name: b, address: '127.0.0.1:2'}]\n";
        let file = ClusterFile::parse("cluster.yaml", text).unwrap();
        let refused = || Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        let answers = Answers { nodes: file.nodes.iter().map(|node| (node.clone(), refused())).collect() };
        let told = whole(&file, &answers);
        assert!(told.starts_with("No node has a view: no node answers."), "{told}");
        assert_eq!(told.matches("does not answer: connection refused").count(), 2, "{told}");
    }
}
