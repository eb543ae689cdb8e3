//! Nodes and controllers, a network between them, and simulated time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_node::cluster::replica::{Access, Content};
use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::extension::{Ask, Operation, Rules, Say};
use ringmaster_protocol::heartbeat::{Beat, Pulse};
use ringmaster_protocol::register::{Answer, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{MemberIndex, View};
use ringmaster_proxy::cluster::controller::{Action, Controller, Settings};

use super::node::Node;
use super::{file, ms, slots};

pub(crate) enum Event {
    Beat(usize, NodeName, Beat, Duration),
    Pulse(usize, NodeName, Box<Pulse>, Duration),
    Act(usize, Action),
    Answered(usize, u64, Answer),
    Said(usize, u64, Say),
    Lost(usize, u64),
}

pub(crate) struct Cluster {
    pub(crate) now: Duration,
    pub(crate) nodes: BTreeMap<NodeName, Node>,
    pub(crate) proxies: Vec<Controller>,
    /// What happens when, and in what order of those at one time.
    pub(crate) events: BTreeMap<(Duration, u64), Event>,
    pub(crate) event: u64,
    /// Most milliseconds that a message takes; what takes longer than others comes after them.
    pub(crate) slowness: u64,
    pub(crate) random: Random,
    /// Proxy and node that do not hear each other.
    pub(crate) cut: BTreeSet<(usize, NodeName)>,
    pub(crate) written: BTreeMap<HashSlot, Vec<u8>>,
    pub(crate) fences: usize,
    pub(crate) rules: Rules,
    pub(crate) next_node: u128,
}

impl Cluster {
    pub(crate) fn new(names: &[&str], files: &[ClusterFile]) -> Self {
        let mut cluster = Self {
            now: ms(1000),
            nodes: BTreeMap::new(),
            proxies: Vec::new(),
            events: BTreeMap::new(),
            event: 0,
            slowness: 1,
            random: Random(1),
            cut: BTreeSet::new(),
            written: BTreeMap::new(),
            fences: 0,
            rules: Rules::ALL,
            next_node: 1,
        };
        names.iter().for_each(|name| cluster.add_node(name));
        files.iter().for_each(|file| cluster.add_proxy(file));
        cluster
    }

    pub(crate) fn three(replicas: usize) -> Self {
        let file = file(replicas, &["a", "b", "c"]);
        let mut cluster = Self::new(&["a", "b", "c"], &[file.clone(), file]);
        cluster.until(2000, "the first view", |cluster| cluster.agree() && cluster.is_served());
        slots().for_each(|slot| (0..3).for_each(|_| cluster.write(slot)));
        cluster
    }

    pub(crate) fn add_node(&mut self, name: &str) {
        let node = Node::new(name, self.next_node);
        self.next_node += 1;
        self.nodes.insert(node.name.clone(), node);
    }

    pub(crate) fn add_proxy(&mut self, file: &ClusterFile) {
        let number = self.proxies.len() as u128 + 1;
        let settings = Settings { slots: slots().collect(), ..Settings::new(number << 100, number as u64) };
        let settings = Settings { rules: self.rules, ..settings };
        self.proxies.push(Controller::new(settings, file, self.now));
    }

    /// A proxy that has placed slots by the file alone so far.
    pub(crate) fn add_proxy_by_file(&mut self, file: &ClusterFile) {
        let number = self.proxies.len() as u128 + 1;
        let settings = Settings { slots: slots().collect(), ..Settings::new(number << 100, number as u64) };
        self.proxies.push(Controller::new(Settings { by_file: true, ..settings }, file, self.now));
    }

    pub(crate) fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(&name.parse::<NodeName>().unwrap()).unwrap()
    }

    /// The node starts again as another data directory, without anything.
    pub(crate) fn wipe(&mut self, name: &str) {
        let incarnation = self.next_node;
        self.next_node += 1;
        self.node(name).wipe(incarnation);
    }

    pub(crate) fn step(&mut self) {
        self.now += ms(1);
        for proxy in 0..self.proxies.len() {
            if self.proxies[proxy].wakes_at().is_some_and(|at| at <= self.now) {
                let actions = self.proxies[proxy].poll(self.now);
                self.act(proxy, actions);
            }
        }
        while self.events.first_key_value().is_some_and(|((at, _), _)| *at <= self.now) {
            let (_, event) = self.events.pop_first().unwrap();
            self.happen(event);
        }
    }

    pub(crate) fn act(&mut self, proxy: usize, actions: Vec<Action>) {
        for action in actions {
            let event = match action {
                Action::Adopt(_) => continue,
                Action::Beat { node, beat } => Event::Beat(proxy, node, beat, self.now),
                action => Event::Act(proxy, action),
            };
            self.later(event);
        }
    }

    pub(crate) fn later(&mut self, event: Event) {
        self.event += 1;
        let delay = ms(1 + self.random.below(self.slowness));
        self.events.insert((self.now + delay, self.event), event);
    }

    pub(crate) fn reaches(&self, proxy: usize, node: &NodeName) -> bool {
        !self.cut.contains(&(proxy, node.clone())) && self.nodes.get(node).is_some_and(|node| node.is_up)
    }

    pub(crate) fn happen(&mut self, event: Event) {
        let now = self.now;
        let (proxy, actions) = match event {
            Event::Beat(proxy, node, beat, sent) => {
                if self.reaches(proxy, &node) {
                    let pulse = self.nodes.get_mut(&node).unwrap().beat(now, &beat);
                    self.later(Event::Pulse(proxy, node, Box::new(pulse), sent));
                }
                return;
            }
            Event::Act(proxy, action) => return self.carry_out(proxy, action),
            Event::Pulse(proxy, node, pulse, sent) => {
                (proxy, self.proxies[proxy].heard(now, sent, &node, *pulse))
            }
            Event::Answered(proxy, id, answer) => (proxy, self.proxies[proxy].answered(now, id, answer)),
            Event::Said(proxy, id, say) => (proxy, self.proxies[proxy].said(now, id, say)),
            Event::Lost(proxy, id) => (proxy, self.proxies[proxy].lost(now, id)),
        };
        self.act(proxy, actions);
    }

    pub(crate) fn carry_out(&mut self, proxy: usize, action: Action) {
        let event = match action {
            Action::Register { id, node, incarnation, request } if self.reaches(proxy, &node) => {
                let answer = self.nodes.get_mut(&node).unwrap().register(incarnation, &request);
                Event::Answered(proxy, id, answer)
            }
            Action::Ask { id, node, incarnation, boot, attach, ask } if self.reaches(proxy, &node) => {
                self.fences += usize::from(matches!(ask, Ask::Fence { .. }));
                let view = Arc::clone(self.proxies[proxy].view().unwrap());
                let node = self.nodes.get_mut(&node).unwrap();
                if (node.incarnation, node.boot) != (incarnation, boot) {
                    return self.later(Event::Lost(proxy, id));
                }
                if node.acceptor.epoch() < attach && view.epoch() == attach {
                    node.register(incarnation, &Request::Commit { view });
                }
                let say = node.ask(self.now, attach, ask);
                Event::Said(proxy, id, say)
            }
            Action::Register { id, .. } | Action::Ask { id, .. } => Event::Lost(proxy, id),
            Action::Beat { .. } | Action::Adopt(_) => return,
        };
        self.later(event);
    }

    pub(crate) fn run(&mut self, milliseconds: u64) {
        (0..milliseconds).for_each(|_| self.step());
    }

    pub(crate) fn until(&mut self, within: u64, what: &str, is_so: impl Fn(&Self) -> bool) -> u64 {
        for passed in 0..within {
            if is_so(self) {
                return passed;
            }
            self.step();
        }
        let chains: Vec<_> = slots().map(|slot| self.chain(slot)).collect();
        let status: Vec<_> = self.proxies.iter().map(|proxy| proxy.status(self.now)).collect();
        panic!("not within {within} ms: {what}; chains {chains:?}; {status:#?}");
    }

    pub(crate) fn view(&self) -> &Arc<View> {
        let views = self.proxies.iter().filter_map(Controller::view);
        views.max_by_key(|view| view.epoch()).expect("there is a view")
    }

    /// Names of a slot's entries.
    pub(crate) fn chain(&self, slot: HashSlot) -> Vec<String> {
        let Some(view) = self.proxies[0].view() else { return Vec::new() };
        view.chain(slot).entries.iter().map(|entry| view.member(entry.member).name.to_string()).collect()
    }

    /// All proxies hold one view, and its lease.
    pub(crate) fn agree(&self) -> bool {
        let has_lease = |proxy: &Controller| {
            let (epoch, until) = proxy.lease();
            until > self.now && proxy.view().is_some_and(|view| view.epoch() == epoch)
        };
        let epoch = |proxy: &Controller| proxy.view().map(|view| (view.epoch(), view.cluster()));
        self.proxies.iter().all(|proxy| has_lease(proxy) && epoch(proxy) == epoch(&self.proxies[0]))
    }

    /// All entries of all chains live.
    pub(crate) fn is_served(&self) -> bool {
        let view = self.view();
        let lives = |entry: &ringmaster_protocol::view::Entry| {
            let node = &self.nodes[&view.member(entry.member).name];
            node.is_up && node.boot == entry.boot && node.acceptor.epoch() == view.epoch()
        };
        slots().all(|slot| view.chain(slot).entries.iter().all(lives))
    }

    /// Every chain has so many entries, all in-sync and live, and no mark.
    pub(crate) fn is_whole(&self, replicas: usize) -> bool {
        let is_whole = |slot| {
            let chain = self.view().chain(slot);
            chain.in_sync == replicas && chain.entries.len() == replicas && chain.unsealed.is_none()
        };
        self.agree() && self.is_served() && slots().all(is_whole)
    }

    pub(crate) fn members_of(&self, slot: HashSlot) -> Vec<(NodeName, MemberIndex)> {
        let view = self.view();
        let entries = &view.chain(slot).entries;
        entries.iter().map(|entry| (view.member(entry.member).name.clone(), entry.member)).collect()
    }

    /// A write by way of the newest view, down the whole chain.
    pub(crate) fn write(&mut self, slot: HashSlot) {
        let (epoch, now) = (self.view().epoch(), self.now);
        let entries = self.view().chain(slot).entries.clone();
        let mut operation: Option<Operation> = None;
        let byte = (self.written.get(&slot).map_or(0, Vec::len) % 251) as u8;
        for ((name, _), entry) in self.members_of(slot).into_iter().zip(entries) {
            let node = self.nodes.get_mut(&name).unwrap();
            let Some(operation) = &operation else {
                let (replica, list) = node.replicas.get_mut(&slot).unwrap();
                replica.check(epoch, Access::Execute, &node.shared).expect("the head executes");
                let (previous, new) = (replica.history().version(), replica.next_version());
                let effects = Bytes::from(vec![byte]);
                let executed = Operation { previous, new, time: 0, effects };
                let mut encoded = Vec::new();
                let passing = executed.passing(&mut encoded);
                list.apply(&passing).unwrap();
                replica.executed(&passing, &node.shared);
                operation = Some(executed);
                continue;
            };
            let ask = Ask::Apply { slot, since: entry.since, operation: operation.clone() };
            assert_eq!(node.ask(now, epoch, ask), Say::Done, "{name}");
        }
        self.written.entry(slot).or_default().push(byte);
    }

    /// Whether a write would pass the whole chain now.
    pub(crate) fn can_write(&self, slot: HashSlot) -> bool {
        let view = self.view();
        let chain = view.chain(slot);
        let takes = |entry: &ringmaster_protocol::view::Entry| {
            let node = &self.nodes[&view.member(entry.member).name];
            let replica = &node.replicas[&slot].0;
            let is_current = node.is_up && node.boot == entry.boot && node.acceptor.epoch() == view.epoch();
            is_current
                && replica.check_attached(view.epoch(), &node.shared).is_ok()
                && (replica.is_proven() || *entry == *chain.head())
        };
        chain.joining().is_none() && chain.entries.iter().all(takes)
    }

    /// What was written is on every member of each chain.
    pub(crate) fn check(&self) {
        for slot in slots() {
            let expected = self.written.get(&slot).cloned().unwrap_or_default();
            for (name, _) in self.members_of(slot) {
                assert_eq!(self.nodes[&name].replicas[&slot].1.0, expected, "{slot:?} on {name}");
            }
        }
    }
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % bound
    }
}

impl Cluster {
    /// Whether each chain keeps a live in-sync entry without this node.
    pub(crate) fn can_spare(&self, name: &NodeName) -> bool {
        let view = self.view();
        let keeps = |slot| {
            let chain = view.chain(slot);
            let lives = |entry: &ringmaster_protocol::view::Entry| {
                let member = &view.member(entry.member).name;
                let node = &self.nodes[member];
                member != name && node.is_up && node.boot == entry.boot
            };
            chain.entries[..chain.in_sync].iter().any(lives)
        };
        // A view that is decided but not known yet may have fewer.
        let is_known = self.nodes.values().all(|node| node.acceptor.epoch() <= view.epoch());
        is_known && self.nodes.values().all(|node| node.is_up) && self.agree() && slots().all(keeps)
    }

    pub(crate) fn disturb(&mut self, random: &mut Random) {
        let names: Vec<NodeName> = self.nodes.keys().cloned().collect();
        let name = names[random.below(names.len() as u64) as usize].clone();
        let proxy = random.below(self.proxies.len() as u64) as usize;
        let is_up = self.nodes[&name].is_up;
        match random.below(6) {
            0 | 1 if is_up && self.can_spare(&name) => self.nodes.get_mut(&name).unwrap().is_up = false,
            0..=2 if !is_up => self.nodes.get_mut(&name).unwrap().restart(random.below(3) > 0),
            3 => _ = self.cut.insert((proxy, name)),
            4 | 5 => _ = self.cut.pop_first(),
            _ => {}
        }
    }
}
