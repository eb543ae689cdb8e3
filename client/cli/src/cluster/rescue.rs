//! `bootstrap` and `recover`: what the protocol cannot decide by itself, because nodes that would have to say something
//! never will.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::extension::{Ask, Attach, Report, Say};
use ringmaster_protocol::heartbeat::Pulse;
use ringmaster_protocol::register::{Answer, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{ClusterId, Member, View};
use ringmaster_proxy::cluster::controller::founding;
use ringmaster_proxy::cluster::recovery::{Survivor, recovered};

use super::asking::{Answers, view_of};
use super::link::Link;
use super::{consent, deciding};

/// Most slots of one question.
const SLOTS_A_QUESTION: usize = 1024;

/// Founds the cluster with only these nodes of the file.
///
/// # Errors
/// One of them does not answer or holds something, a view is there already, or the operator says no.
pub(super) fn bootstrap(file: &ClusterFile, only: &[NodeName], is_sure: bool) -> anyhow::Result<()> {
    for name in only {
        ensure!(file.nodes.iter().any(|node| node.name == *name), "the file does not name {name}");
    }
    let answers = Answers::of(file);
    if let Some(view) = answers.view() {
        bail!("the cluster has view {} already; a new node is added by the cluster.yaml alone", view.epoch());
    }
    let heard: Vec<(NodeName, Pulse)> =
        answers.pulses().map(|(node, pulse)| (node.name.clone(), pulse.clone())).collect();
    let founded = founding(file, &heard, only, (rand::random(), rand::random()));
    let (first, electors) = founded.map_err(|problems| {
        let line = |problem: &ringmaster_proxy::cluster::controller::Problem| {
            let node = problem.node.as_ref().map(|node| format!("{node} ")).unwrap_or_default();
            format!("{node}{}", problem.text)
        };
        anyhow::anyhow!("{}", problems.iter().map(line).collect::<Vec<_>>().join("\n"))
    })?;
    let others: Vec<&str> = file
        .nodes
        .iter()
        .map(|node| &node.name)
        .filter(|name| !only.contains(name))
        .map(NodeName::as_str)
        .collect();
    let warning = format!(
        "The cluster is founded without {}. If one of them has founded it with others already, there will be two clusters, and \
         what the smaller one holds is lost.",
        others.join(", ")
    );
    consent::ask(&warning, &file.cluster, is_sure)?;
    let view = deciding::decide_first(file, &first, electors.len())?;
    println!("View {} of cluster {:032x} is decided.", view.epoch(), view.cluster().0);
    Ok(())
}

/// Goes on without these nodes, though the majority of the acceptors is among them.
///
/// # Errors
/// They are not needed, another does not answer, or the operator says no.
pub(super) fn recover(file: &ClusterFile, lost: &[NodeName], is_sure: bool) -> anyhow::Result<()> {
    let answers = Answers::of(file);
    for name in lost {
        ensure!(answers.pulse(name).is_none(), "{name} answers: it is not lost");
    }
    let old = oldest_cluster(&answers).context("no node of the file has a view")?;
    let survivors: Vec<&Member> =
        old.members().iter().filter(|member| !lost.contains(&member.name)).collect();
    let is_lost = |index: &&_| lost.contains(&old.member(**index).name);
    let gone = old.acceptors().iter().filter(is_lost).count();
    ensure!(
        (old.acceptors().len() - gone) * 2 <= old.acceptors().len(),
        "a majority of the acceptors is not lost: nothing has to be recovered; take the lost nodes out of the cluster.yaml"
    );
    let view = match begun(&answers, &old, &survivors) {
        Some(view) => view,
        None => {
            let mut all = Vec::new();
            for member in &survivors {
                let pulse = answers.pulse(&member.name);
                let pulse = pulse.with_context(|| {
                    format!("{} does not answer: bring it up, or name it too", member.name)
                })?;
                all.push(survivor(file, &old, member, pulse)?);
            }
            Arc::new(recovered(&old, file, &all, ClusterId(rand::random())).map_err(anyhow::Error::msg)?)
        }
    };
    let empty = HashSlot::all().filter(|slot| view.chain(*slot).born == view.epoch()).count();
    let warning = format!(
        "The cluster goes on as a new one with {} nodes. {empty} slots of which no node is left start empty. Writes that only \
         lost nodes had are gone. A lost node that returns is refused until it is emptied.",
        survivors.len()
    );
    consent::ask(&warning, &file.cluster, is_sure)?;
    for member in view.members() {
        let request = Request::Recover { lost: old.cluster(), view: Arc::clone(&view) };
        let answer = Link::open(deciding::address(file, member)).and_then(|mut link| link.register(&request));
        match answer {
            Ok(Answer::Committed) => {
                println!("{} goes on in cluster {:032x}.", member.name, view.cluster().0);
            }
            Ok(other) => bail!("{} refuses: {other:?}", member.name),
            Err(error) => bail!("{} does not answer ({error}): run this again when it does", member.name),
        }
    }
    println!("The proxies find the new cluster by themselves.");
    Ok(())
}

/// The newest view of the cluster that is to be left: where some nodes are in the next already, that of the others.
fn oldest_cluster(answers: &Answers) -> Option<Arc<View>> {
    let views: Vec<Arc<View>> = answers.pulses().filter_map(|(_, pulse)| view_of(pulse)).collect();
    let oldest = views.iter().min_by_key(|view| view.epoch())?.cluster();
    views.into_iter().filter(|view| view.cluster() == oldest).max_by_key(|view| view.epoch())
}

/// The view of a recovery that did not reach every survivor.
fn begun(answers: &Answers, old: &View, survivors: &[&Member]) -> Option<Arc<View>> {
    let views = answers.pulses().filter_map(|(_, pulse)| view_of(pulse));
    let mut others = views.filter(|view| view.cluster() != old.cluster());
    others.find(|view| {
        let names: Vec<&NodeName> = view.members().iter().map(|member| &member.name).collect();
        names.len() == survivors.len() && survivors.iter().all(|member| names.contains(&&member.name))
    })
}

/// What a node that is left has of each slot.
fn survivor(file: &ClusterFile, old: &View, member: &Member, pulse: &Pulse) -> anyhow::Result<Survivor> {
    let mut reports: BTreeMap<HashSlot, Report> = BTreeMap::new();
    let member = Member {
        incarnation: pulse.incarnation,
        boot: pulse.boot,
        is_durable: pulse.is_durable,
        address: deciding::address(file, member).clone(),
        ..member.clone()
    };
    if pulse.cluster == Some(old.cluster()) {
        let asked = || format!("{} does not tell what it has", member.name);
        let mut link = Link::open(&member.address).with_context(asked)?;
        let Pulse { epoch, incarnation, boot, .. } = *pulse;
        let attach = Attach { cluster: old.cluster(), epoch, incarnation, boot };
        link.attach(&attach).with_context(asked)?;
        let slots: Vec<HashSlot> = HashSlot::all().collect();
        for slots in slots.chunks(SLOTS_A_QUESTION) {
            match link.ask(&Ask::Report { slots: slots.to_vec() }).with_context(asked)? {
                Say::Reports(all) => reports.extend(all.into_iter().map(|report| (report.slot, report))),
                other => bail!("{} does not tell what it has: {other:?}", member.name),
            }
        }
    }
    Ok(Survivor { member, reports })
}
