//! What a controller sees: the cluster.yaml, the nodes, the other proxies, and the target that follows from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::extension::Rules;
use ringmaster_protocol::heartbeat::Pulse;
use ringmaster_protocol::view::{ConfigDigest, Epoch, View};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::cluster::detector::Detector;
use crate::cluster::nodes::Nodes;
use crate::cluster::post::{Founds, Notice};
use crate::cluster::standing::Standing;
use crate::cluster::target::{self, Target};
use crate::cluster::world::World;

/// What a controller sees.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) proxy: u128,
    pub(super) rules: Rules,
    pub(super) file: ClusterFile,
    pub(super) digest: ConfigDigest,
    /// The cluster.yaml that alone says where slots are, until there is a view.
    pub(super) alone: Option<ClusterFile>,
    /// How far it is with that view.
    pub(super) founds: Founds,
    /// The file was put back to an earlier one while it was in force.
    rolled_back: bool,
    pub(super) nodes: Nodes,
    pub(super) detector: Detector,
    /// What the other proxies are told.
    pub(super) notice: Notice,
    /// Nodes of the file that cannot be given slots, and since when.
    unfit: BTreeMap<NodeName, Duration>,
    /// Nodes that the target leaves out.
    out: BTreeSet<NodeName>,
    target: Option<Arc<Target>>,
}

impl Sight {
    pub(super) fn new(proxy: u128, rules: Rules, file: &ClusterFile) -> Self {
        Self {
            proxy,
            rules,
            file: file.clone(),
            digest: target::digest(file),
            alone: None,
            founds: Founds::Not,
            rolled_back: false,
            nodes: Nodes::default(),
            detector: Detector::new(file.timeouts.failure.duration()),
            notice: Notice::default(),
            unfit: BTreeMap::new(),
            out: BTreeSet::new(),
            target: Target::of(file, &BTreeSet::new()).map(Arc::new),
        }
    }

    pub(super) fn file_changed(&mut self, file: &ClusterFile, view: Option<&View>) {
        let before = std::mem::replace(&mut self.digest, target::digest(file));
        let was_in_force = view.is_some_and(|view| view.config() == before);
        self.rolled_back = before != self.digest && was_in_force;
        if self.alone.is_some() && file.replicas == 1 {
            self.alone = Some(file.clone());
        }
        self.file = file.clone();
        self.detector.set_timeout(file.timeouts.failure.duration());
        self.target = Target::of(&self.file, &self.out).map(Arc::new);
    }

    /// Whether no view is wanted: the cluster.yaml alone says where slots are, each on one node.
    pub(super) fn is_by_file(&self) -> bool {
        self.alone.is_some() && self.file.replicas == 1
    }

    /// The cluster.yaml that the first view is made of.
    pub(super) fn first_file(&self) -> &ClusterFile {
        self.alone.as_ref().unwrap_or(&self.file)
    }

    /// How this cluster.yaml stands to the view. One that was replaced counts only when it was put back here, and not
    /// because this proxy still has it.
    pub(super) fn standing(&self, view: &View) -> Standing {
        Standing::of(&self.file, self.digest, view, self.rolled_back)
    }

    /// Whether the view follows this cluster.yaml, or is to.
    pub(super) fn is_in_force(&self, view: &View) -> bool {
        self.standing(view).is_in_force()
    }

    pub(super) fn adopted(&mut self, view: &View) {
        self.rolled_back &= view.config() != self.digest;
        self.alone = None;
    }

    /// Where the slots are to be, if the cluster.yaml is in force.
    pub(super) fn target(&self, view: &View) -> Option<Arc<Target>> {
        self.target.clone().filter(|_| self.is_in_force(view))
    }

    pub(super) fn world<'w>(&'w self, now: Duration, view: &'w View) -> World<'w> {
        World {
            now,
            rules: self.rules,
            view,
            nodes: &self.nodes,
            detector: &self.detector,
            file: &self.file,
            moves_slots: self.notice.moves_slots,
            target: self.target.as_deref().filter(|_| self.is_in_force(view)),
        }
    }

    /// A node answered; `false` if a later answer came before.
    pub(super) fn heard(&mut self, now: Duration, sent: Duration, node: &NodeName, pulse: &Pulse) -> bool {
        for post in pulse.posts.iter().filter(|post| post.proxy != self.proxy) {
            if let Some(notice) = Notice::decode(&post.bytes) {
                let age = Duration::from_millis(u64::from(post.age_ms));
                self.detector.posted(now, post.proxy, age, notice);
            }
        }
        let is_latest = self.nodes.heard(now, sent, node, pulse);
        if is_latest {
            self.detector.heard(now, node, pulse.boot);
        }
        is_latest
    }

    /// Looks around; whether the other proxies are to be told something new.
    pub(super) fn poll(&mut self, now: Duration, view: Option<&View>) -> bool {
        let has_voice = view.is_some_and(|view| self.hears_majority(now, view));
        self.detector.poll(now, has_voice);
        let moves_slots = has_voice && self.is_to_move_slots(now, view);
        let suspects = self.detector.suspects(now);
        let held = view.map(|view| (view.cluster(), view.epoch()));
        let founds = self.founds;
        let notice = Notice { has_voice, moves_slots, suspects, progress: None, held, founds };
        // Whoever adopts a view sends heartbeats at once anyway.
        let is_new = notice != Notice { held, ..self.notice.clone() };
        self.notice = notice;
        if let Some(view) = view.filter(|_| moves_slots) {
            self.leave_out(now, view);
        }
        is_new
    }

    fn hears_majority(&self, now: Duration, view: &View) -> bool {
        let hears = |index: &&_| {
            let member = view.member(**index);
            let known = self.nodes.known(&member.name);
            let is_meant = known.is_some_and(|known| known.incarnation == member.incarnation);
            is_meant && !self.detector.is_silent(now, &member.name)
        };
        view.acceptors().iter().filter(hears).count() * 2 > view.acceptors().len()
    }

    /// One proxy moves slots; two at once are safe, but slow each other down. Of two that do the one of the lower id
    /// goes on, and one whose cluster.yaml is not in force makes way for any other.
    fn is_to_move_slots(&self, now: Duration, view: Option<&View>) -> bool {
        let is_in_force = view.is_some_and(|view| self.is_in_force(view));
        let others = self.detector.proxies(now).filter(|(_, notice)| notice.moves_slots && notice.has_voice);
        let first = others.map(|(proxy, _)| proxy).min();
        let goes_on = self.notice.moves_slots && is_in_force;
        first.is_none_or(|first| goes_on && self.proxy < first)
    }

    /// The target does without nodes that an operator drains, and without those that could not be given slots for long: a
    /// node that stops for a restart gets back what it held.
    fn leave_out(&mut self, now: Duration, view: &View) {
        let patience = self.file.timeouts.replace_after.duration();
        let (mut unfit, mut out) = (BTreeMap::new(), BTreeSet::new());
        let world = self.world(now, view);
        for name in world.file.nodes.iter().map(|node| &node.name) {
            if world.is_drained(name) {
                out.insert(name.clone());
            } else if world.fit(name).is_none() {
                let since = self.unfit.get(name).copied().unwrap_or(now);
                unfit.insert(name.clone(), since);
                if now.saturating_sub(since) > patience {
                    out.insert(name.clone());
                }
            }
        }
        self.unfit = unfit;
        if out != self.out {
            self.target = Target::of(&self.file, &out).map(Arc::new);
            self.out = out;
        }
    }

    /// How many of the live proxies go before this one in what concerns this epoch.
    pub(super) fn rank(&self, now: Duration, epoch: Epoch) -> u32 {
        let place = |proxy: u128| (xxh3_64_with_seed(&proxy.to_le_bytes(), epoch.0), proxy);
        let before = self.detector.proxies(now).filter(|(proxy, _)| place(*proxy) < place(self.proxy));
        before.count() as u32
    }
}
