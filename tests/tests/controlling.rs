//! Controllers drive real registers and real replicas, one thread, simulated time: a cluster comes up, loses nodes, gets
//! them back, grows and shrinks, and each slot stays what was written to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_node::cluster::acceptor::Acceptor;
use ringmaster_node::cluster::posts::Posts;
use ringmaster_node::cluster::replica::{Access, Asker, Content, Replica, Shared};
use ringmaster_node::cluster::row::Row;
use ringmaster_node::cluster::{Budget, Ticket};
use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::extension::{Ask, Contents, Operation, Rules, Say};
use ringmaster_protocol::heartbeat::{Beat, NodeState, Pulse};
use ringmaster_protocol::register::{Answer, Refusal, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, Incarnation, MemberIndex, View};
use ringmaster_proxy::cluster::controller::{Action, Controller, Settings};

const SLOTS: u16 = 4;

/// Runs with random faults.
const SEEDS: u64 = 20;

fn slots() -> impl Iterator<Item = HashSlot> {
    (0..SLOTS).map(|slot| HashSlot::new(slot * 1000).unwrap())
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn file(replicas: usize, nodes: &[&str]) -> ClusterFile {
    let entries = nodes.iter().map(|name| format!("{{name: {name}, address: '{name}:6380'}}"));
    let entries = entries.collect::<Vec<_>>().join(", ");
    ClusterFile::parse("cluster.yaml", &format!("replicas: {replicas}\nnodes: [{entries}]\n")).unwrap()
}

/// A slot's content: the effects of its operations, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct List(Vec<u8>);

impl Content for List {
    fn apply(&mut self, operation: &Operation) -> Result<(), Bytes> {
        self.0.extend_from_slice(&operation.effects);
        Ok(())
    }

    fn export(&mut self) -> (u64, Bytes) {
        (0, Bytes::from(self.0.clone()))
    }

    fn replace(&mut self, contents: &Contents) -> Result<(), Bytes> {
        self.0 = contents.effects.to_vec();
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

struct Node {
    name: NodeName,
    is_up: bool,
    incarnation: Incarnation,
    boot: Boot,
    is_leaving: bool,
    acceptor: Acceptor,
    replicas: BTreeMap<HashSlot, (Replica, List)>,
    posts: Posts,
    shared: Shared,
    /// Whole slots that were staged or imported here.
    copies: usize,
}

impl Node {
    fn new(name: &str, number: u128) -> Self {
        let budget = || Arc::new(Budget::new(1 << 20));
        Self {
            name: name.parse().unwrap(),
            is_up: true,
            incarnation: Incarnation(number),
            boot: Boot(number * 1000),
            is_leaving: false,
            acceptor: Acceptor::default(),
            replicas: slots().map(|slot| (slot, Default::default())).collect(),
            posts: Posts::default(),
            shared: Shared { recent: budget(), held: budget(), rules: Rules::ALL },
            copies: 0,
        }
    }

    /// Another process: with its register, and with its data or without.
    fn restart(&mut self, keeps_data: bool) {
        (self.boot.0, self.is_up, self.is_leaving) = (self.boot.0 + 1, true, false);
        for (replica, list) in self.replicas.values_mut() {
            if keeps_data {
                *replica = Replica::recovered(replica.born(), replica.history().clone());
            } else {
                (*replica, *list) = Default::default();
            }
        }
        self.adopt();
    }

    fn adopt(&mut self) {
        let Some(view) = self.acceptor.committed().cloned() else { return };
        let own = view.member_named(&self.name);
        for (slot, (replica, list)) in &mut self.replicas {
            let row = Row::of(&view, *slot, own, self.boot);
            replica.adopt(row, list, &self.shared, &mut Vec::new());
        }
    }

    fn beat(&mut self, now: Duration, beat: &Beat) -> Pulse {
        self.posts.keep(now, beat.proxy, beat.post.clone());
        let cluster = self.acceptor.committed().map(|view| view.cluster());
        let is_foreign =
            beat.cluster != ClusterId::default() && cluster.is_some_and(|own| own != beat.cluster);
        let lease = match cluster {
            Some(own) if is_foreign => Answer::Refused(Refusal::Foreign(own)),
            _ => self.acceptor.answer(&Request::Confirm { epoch: beat.epoch }).answer,
        };
        let state = match (self.is_leaving, self.acceptor.is_blank()) {
            (true, _) => NodeState::Leaving,
            (_, true) => NodeState::Blank,
            _ => NodeState::Ready,
        };
        let first = Request::Prepare { epoch: Epoch::FIRST, ballot: Default::default() };
        let accepted = match self.acceptor.clone().answer(&first).answer {
            Answer::Promised(Some((_, view))) => Some(view.cluster()),
            _ => None,
        };
        Pulse {
            cluster: cluster.or(accepted),
            epoch: self.acceptor.epoch(),
            incarnation: self.incarnation,
            boot: self.boot,
            is_durable: false,
            state,
            lease,
            posts: self.posts.of_others(now, beat.proxy),
            used_memory: 0,
            keys: 0,
            pressure: 0,
            due: Vec::new(),
            clock_ms: 0,
        }
    }

    fn register(&mut self, incarnation: Incarnation, request: &Request) -> Answer {
        if incarnation != self.incarnation {
            return Answer::Refused(Refusal::Reborn(self.incarnation));
        }
        let verdict = self.acceptor.answer(request);
        self.adopt();
        verdict.answer
    }

    fn ask(&mut self, now: Duration, attached: Epoch, ask: Ask) -> Say {
        match ask {
            Ask::Report { slots } => {
                Say::Reports(slots.iter().map(|slot| self.replicas[slot].0.report(*slot)).collect())
            }
            Ask::Fence { slots, epoch } => {
                for slot in slots {
                    self.replicas.get_mut(&slot).unwrap().0.fence(epoch);
                }
                Say::Done
            }
            ask => {
                self.copies += usize::from(matches!(ask, Ask::Stage { .. } | Ask::Import { .. }));
                let (replica, list) = self.replicas.get_mut(&ask.slot().unwrap()).unwrap();
                let asker = Asker { ticket: Ticket(0), attached };
                let say = replica.ask(ask, asker, list, (&self.shared, now), &mut Vec::new());
                say.unwrap_or(Say::Overloaded)
            }
        }
    }
}

enum Event {
    Beat(usize, NodeName, Beat, Duration),
    Pulse(usize, NodeName, Box<Pulse>, Duration),
    Act(usize, Action),
    Answered(usize, u64, Answer),
    Said(usize, u64, Say),
    Lost(usize, u64),
}

struct Cluster {
    now: Duration,
    nodes: BTreeMap<NodeName, Node>,
    proxies: Vec<Controller>,
    /// What happens when, and in what order of those at one time.
    events: BTreeMap<(Duration, u64), Event>,
    event: u64,
    /// Most milliseconds that a message takes; what takes longer than others comes after them.
    slowness: u64,
    random: Random,
    /// Proxy and node that do not hear each other.
    cut: BTreeSet<(usize, NodeName)>,
    written: BTreeMap<HashSlot, Vec<u8>>,
    fences: usize,
    next_node: u128,
}

impl Cluster {
    fn new(names: &[&str], files: &[ClusterFile]) -> Self {
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
            next_node: 1,
        };
        names.iter().for_each(|name| cluster.add_node(name));
        files.iter().for_each(|file| cluster.add_proxy(file));
        cluster
    }

    fn three(replicas: usize) -> Self {
        let file = file(replicas, &["a", "b", "c"]);
        let mut cluster = Self::new(&["a", "b", "c"], &[file.clone(), file]);
        cluster.until(2000, "the first view", |cluster| cluster.agree() && cluster.is_served());
        slots().for_each(|slot| (0..3).for_each(|_| cluster.write(slot)));
        cluster
    }

    fn add_node(&mut self, name: &str) {
        let node = Node::new(name, self.next_node);
        self.next_node += 1;
        self.nodes.insert(node.name.clone(), node);
    }

    fn add_proxy(&mut self, file: &ClusterFile) {
        let number = self.proxies.len() as u128 + 1;
        let settings = Settings { slots: slots().collect(), ..Settings::new(number << 100, number as u64) };
        self.proxies.push(Controller::new(settings, file, self.now));
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(&name.parse::<NodeName>().unwrap()).unwrap()
    }

    fn step(&mut self) {
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

    fn act(&mut self, proxy: usize, actions: Vec<Action>) {
        for action in actions {
            let event = match action {
                Action::Adopt(_) => continue,
                Action::Beat { node, beat } => Event::Beat(proxy, node, beat, self.now),
                action => Event::Act(proxy, action),
            };
            self.later(event);
        }
    }

    fn later(&mut self, event: Event) {
        self.event += 1;
        let delay = ms(1 + self.random.below(self.slowness));
        self.events.insert((self.now + delay, self.event), event);
    }

    fn reaches(&self, proxy: usize, node: &NodeName) -> bool {
        !self.cut.contains(&(proxy, node.clone())) && self.nodes.get(node).is_some_and(|node| node.is_up)
    }

    fn happen(&mut self, event: Event) {
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

    fn carry_out(&mut self, proxy: usize, action: Action) {
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

    fn run(&mut self, milliseconds: u64) {
        (0..milliseconds).for_each(|_| self.step());
    }

    fn until(&mut self, within: u64, what: &str, is_so: impl Fn(&Self) -> bool) -> u64 {
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

    fn view(&self) -> &Arc<View> {
        let views = self.proxies.iter().filter_map(Controller::view);
        views.max_by_key(|view| view.epoch()).expect("there is a view")
    }

    /// Names of a slot's entries.
    fn chain(&self, slot: HashSlot) -> Vec<String> {
        let Some(view) = self.proxies[0].view() else { return Vec::new() };
        view.chain(slot).entries.iter().map(|entry| view.member(entry.member).name.to_string()).collect()
    }

    /// All proxies hold one view, and its lease.
    fn agree(&self) -> bool {
        let has_lease = |proxy: &Controller| proxy.lease().1 > self.now;
        let epoch = |proxy: &Controller| proxy.view().map(|view| (view.epoch(), view.cluster()));
        self.proxies.iter().all(|proxy| has_lease(proxy) && epoch(proxy) == epoch(&self.proxies[0]))
    }

    /// All entries of all chains live.
    fn is_served(&self) -> bool {
        let view = self.view();
        let lives = |entry: &ringmaster_protocol::view::Entry| {
            let node = &self.nodes[&view.member(entry.member).name];
            node.is_up && node.boot == entry.boot && node.acceptor.epoch() == view.epoch()
        };
        slots().all(|slot| view.chain(slot).entries.iter().all(lives))
    }

    /// Every chain has so many entries, all in-sync and live, and no mark.
    fn is_whole(&self, replicas: usize) -> bool {
        let is_whole = |slot| {
            let chain = self.view().chain(slot);
            chain.in_sync == replicas && chain.entries.len() == replicas && chain.unsealed.is_none()
        };
        self.agree() && self.is_served() && slots().all(is_whole)
    }

    fn members_of(&self, slot: HashSlot) -> Vec<(NodeName, MemberIndex)> {
        let view = self.view();
        let entries = &view.chain(slot).entries;
        entries.iter().map(|entry| (view.member(entry.member).name.clone(), entry.member)).collect()
    }

    /// A write by way of the newest view, down the whole chain.
    fn write(&mut self, slot: HashSlot) {
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
                list.apply(&executed).unwrap();
                replica.executed(executed.clone(), &node.shared);
                operation = Some(executed);
                continue;
            };
            let ask = Ask::Apply { slot, since: entry.since, operation: operation.clone() };
            assert_eq!(node.ask(now, epoch, ask), Say::Done, "{name}");
        }
        self.written.entry(slot).or_default().push(byte);
    }

    /// Whether a write would pass the whole chain now.
    fn can_write(&self, slot: HashSlot) -> bool {
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
    fn check(&self) {
        for slot in slots() {
            let expected = self.written.get(&slot).cloned().unwrap_or_default();
            for (name, _) in self.members_of(slot) {
                assert_eq!(self.nodes[&name].replicas[&slot].1.0, expected, "{slot:?} on {name}");
            }
        }
    }
}

#[test]
fn two_proxies_found_one_cluster() {
    let mut cluster = Cluster::three(2);
    assert_eq!(cluster.view().epoch(), Epoch::FIRST);
    assert_eq!(cluster.view().acceptors().len(), 3);
    cluster.run(1000);
    assert_eq!(cluster.view().epoch(), Epoch::FIRST, "nothing is to be done");
    cluster.check();
}

#[test]
fn a_node_that_does_not_answer_keeps_the_first_view_from_being() {
    let file = file(2, &["a", "b", "c"]);
    let mut cluster = Cluster::new(&["a", "b"], &[file]);
    cluster.run(5000);
    assert!(cluster.proxies[0].view().is_none());
    let problems = cluster.proxies[0].status(cluster.now).problems;
    assert!(problems[0].text.contains("does not answer at c:6380"), "{problems:?}");
    cluster.add_node("c");
    cluster.until(2000, "the first view", |cluster| cluster.is_whole(2));
}

#[test]
fn proxies_with_different_files_found_one_cluster() {
    let files = [file(1, &["a", "b"]), file(1, &["b", "c"])];
    let mut cluster = Cluster::new(&["a", "b", "c"], &files);
    cluster.until(5000, "one view", |cluster| {
        let views: Vec<_> = cluster.proxies.iter().filter_map(Controller::view).collect();
        views.len() == 2 && views[0].cluster() == views[1].cluster()
    });
}

#[test]
fn a_dead_node_leaves_its_chains_and_comes_back_without_a_copy() {
    let mut cluster = Cluster::three(2);
    let since = cluster.now;
    cluster.node("b").is_up = false;
    let served = cluster.until(1500, "b is out", |cluster| cluster.agree() && cluster.is_served());
    assert!(served < 1000, "{served} ms");
    let marked = slots().filter(|slot| cluster.view().chain(*slot).unsealed.is_some()).count();
    let was_tail = marked > 0;
    cluster.until(2000, "marks are cleared", |cluster| {
        slots().all(|slot| cluster.view().chain(slot).unsealed.is_none())
    });
    assert!(!was_tail || cluster.now - since > ms(1000), "readers of the old tail are waited for");
    cluster.node("b").restart(true);
    cluster.until(2000, "b is back", |cluster| cluster.is_whole(2));
    assert_eq!(cluster.node("b").copies, 0);
    cluster.check();
    slots().for_each(|slot| cluster.write(slot));
    cluster.check();
}

#[test]
fn a_node_that_comes_back_empty_gets_all_there_is() {
    let mut cluster = Cluster::three(2);
    cluster.node("b").restart(false);
    cluster.until(3000, "b is back", |cluster| cluster.is_whole(2));
    cluster.check();
}

#[test]
fn writes_go_on_while_a_node_is_out_and_it_gets_what_it_missed() {
    let mut cluster = Cluster::three(2);
    cluster.node("a").is_up = false;
    cluster.until(1500, "a is out", |cluster| cluster.agree() && cluster.is_served());
    slots().for_each(|slot| cluster.write(slot));
    cluster.node("a").restart(true);
    cluster.until(4000, "a is back", |cluster| cluster.is_whole(2));
    cluster.check();
}

#[test]
fn one_proxy_that_is_cut_off_from_a_node_expels_it_not() {
    let mut cluster = Cluster::three(2);
    cluster.cut.insert((0, "b".parse().unwrap()));
    cluster.run(3000);
    assert_eq!(cluster.view().epoch(), Epoch::FIRST);
    assert!(cluster.proxies[0].is_at_fault(cluster.now) && !cluster.proxies[1].is_at_fault(cluster.now));
    cluster.cut.insert((1, "b".parse().unwrap()));
    cluster.until(1500, "b is out", |cluster| cluster.view().epoch() > Epoch::FIRST);
}

#[test]
fn a_new_node_gets_its_share_and_a_removed_one_gives_it_back() {
    let mut cluster = Cluster::three(2);
    cluster.add_node("d");
    let (now, more) = (cluster.now, file(2, &["a", "b", "c", "d"]));
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &more));
    cluster.until(3000, "d has its share", |cluster| {
        cluster.is_whole(2) && cluster.view().members().len() == 4 && is_done(cluster)
    });
    cluster.check();
    let (now, less) = (cluster.now, file(2, &["b", "c", "d"]));
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &less));
    cluster.until(5000, "a is gone", |cluster| cluster.is_whole(2) && cluster.view().members().len() == 3);
    assert!(slots().all(|slot| !cluster.chain(slot).contains(&"a".to_owned())));
    cluster.check();
}

fn is_done(cluster: &Cluster) -> bool {
    cluster.proxies.iter().all(|proxy| proxy.status(cluster.now).slots_to_do == 0)
}

#[test]
fn a_leaving_node_is_fenced_and_nobody_has_to_wait() {
    let mut cluster = Cluster::three(2);
    cluster.node("b").is_leaving = true;
    cluster.until(3000, "b is in no chain", |cluster| {
        let has_b = |slot| cluster.chain(slot).contains(&"b".to_owned());
        let is_marked = slots().any(|slot| cluster.view().chain(slot).unsealed.is_some());
        assert!(!is_marked, "a fence makes the mark needless");
        !slots().any(has_b)
    });
    cluster.until(3000, "others hold two copies", |cluster| cluster.is_whole(2));
    cluster.check();
}

#[test]
fn a_whole_cluster_that_restarts_goes_on_with_the_longest_history() {
    let mut cluster = Cluster::three(2);
    let names = ["a", "b", "c"];
    names.iter().for_each(|name| cluster.node(name).is_up = false);
    cluster.run(2000);
    names.iter().for_each(|name| cluster.node(name).restart(true));
    cluster.until(5000, "all chains are whole", |cluster| cluster.is_whole(2));
    cluster.check();
    slots().for_each(|slot| cluster.write(slot));
    cluster.check();
}

#[test]
fn a_slot_without_any_copy_starts_empty_when_its_time_is_over() {
    let mut cluster = Cluster::three(1);
    let lost: Vec<HashSlot> = slots().filter(|slot| cluster.chain(*slot)[0] == "c").collect();
    cluster.node("c").is_up = false;
    cluster.run(29_000);
    assert!(lost.iter().all(|slot| cluster.chain(*slot) == ["c"]), "it is waited for");
    cluster.until(5000, "others have its slots", |cluster| {
        slots().all(|slot| cluster.chain(slot) != ["c"]) && cluster.is_whole(1)
    });
    lost.iter().for_each(|slot| _ = cluster.written.remove(slot));
    cluster.check();
}

#[test]
fn a_lone_node_that_comes_back_in_time_keeps_its_slots() {
    let mut cluster = Cluster::three(1);
    cluster.node("c").is_up = false;
    cluster.run(10_000);
    cluster.node("c").restart(true);
    cluster.until(3000, "c serves again", |cluster| cluster.is_whole(1));
    cluster.check();
}

#[test]
fn a_proxy_that_starts_later_finds_the_view_and_an_older_file_changes_nothing() {
    let mut cluster = Cluster::three(2);
    let (now, more) = (cluster.now, file(2, &["a", "b", "c", "d"]));
    cluster.add_node("d");
    cluster.proxies.iter_mut().for_each(|proxy| proxy.file_changed(now, &more));
    cluster.until(3000, "d has its share", |cluster| {
        cluster.is_whole(2) && cluster.view().members().len() == 4 && is_done(cluster)
    });
    cluster.run(1000);
    let epoch = cluster.view().epoch();
    cluster.add_proxy(&file(2, &["a", "b", "c"]));
    cluster.run(2000);
    assert!(cluster.agree());
    assert_eq!(cluster.view().epoch(), epoch);
}

#[test]
fn an_acceptor_that_is_silent_for_long_is_replaced() {
    let names = ["a", "b", "c", "d"];
    let file = file(2, &names);
    let mut cluster = Cluster::new(&names, &[file.clone(), file]);
    cluster.until(2000, "the first view", |cluster| cluster.is_whole(2));
    let acceptors = |cluster: &Cluster| -> Vec<String> {
        let view = cluster.view();
        view.acceptors().iter().map(|index| view.member(*index).name.to_string()).collect()
    };
    assert_eq!(acceptors(&cluster), ["a", "b", "c"]);
    cluster.node("b").is_up = false;
    cluster.run(9000);
    assert!(acceptors(&cluster).contains(&"b".to_owned()));
    cluster.until(3000, "d decides too", |cluster| acceptors(cluster).contains(&"d".to_owned()));
    assert_eq!(acceptors(&cluster).len(), 3);
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % bound
    }
}

impl Cluster {
    /// Whether each chain keeps a live in-sync entry without this node.
    fn can_spare(&self, name: &NodeName) -> bool {
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

    fn disturb(&mut self, random: &mut Random) {
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

#[test]
fn whatever_happens_what_was_written_stays_and_the_cluster_heals() {
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let names = ["a", "b", "c", "d"];
        let file = file(2, &names);
        let mut cluster = Cluster::new(&names, &[file.clone(), file.clone(), file]);
        (cluster.slowness, cluster.random.0) = (1 + seed % 4 * 20, seed);
        cluster.until(5000, "the first view", |cluster| cluster.is_whole(2));
        for _ in 0..20_000 {
            cluster.step();
            if random.below(400) == 0 {
                cluster.disturb(&mut random);
            }
            let slot = slots().nth(random.below(u64::from(SLOTS)) as usize).unwrap();
            if random.below(20) == 0 && cluster.can_write(slot) {
                cluster.write(slot);
            }
        }
        cluster.cut.clear();
        let down: Vec<NodeName> =
            cluster.nodes.values().filter(|node| !node.is_up).map(|node| node.name.clone()).collect();
        down.iter().for_each(|name| cluster.nodes.get_mut(name).unwrap().restart(true));
        println!("seed {seed}: epoch {}", cluster.view().epoch());
        cluster.until(20_000, "all is well again", |cluster| cluster.is_whole(2));
        cluster.check();
    }
}
