//! The controller of the processes in a simulated proxy: its actions become messages, and answers find their way back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::extension::Say;
use ringmaster_protocol::heartbeat::Pulse;
use ringmaster_protocol::register::{Answer, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, View};
use ringmaster_proxy::chain::Lease;
use ringmaster_proxy::cluster::controller::{Action, Controller, Settings};

use super::control::Order;
use super::message::{Id, NodeId};
use super::mind::Proposed;

/// What an answer is the answer to.
#[derive(Debug)]
enum Asked {
    /// A heartbeat, sent then.
    Beat(NodeName, Duration),
    /// A question of the controller, by its number there.
    Register(u64),
    Slots(u64),
    /// A view that was handed over on the way.
    Other,
}

/// A controller and its questions.
#[derive(Debug)]
pub struct Governor {
    /// The controller.
    pub controller: Controller,
    names: Vec<String>,
    asked: BTreeMap<Id, Asked>,
    last_id: Id,
    /// When the ballot under way began: what it proposes was thought of then.
    prepared_at: Duration,
    out: Vec<Order>,
    proposed: Vec<Proposed>,
    decided: Vec<Arc<View>>,
}

impl Governor {
    /// A controller that starts with this cluster.yaml; `names` are those of all nodes there ever are.
    #[must_use]
    pub fn new(settings: Settings, file: &ClusterFile, names: Vec<String>, now: Duration) -> Self {
        Self {
            controller: Controller::new(settings, file, now),
            names,
            asked: BTreeMap::new(),
            last_id: 0,
            prepared_at: now,
            out: Vec::new(),
            proposed: Vec::new(),
            decided: Vec::new(),
        }
    }

    /// The view that it holds.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.controller.view()
    }

    /// The lease that it holds.
    #[must_use]
    pub fn lease(&self) -> Lease {
        let (epoch, until) = self.controller.lease();
        Lease { epoch, until }
    }

    /// When [`Governor::poll`] is to be called.
    #[must_use]
    pub fn wakes_at(&self) -> Duration {
        self.controller.wakes_at().unwrap_or(Duration::MAX)
    }

    /// The orders that have come up.
    pub fn orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.out)
    }

    /// What was proposed and what was found to be decided since the last call.
    pub fn take_views(&mut self) -> (Vec<Proposed>, Vec<Arc<View>>) {
        (std::mem::take(&mut self.proposed), std::mem::take(&mut self.decided))
    }

    /// Goes on with what is due.
    pub fn poll(&mut self, now: Duration) {
        if self.wakes_at() <= now {
            let actions = self.controller.poll(now);
            self.take(now, actions);
        }
    }

    /// The cluster.yaml was edited.
    pub fn file_changed(&mut self, now: Duration, file: &ClusterFile) {
        self.controller.file_changed(now, file);
    }

    /// A node has a view of this epoch, or is fenced for it.
    pub fn undecided(&mut self, now: Duration, epoch: Epoch) {
        self.controller.undecided(now, epoch);
    }

    /// Hands a node the view.
    pub fn hand_over(&mut self, node: NodeId) {
        let Some(view) = self.view().cloned() else { return };
        let named = self.names.get(node).and_then(|name| view.member_named(&name.parse().ok()?));
        let Some(incarnation) = named.map(|member| view.member(member).incarnation) else { return };
        let id = self.draw(Asked::Other);
        let request = Request::Commit { view };
        self.out.push(Order::Register { id, node, incarnation, request });
    }

    /// A register has answered.
    pub fn answered(&mut self, now: Duration, id: Id, answer: Answer) {
        if let Some(Asked::Register(id)) = self.asked.remove(&id) {
            let actions = self.controller.answered(now, id, answer);
            self.take(now, actions);
        }
    }

    /// A node has answered a heartbeat: the slots in which keys are due.
    pub fn heard(&mut self, now: Duration, id: Id, pulse: Pulse) -> Vec<HashSlot> {
        let Some(Asked::Beat(node, sent)) = self.asked.remove(&id) else { return Vec::new() };
        let due = pulse.due.clone();
        let actions = self.controller.heard(now, sent, &node, pulse);
        self.take(now, actions);
        due
    }

    /// A node has answered a question about slots.
    pub fn said(&mut self, now: Duration, id: Id, say: Say) {
        if let Some(Asked::Slots(id)) = self.asked.remove(&id) {
            let actions = self.controller.said(now, id, say);
            self.take(now, actions);
        }
    }

    /// The connection of a question was lost.
    pub fn lost(&mut self, now: Duration, id: Id) {
        if let Some(Asked::Slots(id)) = self.asked.remove(&id) {
            let actions = self.controller.lost(now, id);
            self.take(now, actions);
        }
    }

    fn draw(&mut self, asked: Asked) -> Id {
        self.last_id += 1;
        self.asked.insert(self.last_id, asked);
        self.last_id
    }

    fn node(&self, name: &NodeName) -> Option<NodeId> {
        self.names.iter().position(|known| known == name.as_str())
    }

    fn take(&mut self, now: Duration, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Adopt(view) => self.decided.push(view),
                Action::Beat { node: name, beat } => {
                    let Some(node) = self.node(&name) else { continue };
                    let id = self.draw(Asked::Beat(name, now));
                    self.out.push(Order::Beat { id, node, beat });
                }
                Action::Register { id, node, incarnation, request } => {
                    self.note_proposal(now, &request);
                    let Some(node) = self.node(&node) else { continue };
                    let id = self.draw(Asked::Register(id));
                    self.out.push(Order::Register { id, node, incarnation, request });
                }
                Action::Ask { id, node, incarnation, boot, attach, ask } => {
                    let Some(node) = self.node(&node) else { continue };
                    let id = self.draw(Asked::Slots(id));
                    self.out.push(Order::Ask { id, node, attach, incarnation, boot, ask });
                }
            }
        }
    }

    fn note_proposal(&mut self, now: Duration, request: &Request) {
        match request {
            Request::Prepare { .. } => self.prepared_at = now,
            Request::Accept { view, .. } if !self.is_noted(view) => {
                self.proposed.push((now - self.prepared_at, Arc::clone(view)));
            }
            _ => {}
        }
    }

    fn is_noted(&self, view: &Arc<View>) -> bool {
        self.proposed.iter().any(|(_, known)| Arc::ptr_eq(known, view))
    }
}
