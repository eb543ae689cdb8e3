//! The loop of the control thread.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::extension::Attach;
use ringmaster_protocol::heartbeat::Pulse;
use ringmaster_protocol::view::{ClusterId, Epoch, Incarnation};
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::kept::with_members;
use super::node::{Event, Inbox, NodeLinks};
use super::published::{Chore, Published, Told};
use crate::chain::Lease;
use crate::clock;
use crate::cluster::Topology;
use crate::cluster::controller::{Action, Controller, Problem, Settings};
use crate::dial::Credentials;

/// Longest time between two looks at the cluster.yaml in effect.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Shortest pause of the loop: a controller that wishes to be called at once gets its answers between.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// How long after the start problems are no news: no node can have answered yet.
const SILENCE: Duration = Duration::from_secs(1);

/// What the control thread holds.
pub(super) struct Control {
    controller: Controller,
    topology: Arc<ArcSwap<Topology>>,
    /// The topology that the controller was told of.
    adopted: Arc<Topology>,
    /// The view whose members were added to the nodes that were found, where nodes are found.
    kept: Option<(ClusterId, Epoch)>,
    published: Arc<Published>,
    nodes: HashMap<NodeName, NodeLinks>,
    inbox: Rc<Inbox>,
    credentials: Arc<Credentials>,
    /// The members that were above their watermark when they last answered.
    pressed: HashSet<Incarnation>,
    /// When it is told next how things stand.
    status_due: Duration,
    /// The problems that stand in the log.
    told: Vec<Problem>,
    /// None is logged before.
    silent_until: Duration,
}

impl Control {
    pub(super) fn new(
        topology: Arc<ArcSwap<Topology>>,
        published: Arc<Published>,
        credentials: Arc<Credentials>,
    ) -> Self {
        let adopted = topology.load_full();
        let by_file = !published.by_views();
        let settings = Settings { by_file, ..Settings::new(rand::random(), rand::random()) };
        let controller = Controller::new(settings, adopted.file(), clock::now());
        let (nodes, inbox, pressed) = (HashMap::new(), Rc::default(), HashSet::new());
        let status_due = Duration::ZERO;
        let kept = None;
        let (told, silent_until) = (Vec::new(), clock::now() + SILENCE);
        Self {
            controller,
            topology,
            adopted,
            kept,
            published,
            nodes,
            inbox,
            credentials,
            pressed,
            status_due,
            told,
            silent_until,
        }
    }

    /// Runs until it is stopped.
    pub(super) async fn run(mut self, mut told: Receiver<Told>, stop: CancellationToken) {
        let inbox = Rc::clone(&self.inbox);
        loop {
            self.follow_file();
            let actions = self.controller.poll(clock::now());
            self.carry_out(actions);
            self.take_events();
            self.publish();
            tokio::select! {
                () = stop.cancelled() => return,
                () = inbox.notify.notified() => {}
                () = sleep(self.pause()) => {}
                told = told.recv() => {
                    if let Some(Told::Undecided(epoch)) = told {
                        self.controller.undecided(clock::now(), epoch);
                    }
                }
            }
        }
    }

    /// Until the controller wants to be called.
    fn pause(&self) -> Duration {
        let wished = self.controller.wakes_at().map(|at| at.saturating_sub(clock::now()));
        wished.map_or(LOOK_EVERY, |wished| wished.clamp(PAUSE_MIN, LOOK_EVERY))
    }

    fn follow_file(&mut self) {
        let latest = self.topology.load();
        let is_new = !Arc::ptr_eq(&latest, &self.adopted);
        let finds_nodes = latest.file().discovery.is_some();
        // A list of nodes is what it is; found ones depend on the view.
        let view = self.controller.view().filter(|_| finds_nodes);
        let held = view.map(|view| (view.cluster(), view.epoch()));
        if is_new || held != self.kept {
            let file = with_members(latest.file(), view.map(Arc::as_ref));
            self.controller.file_changed(clock::now(), &file);
            (self.adopted, self.kept) = (Arc::clone(&latest), held);
            self.disconnect();
        }
    }

    /// Drops the connections to nodes that are elsewhere by now, or nowhere.
    fn disconnect(&mut self) {
        let controller = &self.controller;
        let is_there = |name: &NodeName, at: &str| {
            controller.address(name).is_some_and(|address| address.to_string() == at)
        };
        self.nodes.retain(|name, links| is_there(name, links.address()));
    }

    /// The connections to a node; opened when it is first asked something. `None` if nobody knows where it is.
    fn links(&mut self, node: &NodeName) -> Option<&NodeLinks> {
        if !self.nodes.contains_key(node) {
            let address = self.controller.address(node)?.to_string();
            let timeouts = &self.adopted.file().timeouts;
            let is_needed = !self.controller.is_by_file();
            let links = NodeLinks::open((node, address), timeouts, &self.credentials, &self.inbox, is_needed);
            self.nodes.insert(node.clone(), links);
        }
        self.nodes.get(node)
    }

    fn take_events(&mut self) {
        while let Some(event) = self.inbox.pop() {
            let now = clock::now();
            let actions = match event {
                Event::Heard(node, sent, mut pulse) => {
                    self.hand_over_chores(now, &mut pulse);
                    self.controller.heard(now, sent, &node, *pulse)
                }
                Event::Answered(id, answer) => self.controller.answered(now, id, answer),
                Event::Said(id, say) => self.controller.said(now, id, say),
                Event::Lost(id) => self.controller.lost(now, id),
            };
            self.carry_out(actions);
        }
    }

    fn hand_over_chores(&mut self, now: Duration, pulse: &mut Pulse) {
        let due = std::mem::take(&mut pulse.due);
        if !due.is_empty() {
            self.published.hand_over(Chore::Due(due));
        }
        let was_pressed = self.pressed.remove(&pulse.incarnation);
        if pulse.excess > 0 {
            self.pressed.insert(pulse.incarnation);
        }
        if pulse.excess > 0 || was_pressed {
            let share = pulse.excess.div_ceil(self.controller.proxies(now));
            self.published.hand_over(Chore::Pressed(pulse.incarnation, share));
        }
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Beat { node, beat } => {
                if let Some(links) = self.links(&node) {
                    links.beat(&beat);
                }
            }
            Action::Register { id, node, incarnation, request } => match self.links(&node) {
                Some(links) => links.ask_register(id, incarnation, &request),
                None => self.inbox.lose(id),
            },
            Action::Ask { id, node, incarnation, boot, attach, ask } => {
                let cluster = self.controller.view().map_or(ClusterId::default(), |view| view.cluster());
                let attach = Attach { cluster, epoch: attach, incarnation, boot };
                match self.links(&node) {
                    Some(links) => links.ask(id, &attach, &ask),
                    None => self.inbox.lose(id),
                }
            }
            Action::Adopt(view) => {
                tracing::info!(epoch = view.epoch().0, members = view.members().len(), "view adopted");
                self.published.adopt(view);
                self.disconnect();
            }
        }
    }

    fn publish(&mut self) {
        if self.controller.view().is_some() || self.controller.has_asked_all() {
            self.published.note_look();
        }
        let (epoch, until) = self.controller.lease();
        self.published.renew(Lease { epoch, until });
        let now = clock::now();
        self.published.hold(self.controller.is_to_hold(now));
        if self.status_due <= now {
            self.status_due = now + LOOK_EVERY;
            let status = self.controller.status(now);
            if now >= self.silent_until {
                let is_new = |problem: &&Problem| !self.told.contains(problem);
                status.problems.iter().filter(is_new).for_each(tell);
                self.told.clone_from(&status.problems);
            }
            self.published.set_target(self.controller.target());
            self.published.set_status(status);
        }
    }
}

/// Once when it comes up: it stays in INFO and on /readyz.
fn tell(problem: &Problem) {
    let node = problem.node.as_ref().map(ToString::to_string);
    tracing::warn!(node, problem = problem.text, "the cluster has a problem");
}
