//! What a seed makes of a run: how large the cluster is, how slow its network, which faults befall it and how often.

use std::time::Duration;

use ringmaster_protocol::cluster_file::{Ack, ReadFrom};
use ringmaster_protocol::extension::Rules;
use ringmaster_proxy::chain::Limits;

use super::message::NodeId;
use super::random::Random;

/// Who changes the views of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// Chance, within the rules of change; where chance is silent, the script.
    Chance,
    /// The controllers of the processes, by cluster.yaml files that are edited.
    Controller,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A connection is lost.
    Loss,
    /// Packets of a proxy to a node, or back, or both, do not arrive for a while.
    Partition,
    /// A node's process ends; it starts again with all of its data.
    Crash,
    /// As [`Fault::Crash`], and the end of its log is lost.
    Truncation,
    /// As [`Fault::Crash`], and the disk is empty.
    Wipe,
    /// The last in-sync entry of a chain ends as well, and comes back with all of its data.
    Disaster,
    /// A proxy's process ends.
    ProxyCrash,
    /// A proxy stands still.
    ProxyPause,
    /// A node stands still.
    NodePause,
    /// cluster.yaml is edited, where there is one.
    Edit,
    /// A node says that it is about to stop, where somebody heeds that.
    Leave,
}

const FAULTS: [Fault; 9] = [
    Fault::Loss,
    Fault::Partition,
    Fault::Crash,
    Fault::Truncation,
    Fault::Wipe,
    Fault::Disaster,
    Fault::ProxyCrash,
    Fault::ProxyPause,
    Fault::NodePause,
];

/// What runs are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Views change by chance, within the rules of change.
    Chance,
    /// Controllers change them, as in processes, while cluster.yaml is edited.
    Controller,
    /// As [`Mode::Controller`], with edits of `replicas`, from one copy to as many as three and back.
    Copies,
    /// As [`Mode::Chance`], with writes that are acknowledged by the head.
    AckHead,
    /// As [`Mode::Chance`], with reads from any in-sync entry.
    ReadAny,
    /// As [`Mode::Chance`], with a key in each slot that expires.
    Expiry,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The rules that are kept.
    pub rules: Rules,
    /// Who changes views.
    pub drive: Drive,
    /// Whether nothing happens by chance: a script makes the faults and sends the commands.
    pub is_quiet: bool,
    /// The nodes of each proxy's cluster.yaml at the beginning; empty: all nodes.
    pub files: Vec<Vec<NodeId>>,
    /// Whether the nodes begin without a view.
    pub is_blank: bool,
    /// When writes are acknowledged.
    pub ack: Ack,
    /// Where reads go.
    pub read_from: ReadFrom,
    /// Whether a key in each slot expires.
    pub expires: bool,
    /// Whether edits of cluster.yaml change the number of copies.
    pub edits_copies: bool,
    /// Whether a trace is kept.
    pub is_traced: bool,
    /// Nodes.
    pub nodes: usize,
    /// Proxies.
    pub proxies: usize,
    /// Slots in use.
    pub slots: usize,
    /// Entries of a chain.
    pub replicas: usize,
    /// Clients of each proxy.
    pub clients: usize,
    /// Most commands that a client has under way.
    pub window: usize,
    /// Between two commands of a client.
    pub pause: Duration,
    /// The faults that happen.
    pub faults: Vec<Fault>,
    /// Mean time between two.
    pub fault_every: Duration,
    /// How long they go on.
    pub faults_for: Duration,
    /// The longest ordinary delay of a packet.
    pub delay: Duration,
    /// How many of 1000 packets take much longer.
    pub slow_per_mille: u64,
    /// The lease of the views.
    pub lease: Duration,
}

impl Settings {
    /// What the chains of the proxies are told.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { ack_head: self.ack == Ack::Head, ..Limits::default() }
    }

    /// The run of a seed.
    #[must_use]
    pub fn of_mode(mode: Mode, random: &mut Random, rules: Rules) -> Self {
        let chance = Self::of(random, rules);
        match mode {
            Mode::Chance => chance,
            Mode::Controller => chance.controlled(random),
            Mode::Copies => {
                let mut settings = chance.controlled(random);
                settings.faults.push(Fault::Edit);
                Self { replicas: 1 + random.below(3), edits_copies: true, ..settings }
            }
            Mode::AckHead => Self { ack: Ack::Head, ..chance },
            Mode::Expiry => Self { expires: true, ..chance },
            Mode::ReadAny => Self { read_from: ReadFrom::Any, ..chance },
        }
    }

    /// The same with controllers, which take half a second to see that a node is dead and two to take it back.
    fn controlled(mut self, random: &mut Random) -> Self {
        self.faults.extend([Fault::Edit, Fault::Leave].into_iter().filter(|_| random.chance(600)));
        Self {
            drive: Drive::Controller,
            expires: true,
            pause: random.millis(20, 150),
            fault_every: random.millis(60, 1200),
            faults_for: random.millis(2000, 9000),
            ..self
        }
    }

    /// A run by chance.
    #[must_use]
    pub fn of(random: &mut Random, rules: Rules) -> Self {
        let faults = FAULTS.into_iter().filter(|_| random.chance(600)).collect();
        Self {
            rules,
            drive: Drive::Chance,
            is_quiet: false,
            files: Vec::new(),
            is_blank: false,
            ack: Ack::All,
            read_from: ReadFrom::Tail,
            expires: false,
            edits_copies: false,
            is_traced: false,
            nodes: 3 + random.below(3),
            proxies: 2 + random.below(2),
            slots: 2 + random.below(2),
            replicas: 2 + random.below(2),
            clients: 2 + random.below(2),
            window: 1 + random.below(4),
            pause: random.millis(5, 60),
            faults,
            fault_every: random.millis(30, 300),
            faults_for: random.millis(1500, 5000),
            delay: random.between(Duration::from_micros(200), Duration::from_millis(6)),
            slow_per_mille: random.pick(&[0, 2, 20]).unwrap_or_default(),
            lease: random.millis(150, 500),
        }
    }
}
