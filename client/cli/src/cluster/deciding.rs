//! Decides the next view as a proxy would: what an operator says is in the view, so all proxies go by it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use ringmaster_protocol::cluster_file::{ClusterFile, NodeAddress};
use ringmaster_protocol::register::{Answer, Ballot, Request};
use ringmaster_protocol::view::{Incarnation, Member, View};
use ringmaster_proxy::cluster::membership::Membership;
use ringmaster_proxy::cluster::proposer::{Outcome, Proposer};
use ringmaster_proxy::cluster::successor::successor;

use super::asking::Answers;
use super::link::Link;

/// Most attempts: proxies that move slots decide views at the same time.
const ATTEMPTS_MAX: u32 = 50;

/// Longest pause after an attempt that another was faster than.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Has the members and settings of the view changed by `change`, whatever view it is by then. Returns the view that says
/// so; the one that holds if nothing is to be changed.
///
/// # Errors
/// No majority of the acceptors answers, the change fails, or the view cannot be.
pub(super) fn decide(
    file: &ClusterFile,
    change: impl Fn(&mut Membership) -> anyhow::Result<()>,
) -> anyhow::Result<Arc<View>> {
    let mut last = first_ballot();
    for _ in 0..ATTEMPTS_MAX {
        let view = Answers::of(file).view().context("no node of the file has a view")?;
        let before = Membership::of(&view);
        let mut membership = before.clone();
        change(&mut membership)?;
        if membership == before {
            return Ok(view);
        }
        let next = successor(&view, &[], &BTreeMap::new(), membership);
        let next = next.map_err(|why| anyhow::anyhow!("no view can follow: {why}"))?;
        let mut links = acceptors(file, &view)?;
        let mut proposer = Proposer::new(last, Arc::clone(&next), links.len(), false, Duration::ZERO);
        let outcome = drive(&mut proposer, &mut links);
        last = proposer.ballot();
        match outcome {
            Some(Outcome::Decided(decided)) => {
                commit(file, &decided);
                if decided.encode() == next.encode() {
                    return Ok(decided);
                }
            }
            Some(Outcome::Refused(why)) => bail!("an acceptor refuses the view: {why}"),
            Some(Outcome::Superseded(_)) | None => std::thread::sleep(PAUSE_MAX.mul_f64(rand::random())),
        }
    }
    bail!("others decided {ATTEMPTS_MAX} views meanwhile; try again")
}

/// Has the first view of a cluster decided by all its members.
///
/// # Errors
/// One of them does not answer or refuses.
pub(super) fn decide_first(
    file: &ClusterFile,
    first: &Arc<View>,
    electors: usize,
) -> anyhow::Result<Arc<View>> {
    let mut last = first_ballot();
    for _ in 0..ATTEMPTS_MAX {
        let mut links = Vec::new();
        for member in first.members() {
            let link = open(file, member).with_context(|| format!("node {} does not answer", member.name))?;
            links.push(Some(link));
        }
        let mut proposer = Proposer::new(last, Arc::clone(first), electors, true, Duration::ZERO);
        let outcome = drive(&mut proposer, &mut links);
        last = proposer.ballot();
        match outcome {
            Some(Outcome::Decided(view) | Outcome::Superseded(view)) => {
                commit(file, &view);
                return Ok(view);
            }
            Some(Outcome::Refused(why)) => bail!("a node refuses the first view: {why}"),
            None => std::thread::sleep(PAUSE_MAX.mul_f64(rand::random())),
        }
    }
    bail!("others were faster {ATTEMPTS_MAX} times; try again")
}

fn first_ballot() -> Ballot {
    Ballot { round: 0, proposer: rand::random() }
}

/// Sends what the proposer wants sent, one after the other; none if it was outbid or too few answered.
fn drive(proposer: &mut Proposer, links: &mut [Option<Link>]) -> Option<Outcome> {
    let begin = Instant::now();
    let mut sends: VecDeque<_> = proposer.poll(Duration::ZERO, rand::random()).into();
    while let Some(send) = sends.pop_front() {
        let Some(link) = links.get_mut(send.to).and_then(Option::as_mut) else { continue };
        let Ok(answer) = link.register(&send.request) else { continue };
        let ballot = proposer.ballot();
        match proposer.hear(begin.elapsed(), send.to, ballot, answer, rand::random()) {
            Ok(more) => sends.extend(more),
            Err(outcome) => return Some(outcome),
        }
    }
    None
}

/// Connections to the acceptors, each under the data directory that the view names, and with that view.
fn acceptors(file: &ClusterFile, view: &Arc<View>) -> anyhow::Result<Vec<Option<Link>>> {
    let members = view.acceptors().iter().map(|index| view.member(*index));
    let mut links = Vec::new();
    for member in members {
        let mut link = open(file, member).ok();
        if let Some(link) = &mut link {
            // One that has a later view says so when it is asked to promise.
            drop(link.register(&Request::Commit { view: Arc::clone(view) }));
        }
        links.push(link);
    }
    let answering = links.iter().flatten().count();
    ensure!(
        answering * 2 > links.len(),
        "{answering} of {} acceptors answer, and a majority has to; bring one back, or see `ringmaster cluster recover`",
        links.len()
    );
    Ok(links)
}

/// Where a member listens: as the file says, else as the view does.
pub(super) fn address<'a>(file: &'a ClusterFile, member: &'a Member) -> &'a NodeAddress {
    let listed = file.nodes.iter().find(|node| node.name == member.name);
    listed.map_or(&member.address, |node| &node.address)
}

/// A connection to a member that is the data directory which the view names.
fn open(file: &ClusterFile, member: &Member) -> io::Result<Link> {
    let mut link = Link::open(address(file, member))?;
    let is_it = |incarnation: Incarnation| incarnation == member.incarnation;
    if is_it(link.beat()?.incarnation) {
        Ok(link)
    } else {
        Err(io::Error::other("it has another data directory"))
    }
}

/// Hands the view to all its members; who does not get it here gets it from the proxies.
fn commit(file: &ClusterFile, view: &Arc<View>) {
    for member in view.members() {
        let request = Request::Commit { view: Arc::clone(view) };
        let answer = Link::open(address(file, member)).and_then(|mut link| link.register(&request));
        if !matches!(answer, Ok(Answer::Committed)) {
            eprintln!("node {} does not have the view yet; the proxies will hand it over", member.name);
        }
    }
}
