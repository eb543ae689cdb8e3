//! Who changes views in a simulated proxy: chance, a script, or the controller of the processes.

use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::ClusterFile;
use ringmaster_protocol::extension::Say;
use ringmaster_protocol::heartbeat::Pulse;
use ringmaster_protocol::register::Answer;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, Incarnation, View};
use ringmaster_proxy::chain::Lease;
use ringmaster_proxy::cluster::standing::Standing;

use super::control::{Control, Order};
use super::governor::Governor;
use super::message::{Id, NodeId};

/// A view that was proposed, and how long before that it was thought of.
pub type Proposed = (Duration, Arc<View>);

/// The control side of a simulated proxy.
#[derive(Debug)]
pub enum Mind {
    /// Chance, within the rules of change; or a script, where it is told to plan nothing.
    Chance(Box<Control>),
    /// The controller of the processes.
    Controller(Box<Governor>),
}

impl Mind {
    /// The view that it holds.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        match self {
            Self::Chance(control) => control.view(),
            Self::Controller(governor) => governor.view(),
        }
    }

    /// The lease that it holds.
    #[must_use]
    pub fn lease(&self) -> Lease {
        match self {
            Self::Chance(control) => control.lease(),
            Self::Controller(governor) => governor.lease(),
        }
    }

    /// Whether it says that its file is an older one than that which is followed, and waits for an operator's word.
    #[must_use]
    pub fn is_superseded(&self, now: Duration) -> bool {
        match self {
            Self::Chance(_) => false,
            Self::Controller(governor) => {
                governor.controller.status(now).standing == Some(Standing::Superseded)
            }
        }
    }

    /// How things stand for it, in words.
    #[must_use]
    pub fn standing(&self, now: Duration) -> String {
        match self {
            Self::Chance(_) => String::new(),
            Self::Controller(governor) => format!("{:?}", governor.controller.status(now)),
        }
    }

    /// When [`Mind::poll`] is to be called.
    #[must_use]
    pub fn wakes_at(&self) -> Duration {
        match self {
            Self::Chance(control) => control.wakes_at(),
            Self::Controller(governor) => governor.wakes_at(),
        }
    }

    /// Goes on with what is due.
    pub fn poll(&mut self, now: Duration) {
        match self {
            Self::Chance(control) => control.poll(now),
            Self::Controller(governor) => governor.poll(now),
        }
    }

    /// The orders that have come up.
    pub fn orders(&mut self) -> Vec<Order> {
        match self {
            Self::Chance(control) => control.orders(),
            Self::Controller(governor) => governor.orders(),
        }
    }

    /// A node's committed epoch is another than the view's.
    pub fn differs(&mut self, now: Duration, node: NodeId, committed: Epoch) {
        let own = self.view().map_or(Epoch::default(), |view| view.epoch());
        match self {
            Self::Chance(control) if committed < own => control.hand_over(node),
            Self::Chance(control) if committed > own => control.undecided(now, node, committed),
            Self::Controller(governor) if committed < own => governor.hand_over(node),
            Self::Controller(governor) if committed > own => governor.undecided(now, committed),
            _ => {}
        }
    }

    /// A register has answered.
    pub fn answered(&mut self, now: Duration, id: Id, node: NodeId, answer: (Answer, Incarnation, Boot)) {
        match self {
            Self::Chance(control) => control.answered(now, id, node, answer),
            Self::Controller(governor) => governor.answered(now, id, answer.0),
        }
    }

    /// A node has answered a heartbeat: the slots in which keys are due.
    pub fn heard(&mut self, now: Duration, id: Id, pulse: Pulse) -> Vec<HashSlot> {
        match self {
            Self::Chance(_) => Vec::new(),
            Self::Controller(governor) => governor.heard(now, id, pulse),
        }
    }

    /// A node has answered a question about slots.
    pub fn said(&mut self, now: Duration, id: Id, say: Say) {
        match self {
            Self::Chance(control) => control.said(now, id, say),
            Self::Controller(governor) => governor.said(now, id, say),
        }
    }

    /// The connection of a question was lost.
    pub fn lost(&mut self, now: Duration, id: Id) {
        match self {
            Self::Chance(control) => control.lost(id),
            Self::Controller(governor) => governor.lost(now, id),
        }
    }

    /// The faults are over: chance removes nothing any more that is alive, and goes on where there was a script.
    pub fn calm(&mut self) {
        if let Self::Chance(control) = self {
            (control.is_unruly, control.is_idle) = (false, false);
        }
    }

    /// Who follows a script.
    #[must_use]
    pub fn scripted(&mut self) -> Option<&mut Control> {
        match self {
            Self::Chance(control) => Some(control),
            Self::Controller(_) => None,
        }
    }

    /// The cluster.yaml was edited.
    pub fn file_changed(&mut self, now: Duration, file: &ClusterFile) {
        if let Self::Controller(governor) = self {
            governor.file_changed(now, file);
        }
    }

    /// What was proposed and what was found to be decided since the last call.
    pub fn take_views(&mut self) -> (Vec<Proposed>, Vec<Arc<View>>) {
        match self {
            Self::Chance(control) => {
                let proposed = std::mem::take(&mut control.proposed);
                let proposed = proposed.into_iter().map(|view| (Duration::ZERO, view)).collect();
                (proposed, std::mem::take(&mut control.decided))
            }
            Self::Controller(governor) => governor.take_views(),
        }
    }
}
