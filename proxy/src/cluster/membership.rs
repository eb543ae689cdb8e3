//! Members, acceptors and settings of the next view: from the view before, the cluster.yaml, and what the nodes say of
//! themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use ringmaster_protocol::cluster_file::{Node, NodeName};
use ringmaster_protocol::config::Millis;
use ringmaster_protocol::view::{
    ACCEPTORS_MAX, ConfigDigest, Member, MemberIndex, SUPERSEDED_MAX, View, Word,
};

use super::nodes::Known;
use super::world::World;

/// An acceptor that is silent for this long is replaced.
const ACCEPTOR_SILENT: Duration = Duration::from_secs(10);

/// What a view says beside its chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The nodes.
    pub members: Vec<Member>,
    /// Those that decide the view after it.
    pub acceptors: Vec<NodeName>,
    /// How long a majority's confirmation holds.
    pub lease: Millis,
    /// The longest that one of an earlier view may still hold.
    pub longest_lease: Millis,
    /// The topology that is moved toward.
    pub config: ConfigDigest,
    /// Those that were replaced.
    pub superseded: Vec<ConfigDigest>,
}

impl Membership {
    /// That of a view.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let acceptors = view.acceptors().iter().map(|index| view.member(*index).name.clone());
        Self {
            members: view.members().to_vec(),
            acceptors: acceptors.collect(),
            lease: view.lease(),
            longest_lease: view.longest_lease(),
            config: view.config(),
            superseded: view.superseded().to_vec(),
        }
    }

    /// Takes over what the nodes say of themselves.
    pub fn refresh(&mut self, world: &World<'_>) {
        for member in &mut self.members {
            if let Some(known) = world.answering(&member.name).filter(|known| world.is_ours(known)) {
                describe(member, known);
            }
        }
    }

    /// Moves toward the topology with this digest from now on.
    pub fn follow(&mut self, digest: ConfigDigest) {
        if digest != self.config {
            self.superseded.retain(|known| *known != digest && *known != self.config);
            self.superseded.push(self.config);
            let excess = self.superseded.len().saturating_sub(SUPERSEDED_MAX);
            self.superseded.drain(..excess);
            self.config = digest;
        }
    }

    /// Takes over the cluster.yaml, whose topology has this digest. `in_use`: the members that chains name.
    pub fn follow_file(&mut self, world: &World<'_>, digest: ConfigDigest, in_use: &BTreeSet<NodeName>) {
        self.follow(digest);
        let of_file = |name: &NodeName| world.file.nodes.iter().find(|node| node.name == *name);
        for member in &mut self.members {
            match of_file(&member.name) {
                Some(node) => place(member, node),
                None => member.weight = 0,
            }
        }
        self.add_nodes(world);
        self.choose_acceptors(world);
        let acceptors = &self.acceptors;
        self.members.retain(|member| {
            let name = &member.name;
            of_file(name).is_some() || in_use.contains(name) || acceptors.contains(name)
        });
        self.lease = world.file.timeouts.lease;
        self.longest_lease = self.longest_lease.max(self.lease);
    }

    /// All proxies have held the view for longer than any earlier lease: only this view's counts any more.
    pub fn forget_longer_leases(&mut self, view: &View) {
        self.longest_lease = self.lease.max(view.lease());
    }

    /// Only nodes that hold nothing, or belong here already, are added: what another holds would be lost or mixed in.
    fn add_nodes(&mut self, world: &World<'_>) {
        for node in &world.file.nodes {
            let is_member = self.members.iter().any(|member| member.name == node.name);
            let known = world.answering(&node.name).filter(|known| world.is_ours(known));
            // A node under two names would hold two copies of a slot as one.
            let is_known =
                |known: &&Known| self.members.iter().any(|member| member.incarnation == known.incarnation);
            if let Some(known) = known.filter(|known| !is_member && !is_known(known)) {
                self.members.push(member(node, known));
            }
        }
    }

    /// Keeps the acceptors that are well, and replaces the others where there is a node to do so.
    fn choose_acceptors(&mut self, world: &World<'_>) {
        let is_listed = |name: &NodeName| world.file.nodes.iter().any(|node| node.name == *name);
        let silence = |name: &NodeName| world.detector.silence(world.now, name);
        let is_well = |name: &NodeName| {
            is_listed(name) && silence(name).is_some_and(|silence| silence <= ACCEPTOR_SILENT)
        };
        let has_view = |name: &NodeName| {
            let known = world.answering(name).filter(|known| world.is_ours(known));
            known.is_some_and(|known| known.epoch == world.view.epoch())
        };
        let before = std::mem::take(&mut self.acceptors);
        let (mut chosen, rest): (Vec<_>, Vec<_>) = before.iter().cloned().partition(is_well);
        // As many as the file has room for, also while some of its nodes are no members yet: till then others stay.
        let wanted = odd(world.file.nodes.len().clamp(1, ACCEPTORS_MAX));
        while chosen.len() < wanted {
            let others = self.members.iter().map(|member| &member.name);
            let free = others.filter(|name| !chosen.contains(name) && is_listed(name) && has_view(name));
            let Some(next) = free.min_by_key(|name| (self.zone_uses(name, &chosen), *name)) else { break };
            let next = next.clone();
            chosen.push(next);
        }
        // Without a substitute one stays: fewer would decide no better.
        let missing = wanted.min(before.len()).saturating_sub(chosen.len());
        chosen.extend(rest.into_iter().take(missing));
        // Where there are to be fewer, those go first that do not answer now: the others alone have to decide what follows.
        let answers = |name: &NodeName| world.answering(name).is_some_and(|known| world.is_ours(known));
        let kept = odd(chosen.len().min(wanted));
        while chosen.len() > kept {
            let last =
                (0..chosen.len()).max_by_key(|at| (!answers(&chosen[*at]), !has_view(&chosen[*at]), *at));
            last.map(|at| chosen.remove(at));
        }
        self.acceptors = if chosen.is_empty() { before } else { chosen };
    }

    /// How many of the chosen stand where this node stands.
    fn zone_uses(&self, name: &NodeName, chosen: &[NodeName]) -> usize {
        let zone = |name: &NodeName| {
            self.members.iter().find(|member| member.name == *name).map(|member| member.zone.as_str())
        };
        chosen.iter().filter(|other| zone(other) == zone(name)).count()
    }
}

/// As many as there can be, spread over the zones.
#[must_use]
pub fn acceptors(members: &[Member]) -> Vec<MemberIndex> {
    let wanted = odd(members.len().min(ACCEPTORS_MAX));
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < wanted {
        let uses =
            |at: &usize| chosen.iter().filter(|other| members[**other].zone == members[*at].zone).count();
        let free = (0..members.len()).filter(|at| !chosen.contains(at));
        let Some(next) = free.min_by_key(|at| (uses(at), &members[*at].name)) else { break };
        chosen.push(next);
    }
    chosen.into_iter().map(|at| MemberIndex::new(at as u16)).collect()
}

/// The greatest odd number that is not above `count`.
fn odd(count: usize) -> usize {
    if count.is_multiple_of(2) { count.saturating_sub(1) } else { count }
}

/// A node of the file as a member, with what it says of itself.
#[must_use]
pub fn member(node: &Node, known: &Known) -> Member {
    let Node { name, address, zone, weight } = node.clone();
    Member {
        name,
        address,
        zone,
        weight,
        incarnation: known.incarnation,
        boot: known.boot,
        is_durable: known.is_durable,
        word: Word::None,
    }
}

fn describe(member: &mut Member, known: &Known) {
    (member.incarnation, member.boot) = (known.incarnation, known.boot);
    member.is_durable = known.is_durable;
    if member.word == Word::GivenUp {
        member.word = Word::None;
    }
}

fn place(member: &mut Member, node: &Node) {
    member.address = node.address.clone();
    member.zone.clone_from(&node.zone);
    member.weight = if member.word == Word::Drain { 0 } else { node.weight };
}
