//! What a controller is told at its start, and what it wants done.

use std::sync::Arc;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::extension::{Ask, Rules};
use ringmaster_protocol::heartbeat::Beat;
use ringmaster_protocol::register::Request;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Epoch, Incarnation, View};

/// What a controller is told at its start. Times and limits come from the cluster.yaml.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The proxy: 128 random bits drawn at each start of the process.
    pub proxy: u128,
    /// The rules that are kept.
    pub rules: Rules,
    /// Any number, another at each start: what is random is drawn from it.
    pub seed: u64,
    /// The slots that it looks after; the others follow the first of them. All, but in simulations.
    pub slots: Vec<HashSlot>,
    /// Until there is a view the cluster.yaml alone says where slots are: none is founded while that asks for one copy, and
    /// then the nodes go into it with what they hold.
    pub by_file: bool,
    /// The operator's word that only these nodes exist, for the first view.
    pub only: Option<Vec<NodeName>>,
}

impl Settings {
    /// Those of a process: all rules, all slots.
    #[must_use]
    pub fn new(proxy: u128, seed: u64) -> Self {
        Self { proxy, rules: Rules::ALL, seed, slots: HashSlot::all().collect(), by_file: false, only: None }
    }
}

/// What a controller wants done. An `id` comes back with the answer, or with the news that there will be none.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send this heartbeat; the answer goes to [`super::Controller::heard`] with the time of this sending.
    Beat {
        /// To whom.
        node: NodeName,
        /// What.
        beat: Beat,
    },
    /// Ask a register; the answer goes to [`super::Controller::answered`].
    Register {
        /// Names the question.
        id: u64,
        /// Whom.
        node: NodeName,
        /// A node of another data directory refuses ([`ringmaster_protocol::register::Refusal::Reborn`]).
        incarnation: Incarnation,
        /// What.
        request: Request,
    },
    /// Ask about slots; the answer goes to [`super::Controller::said`].
    Ask {
        /// Names the question.
        id: u64,
        /// Whom.
        node: NodeName,
        /// Its data directory, else the question is lost.
        incarnation: Incarnation,
        /// Its process, else the question is lost.
        boot: Boot,
        /// Epoch at which the connection is attached, neither below nor above. The node gets that view if it lacks it.
        attach: Epoch,
        /// What.
        ask: Ask,
    },
    /// Hold this view from now on.
    Adopt(Arc<View>),
}
