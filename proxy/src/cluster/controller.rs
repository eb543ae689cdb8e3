//! The control core of a proxy: it knows the view, keeps the lease, sees failures, and brings the cluster to where the
//! cluster.yaml wants it.
//!
//! ```text
//! cluster.yaml ──► target ─┐                         ┌──► Adopt: the view that the data path works by
//! Pulse ──► detector ──────┼─► rebalancer ─► proposer ┼──► Register: PREPARE, ACCEPT, COMMIT
//!       └─► lease          │      ▲    └──────────────┼──► Ask: copy, prove, fence, report
//! Say ─────────────────────┴──────┘                   └──► Beat: every 100 ms to each node
//! ```
//! It does no I/O: it is told the time and what came, and says what to do. Its evidence is gathered under the view that
//! it holds and dropped with it.

mod action;
mod bootstrap;
mod deciding;
mod forgetting;
mod leaving_file;
mod outlook;
mod sight;
mod status;
#[cfg(test)]
mod tests;

pub use action::{Action, Settings};
pub use bootstrap::{Electors, founding};
pub use status::{Health, Problem, Status};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, NodeAddress, NodeName};
use ringmaster_protocol::extension::Say;
use ringmaster_protocol::heartbeat::{Beat, Pulse};
use ringmaster_protocol::register::{Answer, Ballot, Refusal};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, View};

use super::lease::Lease;
use super::post::{Notice, Progress};
use super::rebalancer::{Inquiry, Purpose, Rebalancer};
use super::target::Target;
use deciding::Attempt;
use outlook::Outlook;
use sight::Sight;

/// Time between two heartbeats to a node.
const BEAT_EVERY: Duration = Duration::from_millis(100);

/// Time between two looks at all slots, when nothing came and after something came.
const SURVEY_EVERY: Duration = Duration::from_millis(100);
const SURVEY_SOON: Duration = Duration::from_millis(10);

/// Most clusters whose views are remembered before one is adopted.
const CANDIDATES_MAX: usize = 8;

/// Most questions that are unanswered; the oldest count as lost.
const PENDING_MAX: usize = 1 << 16;

/// What an answer is the answer to.
#[derive(Debug)]
enum Pending {
    Ballot { serial: u64, elector: usize, ballot: Ballot },
    Commit { node: NodeName, epoch: Epoch },
    Inquiry(Purpose),
}

/// The control core of a proxy.
#[derive(Debug)]
pub struct Controller {
    settings: Settings,
    sight: Sight,
    view: Option<Arc<View>>,
    /// Since when the view is held.
    held_since: Duration,
    /// Since when nothing is left of its cluster.
    lost_since: Option<Duration>,
    /// The last view that was given up.
    given_up: Option<(ClusterId, Epoch)>,
    lease: Option<Lease>,
    /// What a majority confirmed of an earlier view of the cluster, and until when.
    lease_before: Option<(Epoch, Duration)>,
    /// Views that were heard of before one is held, the latest of each cluster.
    candidates: BTreeMap<u128, Arc<View>>,
    rebalancer: Rebalancer,
    /// By node, when it is to be asked next.
    beats: BTreeMap<NodeName, Duration>,
    /// By node, when it was handed the view.
    commits: BTreeMap<NodeName, Duration>,
    pending: BTreeMap<u64, Pending>,
    next_id: u64,
    attempt: Option<Attempt>,
    serial: u64,
    last_ballot: Ballot,
    lost_ballots: u32,
    propose_at: Option<Duration>,
    survey_at: Duration,
    undecided_since: Option<Duration>,
    /// Since when all is there for a first view of nodes that hold keys.
    founds_since: Option<Duration>,
    random: Random,
    /// Cluster id and hash seed of the cluster that this proxy would found.
    drawn: Option<(u128, u64)>,
    trouble: Option<Problem>,
    outlook: Outlook,
}

/// Numbers drawn from a seed (SplitMix64, Steele et al. 2014).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn numbers(&mut self) -> (u128, u64) {
        let high = u128::from(self.next()) << 64;
        (high | u128::from(self.next()).max(1), self.next())
    }
}

impl Controller {
    /// A controller that knows no view yet. The first [`Controller::poll`] asks all nodes for it.
    #[must_use]
    pub fn new(settings: Settings, file: &ClusterFile, now: Duration) -> Self {
        let seed = settings.seed ^ settings.proxy as u64 ^ (settings.proxy >> 64) as u64;
        let mut controller = Self {
            sight: Sight::new(settings.proxy, settings.rules, file),
            view: None,
            held_since: now,
            lost_since: None,
            given_up: None,
            lease: None,
            lease_before: None,
            candidates: BTreeMap::new(),
            rebalancer: Rebalancer::new(settings.slots.clone(), file.limits.rebalance_bytes.bytes()),
            beats: BTreeMap::new(),
            commits: BTreeMap::new(),
            pending: BTreeMap::new(),
            next_id: 0,
            attempt: None,
            serial: 0,
            last_ballot: Ballot { round: 0, proposer: settings.proxy },
            lost_ballots: 0,
            propose_at: None,
            survey_at: now,
            undecided_since: None,
            founds_since: None,
            random: Random(seed),
            drawn: None,
            trouble: None,
            outlook: Outlook::default(),
            settings,
        };
        controller.sight.alone = controller.settings.by_file.then(|| file.clone());
        controller.watch(now);
        controller
    }

    /// The cluster.yaml was edited.
    pub fn file_changed(&mut self, now: Duration, file: &ClusterFile) {
        self.sight.file_changed(file, self.view.as_deref());
        self.rebalancer.set_pace(file.limits.rebalance_bytes.bytes());
        self.watch(now);
        self.survey_at = now;
    }

    /// The view that is held.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.view.as_ref()
    }

    /// The epoch whose lease is held, and until when; zero where no majority has confirmed any. Until one has confirmed the view
    /// that is held, this is what one said of a view before: it holds for the chains that are the same.
    #[must_use]
    pub fn lease(&self) -> (Epoch, Duration) {
        let own = self.lease.as_ref().and_then(|lease| Some((lease.epoch(), lease.until()?)));
        own.or(self.lease_before).unwrap_or_default()
    }

    /// Where a node listens: as the cluster.yaml says, else as a view does.
    #[must_use]
    pub fn address(&self, node: &NodeName) -> Option<&NodeAddress> {
        let of_file = self.sight.file.nodes.iter().find(|known| known.name == *node);
        let mut views = self.view.iter().chain(self.candidates.values());
        let of_view = || views.find_map(|view| Some(&view.member(view.member_named(node)?).address));
        of_file.map(|known| &known.address).or_else(of_view)
    }

    /// Whether no view is wanted, and none is held: the cluster.yaml alone says where slots are.
    #[must_use]
    pub fn is_by_file(&self) -> bool {
        self.view.is_none() && self.sight.is_by_file()
    }

    /// Whether all nodes of the cluster.yaml have answered, and none has told of a view.
    #[must_use]
    pub fn has_asked_all(&self) -> bool {
        let mut nodes = self.sight.file.nodes.iter();
        self.candidates.is_empty() && nodes.all(|node| self.sight.nodes.known(&node.name).is_some())
    }

    /// When [`Controller::poll`] is to be called at the latest.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        let survey = (self.attempt.is_none()).then_some(self.survey_at);
        self.beats.values().copied().chain(survey).chain(self.attempt_wakes_at()).min()
    }

    /// How many proxies are alive, this one included.
    #[must_use]
    pub fn proxies(&self, now: Duration) -> u64 {
        self.sight.detector.proxies(now).count() as u64 + 1
    }

    /// Does what is due.
    pub fn poll(&mut self, now: Duration) -> Vec<Action> {
        let mut out = Vec::new();
        self.look(now, &mut out);
        self.decide(now, &mut out);
        self.outlook.note(now, self.rebalancer.outlook().0 as u64, self.rebalancer.copied());
        self.commit_again(now, &mut out);
        self.beat(now, &mut out);
        out
    }

    /// A node answered the heartbeat that was sent at `sent`.
    pub fn heard(&mut self, now: Duration, sent: Duration, node: &NodeName, pulse: Pulse) -> Vec<Action> {
        let mut out = Vec::new();
        self.sight.heard(now, sent, node, &pulse);
        match pulse.lease {
            Answer::Confirmed => {
                if let Some(lease) = self.lease.as_mut().filter(|lease| lease.epoch() == pulse.epoch) {
                    lease.confirmed(sent, node, pulse.incarnation);
                }
            }
            Answer::Refused(Refusal::Later(view)) => self.learn(now, view, &mut out),
            Answer::Refused(Refusal::Undecided(epoch)) => self.undecided(now, epoch),
            _ => {}
        }
        self.choose_cluster(now, &mut out);
        self.survey_soon(now);
        out
    }

    /// A register answered.
    pub fn answered(&mut self, now: Duration, id: u64, answer: Answer) -> Vec<Action> {
        let mut out = Vec::new();
        match self.pending.remove(&id) {
            Some(Pending::Ballot { serial, elector, ballot }) => {
                self.elector_answered(now, (serial, elector, ballot), answer, &mut out);
            }
            Some(Pending::Commit { node, epoch }) => self.committed(now, &node, epoch, answer, &mut out),
            Some(Pending::Inquiry(_)) | None => {}
        }
        self.beat(now, &mut out);
        out
    }

    /// A question about slots was answered.
    pub fn said(&mut self, now: Duration, id: u64, say: Say) -> Vec<Action> {
        self.inquired(now, id, Some(say))
    }

    /// A question will not be answered: its connection was lost or could not be attached.
    pub fn lost(&mut self, now: Duration, id: u64) -> Vec<Action> {
        self.inquired(now, id, None)
    }

    /// Somebody met a slot that is fenced for `epoch`, or an acceptor that has accepted it: it is brought to a decision.
    pub fn undecided(&mut self, now: Duration, epoch: Epoch) {
        if self.view.as_ref().is_some_and(|view| view.epoch().next() == epoch) {
            self.undecided_since.get_or_insert(now);
        }
    }

    /// An entry of the slot cannot go on with it.
    pub fn broken(&mut self, slot: HashSlot, node: &NodeName, boot: Boot) {
        self.rebalancer.broken(slot, node, boot);
    }

    /// Whether this proxy is at fault: for long it has not reached a node that the others reach.
    #[must_use]
    pub fn is_at_fault(&self, now: Duration) -> bool {
        self.sight.detector.is_at_fault(now)
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self, now: Duration) -> Status {
        status::of(self, now)
    }

    /// Where the slots are to be; none where that is not known, or the cluster.yaml is not in force.
    #[must_use]
    pub fn target(&self) -> Option<Arc<Target>> {
        self.view.as_deref().and_then(|view| self.sight.target(view))
    }

    fn inquired(&mut self, now: Duration, id: u64, say: Option<Say>) -> Vec<Action> {
        let mut out = Vec::new();
        let Some(Pending::Inquiry(purpose)) = self.pending.remove(&id) else { return out };
        if let Some(view) = self.view.clone() {
            let world = self.sight.world(now, &view);
            let was_fence = matches!(purpose, Purpose::Fence { .. });
            let inquiry = self.rebalancer.said(&world, purpose, say);
            inquiry.into_iter().for_each(|inquiry| self.ask(inquiry, &mut out));
            self.survey_soon(now);
            if was_fence && self.rebalancer.has_fenced() && self.propose_at.is_none_or(|at| at <= now) {
                self.survey_at = now;
            }
        }
        out
    }

    fn ask(&mut self, inquiry: Inquiry, out: &mut Vec<Action>) {
        let Some(view) = &self.view else { return };
        let Inquiry { purpose, node, incarnation, boot, ask } = inquiry;
        let attach = view.epoch();
        let id = self.expect(Pending::Inquiry(purpose));
        out.push(Action::Ask { id, node, incarnation, boot, attach, ask });
    }

    /// Names a question.
    fn expect(&mut self, pending: Pending) -> u64 {
        if self.pending.len() >= PENDING_MAX {
            self.pending.pop_first();
        }
        self.next_id += 1;
        self.pending.insert(self.next_id, pending);
        self.next_id
    }

    fn survey_soon(&mut self, now: Duration) {
        if self.propose_at.is_none_or(|at| at <= now) {
            self.survey_at = self.survey_at.min(now + SURVEY_SOON);
        }
    }

    /// Looks around, and tells the others at once what is new.
    fn look(&mut self, now: Duration, out: &mut Vec<Action>) {
        self.note_end_of_founding(now);
        if self.sight.poll(now, self.view.as_deref()) {
            self.beats.values_mut().for_each(|due| *due = now);
            self.survey_at = self.survey_at.min(now);
        }
        if let Some(view) = self.view.clone()
            && (self.is_lost(now, &view) || self.is_left(now, &view))
        {
            self.give_up_view(now, out);
        }
    }

    fn committed(
        &mut self,
        now: Duration,
        node: &NodeName,
        epoch: Epoch,
        answer: Answer,
        out: &mut Vec<Action>,
    ) {
        match answer {
            Answer::Committed => {
                self.sight.nodes.committed(node, epoch);
                if let Some(due) = self.beats.get_mut(node) {
                    *due = now;
                }
            }
            Answer::Refused(Refusal::Later(view)) => self.learn(now, view, out),
            Answer::Refused(Refusal::Foreign(cluster)) => {
                let text = format!(
                    "belongs to cluster {:032x}: remove it from the cluster.yaml or empty it",
                    cluster.0
                );
                self.trouble = Some(Problem { node: Some(node.clone()), text });
            }
            _ => {}
        }
    }

    /// A committed view was heard of.
    fn learn(&mut self, now: Duration, view: Arc<View>, out: &mut Vec<Action>) {
        if self.view.is_some() {
            return self.adopt(now, view, out);
        }
        let is_known = self.candidates.contains_key(&view.cluster().0);
        if !is_known && self.candidates.len() >= CANDIDATES_MAX {
            return;
        }
        let known = self.candidates.entry(view.cluster().0).or_insert_with(|| Arc::clone(&view));
        if known.epoch() < view.epoch() {
            *known = view;
        }
        self.watch(now);
        self.choose_cluster(now, out);
    }

    /// Before a view is held: that cluster is ours of which a majority of acceptors says that it is theirs.
    fn choose_cluster(&mut self, now: Duration, out: &mut Vec<Action>) {
        if self.view.is_some() {
            return;
        }
        let is_of = |view: &Arc<View>| {
            let belongs = |index: &&_| {
                let known = self.sight.nodes.known(&view.member(**index).name);
                known.is_some_and(|known| known.cluster == Some(view.cluster()))
            };
            view.acceptors().iter().filter(belongs).count() * 2 > view.acceptors().len()
        };
        if let Some(view) = self.candidates.values().find(|view| is_of(view)).cloned() {
            self.candidates.clear();
            self.adopt(now, view, out);
        }
    }

    fn adopt(&mut self, now: Duration, view: Arc<View>, out: &mut Vec<Action>) {
        let is_later = |held: &Arc<View>| held.cluster() == view.cluster() && held.epoch() < view.epoch();
        if !self.view.as_ref().is_none_or(is_later) {
            return;
        }
        if let Some(attempt) = self.attempt.take() {
            self.last_ballot = self.last_ballot.max(attempt.ballot());
        }
        (self.undecided_since, self.propose_at, self.lost_ballots) = (None, None, 0);
        self.lost_since = None;
        (self.held_since, self.survey_at, self.trouble) = (now, now, None);
        self.lease_before = Some(self.lease()).filter(|(_, until)| *until > Duration::ZERO);
        self.lease = Some(Lease::of(&view));
        self.sight.adopted(&view);
        self.rebalancer.adopted(now, &view);
        self.candidates.clear();
        self.view = Some(Arc::clone(&view));
        self.watch(now);
        self.beats.values_mut().for_each(|due| *due = now);
        out.push(Action::Adopt(view));
        self.beat(now, out);
    }

    /// Asks the nodes of the file and of the views, and no others.
    fn watch(&mut self, now: Duration) {
        let of_views = self.view.iter().chain(self.candidates.values());
        let members = of_views.flat_map(|view| view.members()).map(|member| (&member.name, member.boot));
        let nodes = self.sight.file.nodes.iter().map(|node| (&node.name, Boot::default()));
        let watched: BTreeMap<NodeName, Boot> =
            nodes.chain(members).map(|(name, boot)| (name.clone(), boot)).collect();
        self.beats.retain(|node, _| watched.contains_key(node));
        self.commits.retain(|node, _| watched.contains_key(node));
        self.sight.nodes.keep(|node| watched.contains_key(node));
        self.sight.detector.keep(|node| watched.contains_key(node));
        for (node, boot) in watched {
            self.sight.detector.watch(now, &node, boot);
            self.beats.entry(node).or_insert(now);
        }
    }

    /// How far this proxy is with what it moves.
    fn progress(&self) -> Progress {
        let (slots_to_do, slots_lost, copies) = self.rebalancer.outlook();
        let (slots_per_minute, bytes_per_second) = self.outlook.rates();
        Progress {
            slots_to_do: slots_to_do as u64,
            slots_lost: slots_lost as u64,
            copies: copies as u64,
            copied_bytes: self.rebalancer.copied(),
            bytes_per_second,
            slots_per_minute,
        }
    }

    fn beat(&mut self, now: Duration, out: &mut Vec<Action>) {
        let cluster = self.view.as_ref().map_or(ClusterId::default(), |view| view.cluster());
        let epoch = self.view.as_ref().map_or(Epoch::default(), |view| view.epoch());
        let progress = self.sight.notice.moves_slots.then(|| self.progress());
        let notice = Notice { progress, ..self.sight.notice.clone() };
        let full = self.sight.nodes.full();
        let beat = Beat { cluster, epoch, proxy: self.settings.proxy, post: notice.encode(), full };
        // What a view does not name is free for another cluster: whoever founds that need not hear of this one.
        let to_others = Beat { post: Notice { held: None, ..notice }.encode(), ..beat.clone() };
        let (view, nodes) = (self.view.as_ref(), &self.sight.nodes);
        let pace = self.pace(now);
        let every = |node| if nodes.known(node).is_some() { pace } else { BEAT_EVERY };
        for (node, due) in self.beats.iter_mut().filter(|(_, due)| **due <= now) {
            *due = now + every(node);
            let is_member = view.is_some_and(|view| view.member_named(node).is_some());
            let beat = if is_member { &beat } else { &to_others };
            out.push(Action::Beat { node: node.clone(), beat: beat.clone() });
        }
    }
}
