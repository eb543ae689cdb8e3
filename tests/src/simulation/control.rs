//! Who changes views in a simulated proxy: it keeps to the rules of change, and else does whatever chance says.
//!
//! It removes entries that are dead and, while it is unruly, such as are alive; appends outsiders, staged or not; brings
//! joiners in; clears marks; re-seats chains that are lost. Several proxies do so at once, on stale knowledge. Views are
//! decided by the real proposer and acceptors.

mod job;
mod plan;

pub(crate) use plan::remove;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::extension::{Ask, Rules, Say};
use ringmaster_protocol::heartbeat::Beat;
use ringmaster_protocol::register::{Answer, Ballot, Refusal, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, Incarnation, View, ViewParts};
use ringmaster_proxy::chain::Lease;
use ringmaster_proxy::cluster::proposer::{Outcome, Proposer, Send};

use super::message::{Id, NodeId};
use super::random::Random;
use job::Job;

/// Between two questions for the lease to one node.
const BEAT_EVERY: Duration = Duration::from_millis(50);

/// Without an answer for so long a node is taken for dead.
pub const FAILURE_TIMEOUT: Duration = Duration::from_millis(300);

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The rules that are kept.
    pub rules: Rules,
    /// The slots that are looked after.
    pub slots: Vec<HashSlot>,
    /// The names of all nodes.
    pub names: Vec<String>,
    /// Entries that a chain is to have.
    pub replicas: usize,
}

/// What is to be sent.
#[derive(Clone, Debug)]
pub enum Order {
    /// A question to an acceptor.
    Register {
        /// Names it.
        id: Id,
        /// To whom.
        node: NodeId,
        /// Under which data directory; the default is any.
        incarnation: Incarnation,
        /// What.
        request: Request,
    },
    /// A heartbeat.
    Beat {
        /// Names it.
        id: Id,
        /// To whom.
        node: NodeId,
        /// What.
        beat: Beat,
    },
    /// A question about slots, on a connection that is attached so.
    Ask {
        /// Names it.
        id: Id,
        /// To whom.
        node: NodeId,
        /// The view by which it is asked.
        attach: Epoch,
        /// Of the node.
        incarnation: Incarnation,
        /// Of the node.
        boot: Boot,
        /// What.
        ask: Ask,
    },
}

/// What was heard of a node last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Duration,
    incarnation: Incarnation,
    boot: Boot,
}

#[derive(Debug)]
enum Question {
    /// For the lease of an epoch, sent then.
    Beat(NodeId, Epoch, Duration),
    Ballot(usize, Ballot),
    Job,
    Other,
}

/// A proposal under way.
#[derive(Debug)]
struct Proposal {
    proposer: Proposer,
    acceptors: Vec<(NodeId, Incarnation)>,
}

/// The control side of one proxy.
#[derive(Debug)]
pub struct Control {
    settings: Settings,
    random: Random,
    /// Whether it removes what is alive.
    pub is_unruly: bool,
    /// Whether it plans nothing: a script says what is to be changed.
    pub is_idle: bool,
    view: Option<Arc<View>>,
    /// Since when the view is held: what was seen before is no evidence under it.
    held_since: Duration,
    /// When each mark was first seen.
    marks: BTreeMap<Epoch, Duration>,
    seen: BTreeMap<NodeId, Seen>,
    /// When the last question was sent that each node confirmed the view's epoch to.
    confirmed: BTreeMap<NodeId, Duration>,
    questions: BTreeMap<Id, Question>,
    last_id: Id,
    last_ballot: Ballot,
    proposal: Option<Proposal>,
    job: Option<Job>,
    beats_at: Duration,
    plans_at: Duration,
    /// Since when an acceptor says that something is accepted and not decided.
    undecided_since: Option<Duration>,
    out: Vec<Order>,
    /// What was decided here, for the trace.
    pub decided: Vec<Arc<View>>,
    /// What was proposed here.
    pub proposed: Vec<Arc<View>>,
}

impl Control {
    /// It knows the nodes and nothing else.
    #[must_use]
    pub fn new(settings: Settings, mut random: Random, now: Duration) -> Self {
        let last_ballot = Ballot { round: 0, proposer: random.wide() };
        Self {
            settings,
            random,
            is_unruly: true,
            is_idle: false,
            view: None,
            held_since: now,
            marks: BTreeMap::new(),
            seen: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            questions: BTreeMap::new(),
            last_id: 0,
            last_ballot,
            proposal: None,
            job: None,
            beats_at: now,
            plans_at: now,
            undecided_since: None,
            out: Vec::new(),
            decided: Vec::new(),
            proposed: Vec::new(),
        }
    }

    /// The view that it holds.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.view.as_ref()
    }

    /// The lease that it holds.
    #[must_use]
    pub fn lease(&self) -> Lease {
        let Some(view) = &self.view else { return Lease::default() };
        let of = |index: &_| self.confirmed.get(&self.node(view, *index)).copied();
        let mut sent: Vec<Option<Duration>> = view.acceptors().iter().map(of).collect();
        sent.sort_unstable();
        sent.reverse();
        let until = sent.get(view.acceptors().len() / 2).copied().flatten();
        let until = until.map_or(Duration::ZERO, |sent| sent + view.lease().duration());
        Lease { epoch: view.epoch(), until }
    }

    /// When [`Control::poll`] is to be called.
    #[must_use]
    pub fn wakes_at(&self) -> Duration {
        let proposer = self.proposal.as_ref().and_then(|proposal| proposal.proposer.wakes_at());
        self.beats_at.min(self.plans_at).min(proposer.unwrap_or(self.beats_at))
    }

    /// The orders that have come up.
    pub fn orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.out)
    }

    /// Goes on with what is due.
    pub fn poll(&mut self, now: Duration) {
        if self.beats_at <= now {
            self.beats_at = now + BEAT_EVERY;
            (0..self.settings.names.len()).for_each(|node| self.beat(now, node));
        }
        self.propose(now);
        if self.plans_at <= now {
            self.plans_at = now + self.random.millis(20, 120);
            if !self.is_idle {
                self.plan(now);
            }
        }
    }

    /// Proposes the view that follows the one which it holds, with these changes.
    pub fn decide(&mut self, now: Duration, change: impl FnOnce(&mut ViewParts)) {
        if let Some(view) = self.view.clone() {
            let mut parts = self.next_parts(&view);
            change(&mut parts);
            self.begin(now, parts);
        }
    }

    /// Brings the joining entry of the slot's chain in: proves it, then proposes it.
    pub fn bring_in(&mut self, now: Duration, slot: HashSlot) {
        if let Some(view) = self.view.clone() {
            self.start(now, Job::promote(&view, slot));
        }
    }

    /// Proposes to append a node to the slot's chain.
    pub fn append_to(&mut self, now: Duration, slot: HashSlot, node: NodeId) {
        if let Some(view) = self.view.clone() {
            let parts = self.with_joiner(&view, slot, node);
            self.begin(now, parts);
        }
    }

    /// Asks a node now whether the view is the latest.
    pub fn beat(&mut self, now: Duration, node: NodeId) {
        let epoch = self.view.as_ref().map_or(Epoch::default(), |view| view.epoch());
        let incarnation = Incarnation::default();
        let question = Question::Beat(node, epoch, now);
        self.register(node, incarnation, question, Request::Confirm { epoch });
    }

    /// A node has a view of this epoch, or a slot of it is fenced for it: it is asked, and what is not decided then is driven to
    /// a decision.
    pub fn undecided(&mut self, now: Duration, node: NodeId, epoch: Epoch) {
        self.beat(now, node);
        if self.view.as_ref().is_some_and(|view| view.epoch().next() == epoch) {
            self.undecided_since.get_or_insert(now);
        }
    }

    /// Hands a node the view.
    pub fn hand_over(&mut self, node: NodeId) {
        if let Some(view) = self.view.clone() {
            self.register(node, Incarnation::default(), Question::Other, Request::Commit { view });
        }
    }

    fn register(&mut self, node: NodeId, incarnation: Incarnation, question: Question, request: Request) {
        let id = self.draw(question);
        self.out.push(Order::Register { id, node, incarnation, request });
    }

    fn draw(&mut self, question: Question) -> Id {
        self.last_id += 1;
        self.questions.insert(self.last_id, question);
        self.last_id
    }

    fn node(&self, view: &View, index: ringmaster_protocol::view::MemberIndex) -> NodeId {
        let name = view.member(index).name.as_str();
        self.settings.names.iter().position(|known| known == name).unwrap_or_default()
    }

    /// Holds a later view.
    pub fn adopt(&mut self, now: Duration, view: &Arc<View>) {
        if self.view.as_ref().is_some_and(|known| known.epoch() >= view.epoch()) {
            return;
        }
        let mut marks: Vec<Epoch> =
            self.settings.slots.iter().filter_map(|slot| view.chain(*slot).unsealed).collect();
        marks.sort_unstable();
        self.marks.retain(|mark, _| marks.contains(mark));
        for mark in marks {
            self.marks.entry(mark).or_insert(now);
        }
        self.confirmed.clear();
        (self.job, self.proposal, self.undecided_since) = (None, None, None);
        self.view = Some(Arc::clone(view));
        self.held_since = now;
        self.beats_at = now;
    }

    /// An acceptor has answered.
    pub fn answered(&mut self, now: Duration, id: Id, node: NodeId, answer: (Answer, Incarnation, Boot)) {
        let (answer, incarnation, boot) = answer;
        let Some(question) = self.questions.remove(&id) else { return };
        self.seen.insert(node, Seen { at: now, incarnation, boot });
        if let Answer::Refused(Refusal::Later(view)) = &answer {
            return self.adopt(now, view);
        }
        if let Answer::Refused(Refusal::Behind(_)) = &answer {
            self.hand_over(node);
        }
        match question {
            Question::Beat(node, epoch, sent) => self.heard(now, node, (epoch, sent), &answer),
            Question::Ballot(from, ballot) => self.hear(now, from, ballot, answer),
            Question::Job | Question::Other => {}
        }
    }

    fn heard(&mut self, now: Duration, node: NodeId, (epoch, sent): (Epoch, Duration), answer: &Answer) {
        let Some(view) = &self.view else { return };
        if view.epoch() != epoch {
            return;
        }
        match answer {
            Answer::Confirmed => {
                let is_named = view.members().iter().any(|member| {
                    member.name.as_str() == self.settings.names[node]
                        && self.seen.get(&node).is_some_and(|seen| seen.incarnation == member.incarnation)
                });
                let known = self.confirmed.get(&node).copied().unwrap_or_default();
                if is_named && sent > known {
                    self.confirmed.insert(node, sent);
                }
            }
            Answer::Refused(Refusal::Undecided(_)) => {
                self.undecided_since.get_or_insert(now);
            }
            _ => {}
        }
    }

    fn hear(&mut self, now: Duration, from: usize, ballot: Ballot, answer: Answer) {
        let Some(proposal) = &mut self.proposal else { return };
        let random = self.random.number();
        match proposal.proposer.hear(now, from, ballot, answer, random) {
            Ok(sends) => self.send(sends),
            Err(outcome) => {
                self.last_ballot = proposal.proposer.ballot();
                self.proposal = None;
                if let Outcome::Decided(view) = outcome {
                    self.decided.push(Arc::clone(&view));
                    self.adopt(now, &view);
                    (0..self.settings.names.len()).for_each(|node| self.hand_over(node));
                }
            }
        }
    }

    fn send(&mut self, sends: Vec<Send>) {
        let Some(proposal) = &self.proposal else { return };
        let ballot = proposal.proposer.ballot();
        let acceptors = proposal.acceptors.clone();
        for Send { to, request } in sends {
            let (node, incarnation) = acceptors[to];
            self.register(node, incarnation, Question::Ballot(to, ballot), request);
        }
    }

    fn propose(&mut self, now: Duration) {
        let random = self.random.number();
        let Some(proposal) = &mut self.proposal else { return };
        let sends = proposal.proposer.poll(now, random);
        self.last_ballot = self.last_ballot.max(proposal.proposer.ballot());
        self.send(sends);
    }

    /// Proposes the view of these parts as the next one.
    fn begin(&mut self, now: Duration, parts: ViewParts) {
        let Some(view) = self.view.clone() else { return };
        let Ok(wished) = View::new(parts).map(Arc::new) else { return };
        self.proposed.push(Arc::clone(&wished));
        let begin = now + self.random.millis(0, 10);
        let acceptors: Vec<_> = view
            .acceptors()
            .iter()
            .map(|index| (self.node(&view, *index), view.member(*index).incarnation))
            .collect();
        let proposer = Proposer::new(self.last_ballot, wished, acceptors.len(), false, begin);
        self.job = None;
        self.proposal = Some(Proposal { proposer, acceptors });
    }

    /// A node has answered a question about slots.
    pub fn said(&mut self, now: Duration, id: Id, say: Say) {
        if let Some(Question::Job) = self.questions.remove(&id) {
            self.job_said(now, id, say);
        }
    }

    /// The connection of a question was lost.
    pub fn lost(&mut self, id: Id) {
        if let Some(Question::Job) = self.questions.remove(&id) {
            self.job = self.job.take().filter(|job| !job.awaits(id));
        }
    }
}
