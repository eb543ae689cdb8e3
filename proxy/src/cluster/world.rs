//! All that is known when the next step is decided.

use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::extension::{Rule, Rules};
use ringmaster_protocol::heartbeat::NodeState;
use ringmaster_protocol::view::{Boot, Entry, Incarnation, Member, View, Word};

use super::detector::Detector;
use super::nodes::{Known, Nodes};
use super::target::Target;

/// What a proxy knows at one moment.
#[derive(Clone, Copy, Debug)]
pub struct World<'w> {
    /// The moment.
    pub now: Duration,
    /// The rules that are kept.
    pub rules: Rules,
    /// The view that is held.
    pub view: &'w View,
    /// What the nodes last said.
    pub nodes: &'w Nodes,
    /// Who answers.
    pub detector: &'w Detector,
    /// The cluster.yaml.
    pub file: &'w ClusterFile,
    /// Whether this proxy is the one that moves slots.
    pub moves_slots: bool,
    /// Where the slots are to be; none where that is not known, or the cluster.yaml is not in force.
    pub target: Option<&'w Target>,
}

/// How the process that a chain names stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It answers.
    Answers,
    /// It does not answer this proxy; that is not enough to say that it is dead.
    Silent,
    /// Most proxies suspect it.
    Out,
    /// Its node runs as another process: it never comes back.
    Gone,
}

impl<'w> World<'w> {
    /// The member of an entry.
    #[must_use]
    pub fn member(&self, entry: &Entry) -> &'w Member {
        self.view.member(entry.member)
    }

    /// The name of an entry's member.
    #[must_use]
    pub fn name(&self, entry: &Entry) -> &'w NodeName {
        &self.member(entry).name
    }

    /// How the process of an entry stands. R14: another boot is another process.
    #[must_use]
    pub fn standing(&self, entry: &Entry) -> Standing {
        let name = self.name(entry);
        let known = self.nodes.known(name);
        let boot = known.map_or(entry.boot, |known| known.boot);
        if boot != entry.boot && self.rules.keep(Rule::BootsAreEntries) {
            Standing::Gone
        } else if !self.detector.is_silent(self.now, name) {
            Standing::Answers
        } else if self.detector.is_expelled(self.now, name, boot) {
            Standing::Out
        } else {
            Standing::Silent
        }
    }

    /// Whether an entry's process answered under this very view, not longer ago than a failure is suspected after.
    #[must_use]
    pub fn attests(&self, entry: &Entry) -> bool {
        let is_here = |known: &Known| known.epoch == self.view.epoch() && self.is_ours(known);
        self.standing(entry) == Standing::Answers && self.nodes.known(self.name(entry)).is_some_and(is_here)
    }

    /// What is known of a node that answers.
    #[must_use]
    pub fn answering(&self, node: &NodeName) -> Option<&'w Known> {
        self.nodes.known(node).filter(|_| !self.detector.is_silent(self.now, node))
    }

    /// What is known of a node that may be given slots: a member that serves and has the view.
    #[must_use]
    pub fn fit(&self, node: &NodeName) -> Option<&'w Known> {
        let serves = |known: &&Known| matches!(known.state, NodeState::Ready | NodeState::Blank);
        let has_view = |known: &&Known| known.epoch == self.view.epoch() && self.is_ours(known);
        let known = self.answering(node).filter(serves).filter(has_view)?;
        let is_member = self.view.member_named(node).is_some();
        (is_member && self.detector.is_admitted(self.now, node)).then_some(known)
    }

    /// Whether the node says that it is about to stop.
    #[must_use]
    pub fn is_leaving(&self, node: &NodeName) -> bool {
        self.answering(node).is_some_and(|known| known.state == NodeState::Leaving)
    }

    /// Whether an operator drains the node: it is to hold no slot.
    #[must_use]
    pub fn is_drained(&self, node: &NodeName) -> bool {
        self.view.member_named(node).is_some_and(|index| self.view.member(index).word == Word::Drain)
    }

    /// Whether a node belongs to this cluster, or to none and holds nothing.
    #[must_use]
    pub fn is_ours(&self, known: &Known) -> bool {
        match known.cluster {
            Some(cluster) => cluster == self.view.cluster(),
            None => known.state == NodeState::Blank,
        }
    }

    /// Data directory and process of an entry, to ask it.
    #[must_use]
    pub fn process(&self, entry: &Entry) -> (Incarnation, Boot) {
        let member = self.member(entry);
        let known = self.nodes.known(&member.name).filter(|known| known.boot == entry.boot);
        (known.map_or(member.incarnation, |known| known.incarnation), entry.boot)
    }
}
