//! `drain` and `give-up`: what an operator says of one node.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Member, View, Word};
use ringmaster_proxy::cluster::membership::Membership;

use super::asking::Answers;
use super::{consent, deciding, status};

/// Time between two looks at what a node still holds.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Has a node give away all its slots, or take its share again.
///
/// # Errors
/// It is no member, no other node may hold slots, the operator says no, or no view can be decided.
pub(super) fn drain(file: &ClusterFile, name: &NodeName, flags: &Drain) -> anyhow::Result<()> {
    let listed = file.nodes.iter().find(|node| node.name == *name);
    if flags.undo {
        let weight = listed.context("the file does not name this node")?.weight;
        let view = deciding::decide(file, |membership| {
            let member = member(membership, name)?;
            if member.word == Word::Drain {
                (member.word, member.weight) = (Word::None, weight);
            }
            Ok(())
        })?;
        println!("View {}: {name} is to hold its share of the slots.", view.epoch());
        return Ok(());
    }
    let view = Answers::of(file).view().context("no node of the file has a view")?;
    let others = view.members().iter().filter(|member| member.name != *name && member.weight > 0).count();
    ensure!(others > 0, "no other node may hold slots: add one first");
    if others < file.replicas {
        let warning = format!("{others} nodes are left to hold slots, and `replicas` is {}.", file.replicas);
        consent::ask(&warning, name.as_str(), flags.is_sure)?;
    }
    let view = deciding::decide(file, |membership| {
        let member = member(membership, name)?;
        (member.word, member.weight) = (Word::Drain, 0);
        Ok(())
    })?;
    println!("View {}: what {name} holds moves away.", view.epoch());
    if flags.waits { until_empty(file, name) } else { Ok(()) }
}

/// How a node is drained.
pub(super) struct Drain {
    /// The other way.
    pub(super) undo: bool,
    /// Until it holds nothing.
    pub(super) waits: bool,
    /// The operator was asked already.
    pub(super) is_sure: bool,
}

fn member<'m>(membership: &'m mut Membership, name: &NodeName) -> anyhow::Result<&'m mut Member> {
    let found = membership.members.iter_mut().find(|member| member.name == *name);
    found.with_context(|| format!("{name} is no member of the cluster"))
}

/// Tells how far it is until the node holds nothing.
fn until_empty(file: &ClusterFile, name: &NodeName) -> anyhow::Result<()> {
    let mut told = None;
    loop {
        let answers = Answers::of(file);
        let Some(view) = answers.view() else { bail!("no node answers any more") };
        let held = held(&view, name);
        if held == 0 {
            println!("{name} holds no slot. It stays a member until it is taken out of the cluster.yaml.");
            return Ok(());
        }
        if told != Some(held) {
            let progress = answers.progress().map(|progress| format!(" ({})", status::pace(&progress)));
            println!("{name} holds {held} slots{}", progress.unwrap_or_default());
            told = Some(held);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn held(view: &View, name: &NodeName) -> usize {
    let has = |slot: &HashSlot| {
        view.chain(*slot).entries.iter().any(|entry| view.member(entry.member).name == *name)
    };
    HashSlot::all().filter(has).count()
}

/// The word that nobody is to wait for what a lost node held.
///
/// # Errors
/// It is no member or answers, the operator says no, or no view can be decided.
pub(super) fn give_up(file: &ClusterFile, name: &NodeName, is_sure: bool) -> anyhow::Result<()> {
    let answers = Answers::of(file);
    ensure!(answers.pulse(name).is_none(), "{name} answers: there is nothing to give up");
    let warning = format!(
        "Slots that only {name} holds start with what is left of them, which may be nothing, also if it comes back later."
    );
    consent::ask(&warning, name.as_str(), is_sure)?;
    let view = deciding::decide(file, |membership| {
        member(membership, name)?.word = Word::GivenUp;
        Ok(())
    })?;
    println!("View {}: nobody waits for {name} any more.", view.epoch());
    Ok(())
}
