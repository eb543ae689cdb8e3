//! Faults, and what must not be asked of a cluster: that it keeps data which every keeper has lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Chain, Entry, MemberIndex, View};

use super::{Event, World};
use crate::simulation::message::{ConnectionId, NodeId, ProxyId};
use crate::simulation::network::Message;
use crate::simulation::node::Kept;
use crate::simulation::settings::Fault;

/// A view that is proposed so long after the entries which it keeps lost their data should have known.
const EVIDENCE_MAX: Duration = Duration::from_millis(500);

/// What is known of all views, and of who has kept its data.
#[derive(Debug)]
pub(super) struct Views {
    /// The last that was decided.
    pub(super) latest: Arc<View>,
    /// All that were proposed, and when.
    pub(super) proposed: Vec<(Duration, Arc<View>)>,
    /// The boots of each node since it last lost data.
    lives: BTreeMap<NodeId, Vec<Boot>>,
    lost_at: BTreeMap<NodeId, Duration>,
    /// Slots whose data nobody has any more.
    pub(super) lost: BTreeSet<HashSlot>,
}

impl Views {
    pub(super) fn new(first: &Arc<View>) -> Self {
        let lives = first.members().iter().enumerate().map(|(at, member)| (at, vec![member.boot]));
        Self {
            latest: Arc::clone(first),
            proposed: Vec::new(),
            lives: lives.collect(),
            lost_at: BTreeMap::new(),
            lost: BTreeSet::new(),
        }
    }

    /// Views by which data may be kept or given up from now on.
    fn to_come(&self) -> impl Iterator<Item = &Arc<View>> {
        let all = self.proposed.iter().map(|(_, view)| view);
        let later = all.filter(|view| view.epoch() > self.latest.epoch());
        std::iter::once(&self.latest).chain(later)
    }
}

/// Members keep their places in the views of a run.
fn node_of(member: MemberIndex) -> NodeId {
    member.index()
}

impl World {
    /// A view was decided.
    pub(super) fn observe(&mut self, view: &Arc<View>) {
        if view.epoch() <= self.views.latest.epoch() {
            return;
        }
        let slots = self.slots.clone();
        let shown: Vec<&Chain> = slots.iter().map(|slot| view.chain(*slot)).collect();
        self.note(|| format!("view {}: {shown:?}", view.epoch()));
        let before = std::mem::replace(&mut self.views.latest, Arc::clone(view));
        for slot in slots {
            let (old, new) = (before.chain(slot), view.chain(slot));
            if self.has_keeper(new) || self.views.lost.contains(&slot) || new.born > old.born {
                continue;
            }
            let lost_at = |entry: &Entry| self.views.lost_at.get(&node_of(entry.member)).copied();
            let last = new.entries[..new.in_sync].iter().filter_map(lost_at).max().unwrap_or_default();
            let is_it = |(_, other): &&(Duration, Arc<View>)| {
                other.epoch() == view.epoch() && other.chain(slot) == new
            };
            let proposed = self.views.proposed.iter().find(is_it).map_or(self.now, |(at, _)| *at);
            if self.has_keeper(old) && last + EVIDENCE_MAX < proposed {
                let text =
                    format!("slot {}: view {} gives up the last who kept it", slot.number(), view.epoch());
                self.violation = Some(text);
            }
            self.views.lost.insert(slot);
        }
    }

    /// Whether an in-sync entry has, or will have when it is back, all that it ever had.
    fn has_keeper(&self, chain: &Chain) -> bool {
        let keeps = |entry: &Entry| self.views.lives[&node_of(entry.member)].contains(&entry.boot);
        chain.entries[..chain.in_sync].iter().any(keeps)
    }

    /// Whether all slots have a living in-sync entry without this node, by all views that may come to hold.
    fn can_spare(&self, node: NodeId) -> bool {
        let lives = |entry: &&Entry| {
            let at = node_of(entry.member);
            at != node && self.nodes[at].inner.is_up && self.nodes[at].inner.boot == entry.boot
        };
        self.views.to_come().all(|view| {
            self.slots.iter().all(|slot| {
                let chain = view.chain(*slot);
                chain.entries[..chain.in_sync].iter().any(|entry| lives(&entry))
            })
        })
    }

    /// Whether the register of this node can be lost without a majority being lost.
    fn can_spare_register(&self, node: NodeId) -> bool {
        let is_whole = |view: &View, index: &MemberIndex| {
            let at = node_of(*index);
            let is_named = self.nodes[at].inner.incarnation == view.member(*index).incarnation;
            at == node || (is_named && self.kept.get(&at) != Some(&Kept::Nothing))
        };
        let has_latest = |index: &&MemberIndex| {
            let at = node_of(**index);
            let epoch = self.nodes[at].inner.view().map(|view| view.epoch());
            at != node && epoch == Some(self.views.latest.epoch())
        };
        let latest = &self.views.latest;
        self.views.to_come().all(|view| view.acceptors().iter().all(|index| is_whole(view, index)))
            && latest.acceptors().iter().filter(has_latest).count() > latest.acceptors().len() / 2
    }

    pub(super) fn fault(&mut self) {
        if self.is_healed {
            return;
        }
        let next = self.random.between(Duration::from_millis(5), self.settings.fault_every * 2);
        self.queue(next, Event::Fault);
        let faults = self.settings.faults.clone();
        let Some(fault) = self.random.pick(&faults) else { return };
        let (node, proxy) = (self.random.below(self.nodes.len()), self.random.below(self.proxies.len()));
        match fault {
            Fault::Loss => self.lose_connection(),
            Fault::Partition => self.cut(proxy, node),
            Fault::Crash if self.can_spare(node) => self.crash(node, Kept::All),
            Fault::Disaster => self.crash(node, Kept::All),
            Fault::Truncation if self.can_spare(node) => {
                let written = self.nodes[node].inner.written();
                let reach = if self.random.chance(700) { written.min(20) } else { written };
                let kept = written - self.random.below(reach + 1);
                self.crash(node, Kept::Some(kept));
            }
            Fault::Wipe if self.can_spare(node) && self.can_spare_register(node) => {
                self.crash(node, Kept::Nothing);
            }
            Fault::ProxyCrash => self.crash_proxy(proxy),
            Fault::ProxyPause => self.pause_proxy(proxy),
            Fault::NodePause => self.pause_node(node),
            _ => {}
        }
    }

    /// How late packets of a lost connection arrive, if they do.
    pub(super) fn lateness(&mut self) -> Option<Duration> {
        match self.random.below(4) {
            0 | 1 => None,
            2 => Some(Duration::ZERO),
            _ => Some(self.random.millis(1, 900)),
        }
    }

    fn lose_connection(&mut self) {
        let open = self.network.all_open();
        let Some(id) = self.random.pick(&open) else { return };
        self.note(|| format!("connection {id} is lost"));
        self.lose(id);
    }

    fn lose(&mut self, id: ConnectionId) {
        let late = self.lateness();
        self.network.close(id, late);
        let soon = if self.random.chance(700) { self.delay() } else { self.random.millis(1, 400) };
        self.queue(soon, Event::Closed(id));
    }

    fn cut(&mut self, proxy: ProxyId, node: NodeId) {
        let ways: &[bool] = match self.random.below(3) {
            0 => &[true],
            1 => &[false],
            _ => &[true, false],
        };
        self.note(|| format!("p{proxy} and n{node} are cut {ways:?}"));
        for to_node in ways {
            self.network.cuts.insert((proxy, node, *to_node));
            let until = self.random.millis(30, 1500);
            self.queue(until, Event::Join(proxy, node, *to_node));
        }
    }

    pub(super) fn join(&mut self, proxy: ProxyId, node: NodeId, to_node: bool) {
        self.network.cuts.remove(&(proxy, node, to_node));
        for id in self.network.all_open() {
            let connection = &mut self.network.connections[id];
            if (connection.proxy, connection.port.0) != (proxy, node) {
                continue;
            }
            let kept_back: Vec<Message> = connection.kept_back[usize::from(to_node)].drain(..).collect();
            kept_back.into_iter().for_each(|message| self.send(id, message));
        }
    }

    fn crash(&mut self, at: NodeId, kept: Kept) {
        if !self.nodes[at].inner.is_up {
            return;
        }
        self.note(|| format!("n{at} ends, keeps {kept:?}"));
        let process = &mut self.nodes[at];
        process.inner.crash();
        process.run += 1;
        (process.is_paused, process.wakes_at) = (false, Duration::MAX);
        process.inbox.clear();
        self.kept.insert(at, kept);
        if kept != Kept::All {
            self.views.lives.insert(at, Vec::new());
            self.views.lost_at.insert(at, self.now);
        }
        for id in self.network.all_open() {
            if self.network.connections[id].port.0 == at {
                self.lose(id);
            }
        }
        let down_for = self.random.millis(20, 1500);
        self.queue(down_for, Event::Restart(at));
    }

    pub(super) fn restart(&mut self, at: NodeId) {
        let Some(kept) = self.kept.remove(&at) else { return };
        let drawn = self.random.wide();
        self.note(|| format!("n{at} starts again with {kept:?} as {drawn:x}"));
        self.nodes[at].inner.restart(kept, drawn);
        self.views.lives.entry(at).or_default().push(Boot(drawn));
    }

    fn crash_proxy(&mut self, at: ProxyId) {
        if self.proxies[at].inner.is_none() {
            return;
        }
        self.note(|| format!("p{at} ends"));
        let process = &mut self.proxies[at];
        process.inner = None;
        process.is_paused = false;
        process.inbox.clear();
        for id in self.network.all_open() {
            if self.network.connections[id].proxy == at {
                let late = self.lateness();
                self.network.close(id, late);
                self.network.forget(id);
            }
        }
        self.abandon(at);
        let down_for = self.random.millis(10, 800);
        self.queue(down_for, Event::RestartProxy(at));
    }

    pub(super) fn restart_proxy(&mut self, at: ProxyId) {
        if self.proxies[at].inner.is_none() {
            self.note(|| format!("p{at} starts again"));
            self.start_proxy(at);
        }
    }

    fn pause_proxy(&mut self, at: ProxyId) {
        self.note(|| format!("p{at} stands still"));
        self.proxies[at].is_paused = true;
        let still_for = self.random.millis(5, 1500);
        self.queue(still_for, Event::ResumeProxy(at));
    }

    pub(super) fn resume_proxy(&mut self, at: ProxyId) {
        self.proxies[at].is_paused = false;
        let inbox = std::mem::take(&mut self.proxies[at].inbox);
        self.note(|| format!("p{at} goes on"));
        for event in inbox {
            match event {
                // It came before the pause: that its connection is gone by now changes nothing.
                Event::Arrives(id, Message::Down(message)) => {
                    let (port, run) =
                        (self.network.connections[id].port, self.network.connections[id].runs.0);
                    self.proxy_gets(at, run, (id, port), message);
                }
                other => self.happen(other),
            }
        }
    }

    fn pause_node(&mut self, at: NodeId) {
        if self.nodes[at].inner.is_up {
            self.note(|| format!("n{at} stands still"));
            self.nodes[at].is_paused = true;
            let still_for = self.random.millis(5, 900);
            self.queue(still_for, Event::ResumeNode(at));
        }
    }

    pub(super) fn resume_node(&mut self, at: NodeId) {
        self.nodes[at].is_paused = false;
        let inbox = std::mem::take(&mut self.nodes[at].inbox);
        for event in inbox {
            match event {
                Event::Arrives(id, Message::Up(message)) => {
                    let run = self.network.connections[id].runs.1;
                    self.node_gets(at, run, id, message);
                }
                other => self.happen(other),
            }
        }
    }

    /// No faults from now on, and all that were are over.
    pub(super) fn heal(&mut self) {
        self.note(|| "no more faults".to_owned());
        self.is_healed = true;
        for at in 0..self.nodes.len() {
            self.resume_node(at);
            let soon = self.random.millis(0, 100);
            self.queue(soon, Event::Restart(at));
        }
        for at in 0..self.proxies.len() {
            self.resume_proxy(at);
            self.restart_proxy(at);
            if let Some(proxy) = &mut self.proxies[at].inner {
                proxy.control.is_unruly = false;
            }
        }
        for (proxy, node, to_node) in self.network.cuts.clone() {
            self.join(proxy, node, to_node);
        }
    }
}
