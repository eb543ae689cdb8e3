//! The views of a run, and what must not be asked of a cluster: that it keeps data which every keeper has lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Chain, Entry, Member, MemberIndex, View};

use super::World;
use crate::simulation::message::NodeId;
use crate::simulation::node::Kept;

/// A view that is proposed so long after the entries which it keeps lost their data should have known.
const EVIDENCE_MAX: Duration = Duration::from_millis(500);

/// What is known of all views, and of who has kept its data.
#[derive(Debug)]
pub(super) struct Views {
    /// The last that was decided.
    pub(super) latest: Option<Arc<View>>,
    /// All that were proposed, and when they were thought of.
    pub(super) proposed: Vec<(Duration, Arc<View>)>,
    /// The boots of each node since it last lost data.
    lives: BTreeMap<NodeId, Vec<Boot>>,
    lost_at: BTreeMap<NodeId, Duration>,
    /// Slots whose data nobody has any more.
    pub(super) lost: BTreeSet<HashSlot>,
    /// Clusters of which nothing was left.
    over: BTreeSet<u128>,
}

impl Views {
    /// No views yet, and nodes of these first boots.
    pub(super) fn new(boots: impl Iterator<Item = Boot>) -> Self {
        Self {
            latest: None,
            proposed: Vec::new(),
            lives: boots.map(|boot| vec![boot]).enumerate().collect(),
            lost_at: BTreeMap::new(),
            lost: BTreeSet::new(),
            over: BTreeSet::new(),
        }
    }

    /// Views by which data may be kept or given up from now on.
    fn to_come(&self) -> impl Iterator<Item = &Arc<View>> {
        let all = self.proposed.iter().map(|(_, view)| view);
        let later =
            all.filter(|view| self.latest.as_ref().is_none_or(|latest| view.epoch() > latest.epoch()));
        self.latest.iter().chain(later)
    }

    /// The node keeps all of its data no more.
    pub(super) fn loses(&mut self, node: NodeId, now: Duration) {
        self.lives.insert(node, Vec::new());
        self.lost_at.insert(node, now);
    }

    /// The node is this process now.
    pub(super) fn lives_as(&mut self, node: NodeId, boot: Boot) {
        self.lives.entry(node).or_default().push(boot);
    }

    /// Whether an in-sync entry has, or will have when it is back, all that it ever had.
    fn has_keeper(&self, view: &View, chain: &Chain) -> bool {
        let keeps = |entry: &Entry| self.lives[&node_of(view, entry.member)].contains(&entry.boot);
        chain.entries[..chain.in_sync].iter().any(keeps)
    }
}

/// The node of a member: nodes are named by their numbers.
pub(super) fn node_of(view: &View, member: MemberIndex) -> NodeId {
    let name = view.member(member).name.as_str();
    name.trim_start_matches('n').parse().expect("a node of the run")
}

impl World {
    /// A view was decided.
    pub(super) fn observe(&mut self, view: &Arc<View>) {
        let before = self.views.latest.clone();
        if self.views.over.contains(&view.cluster().0) {
            return;
        }
        if let Some(before) = before.as_ref().filter(|before| before.cluster() != view.cluster()) {
            if self.is_all_lost(before) {
                return self.begin_anew(before, view);
            }
            let text = format!("two clusters: {:x} and {:x}", before.cluster().0, view.cluster().0);
            self.violation.get_or_insert(text);
            return;
        }
        if before.as_ref().is_some_and(|before| view.epoch() <= before.epoch()) {
            return;
        }
        let slots = self.slots.clone();
        self.note(|| {
            let shown: Vec<&Chain> = slots.iter().map(|slot| view.chain(*slot)).collect();
            format!("view {}: {shown:?}", view.epoch())
        });
        self.views.latest = Some(Arc::clone(view));
        if let Some(before) = before {
            self.slots.clone().into_iter().for_each(|slot| self.judge_change(slot, &before, view));
        }
    }

    /// Whether each member of a view is another data directory by now: nothing of the cluster is left.
    fn is_all_lost(&self, view: &View) -> bool {
        let is_other = |(at, member): (usize, &Member)| {
            let node = node_of(view, MemberIndex::new(at as u16));
            self.nodes[node].inner.incarnation != member.incarnation
        };
        view.members().iter().enumerate().all(is_other)
    }

    /// Another cluster takes the place of one of which nothing is left. What was in that is lost, and not judged.
    fn begin_anew(&mut self, before: &View, view: &Arc<View>) {
        self.note(|| format!("another cluster: {:x}", view.cluster().0));
        self.views.over.insert(before.cluster().0);
        self.views.lost.extend(self.slots.iter().copied());
        self.views.proposed.clear();
        self.views.latest = Some(Arc::clone(view));
    }

    /// Whether a slot still has somebody who keeps its data; else it is lost, and whoever gave it up had a reason.
    fn judge_change(&mut self, slot: HashSlot, before: &View, view: &Arc<View>) {
        let (old, new) = (before.chain(slot), view.chain(slot));
        let is_known = self.views.lost.contains(&slot) || self.views.has_keeper(view, new);
        if is_known || new.born > old.born {
            return;
        }
        let lost_at = |entry: &Entry| self.views.lost_at.get(&node_of(view, entry.member)).copied();
        let last = new.entries[..new.in_sync].iter().filter_map(lost_at).max().unwrap_or_default();
        let is_it =
            |(_, other): &&(Duration, Arc<View>)| other.epoch() == view.epoch() && other.chain(slot) == new;
        let proposed = self.views.proposed.iter().find(is_it).map_or(self.now, |(at, _)| *at);
        if self.views.has_keeper(before, old) && last + EVIDENCE_MAX < proposed {
            let text = format!("slot {}: view {} gives up the last who kept it", slot.number(), view.epoch());
            self.violation = Some(text);
        }
        self.views.lost.insert(slot);
    }

    /// Whether all slots have a living in-sync entry without this node, by all views that may come to hold.
    pub(super) fn can_spare(&self, node: NodeId) -> bool {
        let lives = |view: &View, entry: &Entry| {
            let at = node_of(view, entry.member);
            at != node && self.nodes[at].inner.is_up && self.nodes[at].inner.boot == entry.boot
        };
        self.views.to_come().all(|view| {
            self.slots.iter().all(|slot| {
                let chain = view.chain(*slot);
                chain.entries[..chain.in_sync].iter().any(|entry| lives(view, entry))
            })
        })
    }

    /// Whether the register of this node can be lost without a majority being lost.
    pub(super) fn can_spare_register(&self, node: NodeId) -> bool {
        let Some(latest) = &self.views.latest else { return false };
        let is_whole = |view: &View, index: &MemberIndex| {
            let at = node_of(view, *index);
            let is_named = self.nodes[at].inner.incarnation == view.member(*index).incarnation;
            at == node || (is_named && self.kept.get(&at) != Some(&Kept::Nothing))
        };
        let has_latest = |index: &&MemberIndex| {
            let at = node_of(latest, **index);
            at != node && self.nodes[at].inner.view().map(|view| view.epoch()) == Some(latest.epoch())
        };
        self.views.to_come().all(|view| view.acceptors().iter().all(|index| is_whole(view, index)))
            && latest.acceptors().iter().filter(has_latest).count() > latest.acceptors().len() / 2
    }
}
