//! From what is to be different to a decided view that all members have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::extension::Rule;
use ringmaster_protocol::register::{Answer, Ballot, Refusal, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Incarnation, Member, MemberIndex, View};

use super::bootstrap::{Drawn, Electors, first_view};
use super::{Action, Controller, Pending, Problem};
use crate::cluster::membership::Membership;
use crate::cluster::proposer::{Outcome, Proposer, Send};
use crate::cluster::rebalancer::hold;
use crate::cluster::successor::{Change, successor};

/// Time that each proxy leaves to those before it.
const STAGGER: Duration = Duration::from_millis(50);

/// A view that was accepted somewhere and not committed is brought to a decision after this time.
const UNDECIDED: Duration = Duration::from_millis(100);

/// A COMMIT is repeated after this time.
const COMMIT_AGAIN: Duration = Duration::from_millis(200);

/// After a view that was refused for what it is.
const REFUSED: Duration = Duration::from_secs(1);

/// Longest wait after lost ballots.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// A view on its way to a decision.
#[derive(Debug)]
pub(super) struct Attempt {
    serial: u64,
    proposer: Proposer,
    electors: Electors,
    /// The highest ballot of a first view that an elector had accepted.
    carried: Ballot,
}

impl Attempt {
    pub(super) fn ballot(&self) -> Ballot {
        self.proposer.ballot()
    }
}

impl Controller {
    /// Begins an attempt if there is something to decide and nothing under way.
    pub(super) fn decide(&mut self, now: Duration, out: &mut Vec<Action>) {
        if self.attempt.is_none() && now >= self.survey_at {
            self.survey_at = now + super::SURVEY_EVERY;
            match self.view.clone() {
                Some(view) => self.next_view(now, &view, out),
                None => self.found(now),
            }
        }
        self.poll_attempt(now, out);
    }

    /// What the next view is to be, and whether it is time for it.
    fn next_view(&mut self, now: Duration, view: &Arc<View>, out: &mut Vec<Action>) {
        let world = self.sight.world(now, view);
        let survey = self.rebalancer.survey(&world);
        survey.inquiries.into_iter().for_each(|inquiry| self.ask(inquiry, out));
        let since = self.undecided_since;
        let is_stuck = since.is_some_and(|since| now >= since + UNDECIDED + self.stagger(now, view.epoch()));
        let next = match self.composed(now, view, &survey.changes, is_stuck) {
            Ok(Some(next)) => next,
            Ok(None) => return self.propose_at = None,
            Err(why) => {
                self.trouble = Some(Problem { node: None, text: format!("no view can follow: {why}") });
                self.survey_at = now + REFUSED;
                return;
            }
        };
        // Who moves slots does so alone; what all see, all want to mend.
        let is_shared = survey.is_urgent || !self.sight.notice.moves_slots;
        let wait = if is_shared { self.stagger(now, view.epoch()) } else { Duration::ZERO };
        let at = *self.propose_at.get_or_insert(now + wait);
        let has_lease = self.lease.as_ref().is_some_and(|lease| lease.holds(view.epoch(), now));
        if now < at {
            self.survey_at = self.survey_at.min(at);
        } else if is_stuck || (has_lease && self.sight.notice.has_voice) {
            let name = |index: &_| view.member(*index);
            let electors = view.acceptors().iter().map(name);
            let electors = electors.map(|member| (member.name.clone(), member.incarnation)).collect();
            self.begin(now, next, electors, false);
        }
    }

    fn stagger(&self, now: Duration, epoch: Epoch) -> Duration {
        STAGGER * self.sight.rank(now, epoch).min(40)
    }

    /// The view with these changes; none if it would be the same.
    fn composed(
        &self,
        now: Duration,
        view: &View,
        changes: &BTreeMap<HashSlot, Change>,
        is_stuck: bool,
    ) -> Result<Option<Arc<View>>, String> {
        let before = Membership::of(view);
        let mut membership = before.clone();
        let world = self.sight.world(now, view);
        membership.refresh(&world);
        if world.moves_slots && self.sight.is_in_force(view) {
            let entries = view.chains().iter().flat_map(|chain| &chain.entries);
            // Few members, and an entry of one in each of many chains.
            let in_use: BTreeSet<MemberIndex> = entries.map(|entry| entry.member).collect();
            let in_use = in_use.into_iter().map(|index| view.member(index).name.clone()).collect();
            membership.follow_file(&world, self.sight.digest, &in_use);
        }
        if now >= self.held_since + hold(view) {
            membership.forget_longer_leases(view);
        }
        let is_wanted = is_stuck || !changes.is_empty() || (world.moves_slots && membership != before);
        if !is_wanted {
            return Ok(None);
        }
        successor(view, self.rebalancer.slots(), changes, membership).map(Some)
    }

    /// The first view of a cluster, when all its nodes are there.
    fn found(&mut self, now: Duration) {
        if self.sight.is_by_file() || !self.candidates.is_empty() || self.held_elsewhere(now).is_some() {
            return self.founds_not();
        }
        let drawn = *self.drawn.get_or_insert_with(|| self.random.numbers());
        let drawn = Drawn { cluster: ringmaster_protocol::view::ClusterId(drawn.0), hash_seed: drawn.1 };
        let only = self.settings.only.as_deref();
        let Some((view, electors)) = first_view(&self.sight, now, only, self.rebalancer.slots(), &drawn)
        else {
            self.propose_at = None;
            return self.founds_not();
        };
        if !self.has_announced(now) {
            return;
        }
        let wait = self.stagger(now, Epoch::default());
        let at = *self.propose_at.get_or_insert(now + wait);
        if now >= at {
            self.begin(now, view, electors, self.settings.rules.keep(Rule::AllDecideTheFirst));
        } else {
            self.survey_at = self.survey_at.min(at);
        }
    }

    fn begin(&mut self, now: Duration, view: Arc<View>, electors: Electors, everybody: bool) {
        self.serial += 1;
        let proposer = Proposer::new(self.last_ballot, view, electors.len(), everybody, now);
        let carried = Ballot::default();
        self.attempt = Some(Attempt { serial: self.serial, proposer, electors, carried });
        self.propose_at = None;
    }

    fn poll_attempt(&mut self, now: Duration, out: &mut Vec<Action>) {
        self.give_up_lost(now);
        let random = self.random.next();
        let Some(attempt) = &mut self.attempt else { return };
        let sends = attempt.proposer.poll(now, random);
        self.send(sends, out);
        self.give_up_lost(now);
    }

    /// A lost ballot is not repeated: what its view was computed from may not be so any more.
    fn give_up_lost(&mut self, now: Duration) {
        let Some(attempt) = &self.attempt else { return };
        self.last_ballot = self.last_ballot.max(attempt.proposer.ballot());
        if let Some(until) = attempt.proposer.lost_until() {
            self.attempt = None;
            let longest = Duration::from_millis(25 << self.lost_ballots.min(6)).min(BACKOFF_MAX);
            let share = (self.random.next() >> 11) as f64 / (1u64 << 53) as f64;
            self.lost_ballots += 1;
            let at = until.max(now) + longest.mul_f64(share);
            (self.propose_at, self.survey_at) = (Some(at), at);
        }
    }

    fn send(&mut self, sends: Vec<Send>, out: &mut Vec<Action>) {
        for Send { to, request } in sends {
            let Some(attempt) = &self.attempt else { return };
            let (serial, ballot) = (attempt.serial, attempt.proposer.ballot());
            let (node, incarnation) = attempt.electors[to].clone();
            let id = self.expect(Pending::Ballot { serial, elector: to, ballot });
            out.push(Action::Register { id, node, incarnation, request });
        }
    }

    pub(super) fn elector_answered(
        &mut self,
        now: Duration,
        (serial, elector, ballot): (u64, usize, Ballot),
        answer: Answer,
        out: &mut Vec<Action>,
    ) {
        let random = self.random.next();
        self.note_refusal(now, &answer);
        let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.serial == serial) else { return };
        if let Some((carried, view)) = other_founders(attempt, &answer) {
            return self.take_over(now, carried, view);
        }
        match attempt.proposer.hear(now, elector, ballot, answer, random) {
            Ok(sends) => {
                self.send(sends, out);
                self.give_up_lost(now);
            }
            Err(outcome) => {
                self.last_ballot = self.last_ballot.max(attempt.proposer.ballot());
                self.attempt = None;
                self.came_of(now, outcome, out);
            }
        }
    }

    fn note_refusal(&mut self, now: Duration, answer: &Answer) {
        if let Answer::Refused(Refusal::Undecided(epoch)) = answer {
            self.undecided(now, *epoch);
        }
    }

    /// An accepted first view that names other nodes goes on in place of the own, and is prepared by all of *its* nodes.
    fn take_over(&mut self, now: Duration, carried: Ballot, view: Arc<View>) {
        if let Some(attempt) = &self.attempt {
            self.last_ballot = self.last_ballot.max(attempt.proposer.ballot());
        }
        let electors = electors(&view);
        self.begin(now, view, electors, self.settings.rules.keep(Rule::AllDecideTheFirst));
        if let Some(attempt) = &mut self.attempt {
            attempt.carried = carried;
        }
    }

    fn came_of(&mut self, now: Duration, outcome: Outcome, out: &mut Vec<Action>) {
        match outcome {
            Outcome::Decided(view) => {
                self.adopt(now, Arc::clone(&view), out);
                let members: Vec<NodeName> =
                    view.members().iter().map(|member| member.name.clone()).collect();
                members.into_iter().for_each(|node| self.commit(now, &node, &view, out));
            }
            Outcome::Superseded(view) => self.learn(now, view, out),
            Outcome::Refused(text) => {
                self.trouble = Some(Problem { node: None, text: format!("a view was refused: {text}") });
                self.survey_at = now + REFUSED;
            }
        }
    }

    /// Hands the view to each member that says it has an older one. A node that came back as another data directory is none
    /// until a view names that: if all did, there is nothing left of the cluster, and a node that had its view would be
    /// neither blank nor of any use.
    pub(super) fn commit_again(&mut self, now: Duration, out: &mut Vec<Action>) {
        let Some(view) = self.view.clone() else { return };
        let world = self.sight.world(now, &view);
        let lacks = |member: &&Member| {
            let known = world.answering(&member.name).filter(|known| world.is_ours(known));
            known.is_some_and(|known| known.epoch < view.epoch() && known.incarnation == member.incarnation)
        };
        let is_due = |node: &NodeName| self.commits.get(node).is_none_or(|sent| now >= *sent + COMMIT_AGAIN);
        let names = view.members().iter().filter(lacks).map(|member| &member.name);
        let behind: Vec<NodeName> = names.filter(|node| is_due(node)).cloned().collect();
        behind.into_iter().for_each(|node| self.commit(now, &node, &view, out));
    }

    fn commit(&mut self, now: Duration, node: &NodeName, view: &Arc<View>, out: &mut Vec<Action>) {
        let Some(incarnation) = view.member_named(node).map(|index| view.member(index).incarnation) else {
            return;
        };
        self.commits.insert(node.clone(), now);
        let id = self.expect(Pending::Commit { node: node.clone(), epoch: view.epoch() });
        let node = node.clone();
        out.push(Action::Register {
            id,
            node,
            incarnation,
            request: Request::Commit { view: Arc::clone(view) },
        });
    }

    pub(super) fn attempt_wakes_at(&self) -> Option<Duration> {
        self.attempt.as_ref().and_then(|attempt| attempt.proposer.wakes_at())
    }
}

fn electors(view: &View) -> Electors {
    let elector = |member: &Member| (member.name.clone(), member.incarnation);
    view.members().iter().map(elector).collect()
}

/// The first view that a promise carries, if it names other nodes than those who are asked.
fn other_founders(attempt: &Attempt, answer: &Answer) -> Option<(Ballot, Arc<View>)> {
    let Answer::Promised(Some((ballot, view))) = answer else { return None };
    let names = |electors: &[(NodeName, Incarnation)]| {
        electors.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
    };
    let is_other = names(&electors(view)) != names(&attempt.electors);
    let is_first = view.epoch() == Epoch::FIRST;
    (is_first && is_other && *ballot > attempt.carried).then(|| (*ballot, Arc::clone(view)))
}
