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
mod status;

pub use action::{Action, Settings};
pub use status::{Problem, Status};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, NodeAddress, NodeName};
use ringmaster_protocol::extension::Say;
use ringmaster_protocol::heartbeat::{Beat, Pulse};
use ringmaster_protocol::register::{Answer, Refusal};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, View};

use super::detector::Detector;
use super::lease::Lease;
use super::nodes::Nodes;
use super::post::Notice;

/// Time between two heartbeats to a node.
const BEAT_EVERY: Duration = Duration::from_millis(100);

/// The control core of a proxy.
#[derive(Debug)]
pub struct Controller {
    settings: Settings,
    file: ClusterFile,
    view: Option<Arc<View>>,
    lease: Option<Lease>,
    nodes: Nodes,
    detector: Detector,
    /// By node, when it is to be asked next.
    beats: BTreeMap<NodeName, Duration>,
    notice: Notice,
}

impl Controller {
    /// A controller that knows no view yet. The first [`Controller::poll`] asks all nodes for it.
    #[must_use]
    pub fn new(settings: Settings, file: &ClusterFile, now: Duration) -> Self {
        let mut controller = Self {
            detector: Detector::new(file.timeouts.failure.duration()),
            settings,
            file: file.clone(),
            view: None,
            lease: None,
            nodes: Nodes::default(),
            beats: BTreeMap::new(),
            notice: Notice::default(),
        };
        controller.watch(now);
        controller
    }

    /// The cluster.yaml was edited.
    pub fn file_changed(&mut self, file: &ClusterFile) {
        self.file = file.clone();
        self.detector.set_timeout(file.timeouts.failure.duration());
    }

    /// The view that is held.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.view.as_ref()
    }

    /// The epoch whose lease is held, and until when; the time is zero where no majority has confirmed it.
    #[must_use]
    pub fn lease(&self) -> (Epoch, Duration) {
        let until = self.lease.as_ref().and_then(Lease::until).unwrap_or_default();
        (self.lease.as_ref().map(Lease::epoch).unwrap_or_default(), until)
    }

    /// Where a node listens: as the cluster.yaml says, else as the view does.
    #[must_use]
    pub fn address(&self, node: &NodeName) -> Option<&NodeAddress> {
        let of_file = self.file.nodes.iter().find(|known| known.name == *node).map(|known| &known.address);
        let view = self.view.as_deref();
        of_file.or_else(|| view.and_then(|view| Some(&view.member(view.member_named(node)?).address)))
    }

    /// When [`Controller::poll`] is to be called at the latest.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        self.beats.values().copied().min()
    }

    /// Does what is due.
    pub fn poll(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        self.beat(now, &mut actions);
        actions
    }

    /// A node answered the heartbeat that was sent at `sent`.
    pub fn heard(&mut self, now: Duration, sent: Duration, node: &NodeName, pulse: Pulse) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.nodes.heard(now, sent, node, &pulse) {
            self.detector.heard(now, node, pulse.boot);
        }
        match pulse.lease {
            Answer::Confirmed => self.confirmed(sent, node, pulse.epoch, &pulse.incarnation),
            Answer::Refused(Refusal::Later(view)) => self.adopt(now, view, &mut actions),
            _ => {}
        }
        actions
    }

    /// A register answered.
    pub fn answered(&mut self, _now: Duration, _id: u64, _answer: Answer) -> Vec<Action> {
        Vec::new()
    }

    /// A question about slots was answered.
    pub fn said(&mut self, _now: Duration, _id: u64, _say: Say) -> Vec<Action> {
        Vec::new()
    }

    /// A question will not be answered: its connection was lost or could not be attached.
    pub fn lost(&mut self, _now: Duration, _id: u64) -> Vec<Action> {
        Vec::new()
    }

    /// Somebody met a slot that is fenced for `epoch`, or an acceptor that has accepted it: bring it to a decision.
    pub fn undecided(&mut self, _now: Duration, _epoch: Epoch) {}

    /// An entry of the slot cannot go on with it.
    pub fn broken(&mut self, _slot: HashSlot, _node: &NodeName, _boot: Boot) {}

    /// How things stand.
    #[must_use]
    pub fn status(&self, _now: Duration) -> Status {
        Status::default()
    }

    fn confirmed(
        &mut self,
        sent: Duration,
        node: &NodeName,
        epoch: Epoch,
        incarnation: &ringmaster_protocol::view::Incarnation,
    ) {
        if let Some(lease) = self.lease.as_mut().filter(|lease| lease.epoch() == epoch) {
            lease.confirmed(sent, node, *incarnation);
        }
    }

    fn adopt(&mut self, now: Duration, view: Arc<View>, actions: &mut Vec<Action>) {
        let is_later = self
            .view
            .as_ref()
            .is_none_or(|held| held.cluster() == view.cluster() && held.epoch() < view.epoch());
        if is_later {
            self.lease = Some(Lease::of(&view));
            self.view = Some(Arc::clone(&view));
            self.watch(now);
            self.beats.values_mut().for_each(|due| *due = now);
            actions.push(Action::Adopt(view));
            self.beat(now, actions);
        }
    }

    /// Asks the nodes of the file and of the view, and no others.
    fn watch(&mut self, now: Duration) {
        for node in &self.file.nodes {
            self.beats.entry(node.name.clone()).or_insert(now);
        }
        for member in self.view.iter().flat_map(|view| view.members()) {
            self.beats.entry(member.name.clone()).or_insert(now);
        }
    }

    fn beat(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let cluster = self.view.as_ref().map_or(ClusterId::default(), |view| view.cluster());
        let epoch = self.view.as_ref().map_or(Epoch::default(), |view| view.epoch());
        let beat = Beat { cluster, epoch, proxy: self.settings.proxy, post: self.notice.encode() };
        for (node, due) in self.beats.iter_mut().filter(|(_, due)| **due <= now) {
            *due = now + BEAT_EVERY;
            actions.push(Action::Beat { node: node.clone(), beat: beat.clone() });
        }
    }
}
