//! The world of a run: its time, its network, and who lives in it.
//!
//! One queue holds all that will happen, by time; at equal times what was queued first comes first. Everything that is
//! left to chance is drawn from the seed, so a seed is a run.

mod clients;
mod faults;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::config::Millis;
use ringmaster_protocol::extension::Outcome;
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{
    Boot, Chain, ClusterId, ConfigDigest, Entry, Epoch, Incarnation, Member, MemberIndex, View, ViewParts,
};

use super::control;
use super::history::History;
use super::message::{ConnectionId, Down, NodeId, ProxyId, Response, Up};
use super::network::{Connection, Message, Network, is_up};
use super::node::{Kept, Node};
use super::proxy::{Clock, Output, Port, Proxy};
use super::random::Random;
use super::settings::Settings;
use clients::Client;
use faults::Views;

/// Something that will happen.
#[derive(Debug)]
enum Event {
    /// A packet arrives.
    Arrives(ConnectionId, Message),
    /// A proxy sees that its connection is gone.
    Closed(ConnectionId),
    WakeProxy(ProxyId, u64),
    WakeNode(NodeId, u64),
    /// A node has time to adopt what was committed.
    Adopt(NodeId, u64),
    Client(usize),
    /// A client's command comes to its proxy.
    Submit(usize),
    Fault,
    Restart(NodeId),
    RestartProxy(ProxyId),
    ResumeNode(NodeId),
    ResumeProxy(ProxyId),
    /// Packets arrive again.
    Join(ProxyId, NodeId, bool),
    Watch,
    Heal,
}

/// A process.
#[derive(Debug)]
struct Process<T> {
    inner: T,
    /// Which of its lives it is.
    run: u64,
    /// It stands still; what comes is kept.
    is_paused: bool,
    inbox: Vec<Event>,
    /// When it is to be woken, as is planned.
    wakes_at: Duration,
}

impl<T> Process<T> {
    fn new(inner: T) -> Self {
        Self { inner, run: 0, is_paused: false, inbox: Vec::new(), wakes_at: Duration::MAX }
    }
}

/// More events than a run has, unless somebody does the same over and over.
const EVENTS_MAX: u64 = 1_000_000;

/// Why a run failed.
pub type Violation = String;

/// A run.
#[derive(Debug)]
pub struct World {
    settings: Settings,
    random: Random,
    now: Duration,
    queue: BTreeMap<(Duration, u64), Event>,
    queued: u64,
    network: Network,
    slots: Vec<HashSlot>,
    nodes: Vec<Process<Node>>,
    proxies: Vec<Process<Option<Proxy>>>,
    /// What each node that is down will have when it starts again.
    kept: BTreeMap<NodeId, Kept>,
    clients: Vec<Client>,
    last_client: u64,
    last_value: u32,
    history: History,
    views: Views,
    is_healed: bool,
    violation: Option<Violation>,
    trace: Vec<String>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What was wrong, if anything.
    pub violation: Option<Violation>,
    /// All that happened, if it was asked for.
    pub trace: Vec<String>,
    /// Calls whose outcome their clients know.
    pub certain: usize,
    /// All calls.
    pub calls: usize,
    /// Epoch of the last view.
    pub epoch: u64,
    /// Slots that lost all their data by the faults, and are not judged.
    pub lost: usize,
}

impl World {
    /// The world of a seed at its beginning.
    #[must_use]
    pub fn new(settings: Settings, mut random: Random) -> Self {
        let slots =
            (0..settings.slots).filter_map(|at| HashSlot::new((at * 4001) as u16)).collect::<Vec<_>>();
        let rules = settings.rules;
        let node = |at: usize| {
            let (incarnation, boot) = (Incarnation(at as u128 + 1), Boot(at as u128 + 1));
            Process::new(Node::new(format!("n{at}"), incarnation, boot, &slots, rules))
        };
        let nodes: Vec<Process<Node>> = (0..settings.nodes).map(node).collect();
        let proxies = (0..settings.proxies).map(|_| Process::new(None)).collect();
        let view = first_view(&settings, &slots);
        let mut world = Self {
            now: Duration::ZERO,
            queue: BTreeMap::new(),
            queued: 0,
            network: Network::default(),
            slots,
            nodes,
            proxies,
            kept: BTreeMap::new(),
            clients: Vec::new(),
            last_client: 0,
            last_value: 0,
            history: History::default(),
            views: Views::new(&view),
            is_healed: false,
            violation: None,
            trace: Vec::new(),
            random: random.fork(),
            settings,
        };
        world.begin(&view);
        world
    }

    fn begin(&mut self, view: &Arc<View>) {
        use ringmaster_protocol::register::Request;
        for node in &mut self.nodes {
            let request = Request::Commit { view: Arc::clone(view) };
            let message = Up::Register { id: 0, incarnation: Incarnation::default(), request };
            node.inner.receive(Duration::ZERO, 0, message);
            node.inner.adopt_all();
        }
        (0..self.settings.proxies).for_each(|proxy| self.start_proxy(proxy));
        self.begin_clients();
        self.queue(Duration::from_millis(200), Event::Fault);
        self.queue(Duration::from_millis(50), Event::Watch);
        self.queue(self.settings.faults_for, Event::Heal);
    }

    fn start_proxy(&mut self, at: ProxyId) {
        let clock =
            Clock { offset: self.random.millis(0, 100_000), fast_ppm: self.random.below(1600) as i64 - 800 };
        let settings = control::Settings {
            rules: self.settings.rules,
            slots: self.slots.clone(),
            names: self.nodes.iter().map(|node| node.inner.name.clone()).collect(),
            replicas: self.settings.replicas,
        };
        let mut proxy = Proxy::new(settings, clock, self.random.fork(), self.now);
        proxy.control.is_unruly = !self.is_healed;
        let process = &mut self.proxies[at];
        (process.inner, process.run, process.wakes_at) = (Some(proxy), process.run + 1, Duration::MAX);
        self.plan_proxy(at);
    }

    fn queue(&mut self, after: Duration, event: Event) {
        self.queue_at(self.now + after, event);
    }

    fn queue_at(&mut self, at: Duration, event: Event) {
        self.queued += 1;
        self.queue.insert((at.max(self.now), self.queued), event);
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if self.settings.is_traced {
            let line = format!("{:>12.6} {}", self.now.as_secs_f64(), text());
            self.trace.push(line);
        }
    }

    fn note_message(&mut self, id: ConnectionId, way: &str, text: impl FnOnce() -> Option<String>) {
        if !self.settings.is_traced {
            return;
        }
        if let Some(text) = text() {
            let Connection { proxy, port: (node, class), .. } = self.network.connections[id];
            self.note(|| format!("n{node} {way} p{proxy} {class:?} {id}: {text}"));
        }
    }

    /// Lets all happen until `end`, or until something is wrong.
    fn run_until(&mut self, end: Duration) {
        while self.violation.is_none() {
            if self.queued > EVENTS_MAX {
                self.violation = Some(format!("it does not end: {EVENTS_MAX} events in {:?}", self.now));
                return;
            }
            let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end) else { break };
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrives(connection, message) => self.arrives(connection, message),
            Event::Closed(connection) => self.closed(connection),
            Event::WakeProxy(at, run) => self.wake_proxy(at, run),
            Event::WakeNode(at, run) | Event::Adopt(at, run) if self.nodes[at].run != run => {}
            Event::WakeNode(at, _) if self.nodes[at].is_paused => self.nodes[at].inbox.push(event),
            Event::Adopt(at, _) if self.nodes[at].is_paused => self.nodes[at].inbox.push(event),
            Event::WakeNode(at, _) => {
                self.nodes[at].wakes_at = Duration::MAX;
                let answers = self.nodes[at].inner.wake(self.now);
                self.answers(at, answers);
            }
            Event::Adopt(at, _) => {
                let answers = self.nodes[at].inner.adopt_all();
                self.answers(at, answers);
            }
            Event::Client(at) => self.client_acts(at),
            Event::Submit(number) => self.submit(number),
            Event::Fault => self.fault(),
            Event::Restart(at) => self.restart(at),
            Event::RestartProxy(at) => self.restart_proxy(at),
            Event::ResumeNode(at) => self.resume_node(at),
            Event::ResumeProxy(at) => self.resume_proxy(at),
            Event::Join(proxy, node, to_node) => self.join(proxy, node, to_node),
            Event::Watch => self.watch(),
            Event::Heal => self.heal(),
        }
    }

    /// Puts a packet on its way.
    fn send(&mut self, id: ConnectionId, message: Message) {
        let delay = self.delay();
        let direction = usize::from(is_up(&message));
        let last = &mut self.network.connections[id].last[direction];
        let at = (self.now + delay).max(*last);
        *last = at;
        self.queue_at(at, Event::Arrives(id, message));
    }

    fn delay(&mut self) -> Duration {
        let usual = Duration::from_micros(50)..self.settings.delay;
        let delay = self.random.between(usual.start, usual.end);
        if self.random.chance(self.settings.slow_per_mille) {
            delay + self.random.millis(5, 120)
        } else {
            delay
        }
    }

    fn arrives(&mut self, id: ConnectionId, message: Message) {
        let to_node = is_up(&message);
        let connection = &mut self.network.connections[id];
        let (proxy, port, runs) = (connection.proxy, connection.port, connection.runs);
        if !connection.is_open {
            // What was on its way to a proxy is lost with the connection; what was on its way to a node may come late.
            let Some(late) = connection.late.filter(|_| to_node) else { return };
            connection.late = Some(Duration::ZERO);
            if late > Duration::ZERO {
                return self.delay_all(id, late, message);
            }
        } else if self.network.is_cut(id, to_node) {
            self.network.connections[id].kept_back[usize::from(to_node)].push_back(message);
            return;
        }
        match message {
            Message::Up(message) => self.node_gets(port.0, runs.1, id, message),
            Message::Down(message) => self.proxy_gets(proxy, runs.0, (id, port), message),
        }
    }

    /// The packets of a connection that is gone keep their order, and come later all together.
    fn delay_all(&mut self, id: ConnectionId, late: Duration, first: Message) {
        let of_it = |(key, event): (&(Duration, u64), &Event)| match event {
            Event::Arrives(other, Message::Up(_)) if *other == id => Some(*key),
            _ => None,
        };
        let keys: Vec<(Duration, u64)> = self.queue.iter().filter_map(of_it).collect();
        self.queue(late, Event::Arrives(id, first));
        self.network.connections[id].last[1] += late;
        for key in keys {
            if let Some(event) = self.queue.remove(&key) {
                self.queue_at(key.0 + late, event);
            }
        }
    }

    fn node_gets(&mut self, at: NodeId, run: u64, from: ConnectionId, message: Up) {
        let process = &mut self.nodes[at];
        if process.run != run || !process.inner.is_up {
            return;
        }
        if process.is_paused {
            process.inbox.push(Event::Arrives(from, Message::Up(message)));
            return;
        }
        let epoch = process.inner.view().map(|view| view.epoch());
        let call = match &message {
            Up::Command { number, .. } => Some(*number),
            _ => None,
        };
        self.note_message(from, "⇐", || message.describe());
        let answers = self.nodes[at].inner.receive(self.now, from, message);
        if let Some(number) = call {
            self.learn(number, &answers);
        }
        if self.nodes[at].inner.view().map(|view| view.epoch()) != epoch {
            let (soon, run) = (self.random.millis(0, 60), self.nodes[at].run);
            self.queue(soon, Event::Adopt(at, run));
            let view = self.nodes[at].inner.view().cloned();
            view.iter().for_each(|view| self.observe(view));
        }
        self.answers(at, answers);
    }

    /// Remembers what a node made of a call.
    fn learn(&mut self, number: usize, answers: &[(ConnectionId, Down)]) {
        for (_, answer) in answers {
            let Down::Response { response: Response::Done(_, outcome), .. } = answer else { continue };
            let made = match outcome {
                Outcome::Made(operation) => operation.new,
                Outcome::Alone(version) => *version,
                Outcome::Saw(version) => {
                    self.history.shown.insert(number, *version);
                    continue;
                }
                Outcome::HasIt | Outcome::Forgotten => continue,
            };
            let slot = self.history.calls[number].slot;
            self.history.made.insert((slot, made.changed.0, made.n), number);
        }
    }

    fn answers(&mut self, at: NodeId, answers: Vec<(ConnectionId, Down)>) {
        for (connection, answer) in answers {
            self.note_message(connection, "⇒", || answer.describe());
            if self.network.connections[connection].is_open {
                self.send(connection, Message::Down(answer));
            }
        }
        let process = &mut self.nodes[at];
        if let Some(wakes_at) = process.inner.wakes_at().filter(|wakes_at| *wakes_at < process.wakes_at) {
            process.wakes_at = wakes_at;
            let run = process.run;
            self.queue_at(wakes_at, Event::WakeNode(at, run));
        }
    }

    fn proxy_gets(&mut self, at: ProxyId, run: u64, (id, port): (ConnectionId, Port), message: Down) {
        let process = &mut self.proxies[at];
        let Some(proxy) = process.inner.as_mut().filter(|_| process.run == run) else { return };
        if process.is_paused {
            process.inbox.push(Event::Arrives(id, Message::Down(message)));
            return;
        }
        let outputs = proxy.receive(self.now, port, message);
        self.outputs(at, outputs);
    }

    fn closed(&mut self, id: ConnectionId) {
        let connection = &self.network.connections[id];
        let (at, port, run) = (connection.proxy, connection.port, connection.runs.0);
        let process = &mut self.proxies[at];
        // The proxy may have ended it itself.
        let is_known = self.network.open(at, port) == Some(id);
        let Some(proxy) = process.inner.as_mut().filter(|_| process.run == run && is_known) else { return };
        if process.is_paused {
            process.inbox.push(Event::Closed(id));
            return;
        }
        self.network.forget(id);
        let outputs = proxy.closed(self.now, port);
        self.outputs(at, outputs);
    }

    fn wake_proxy(&mut self, at: ProxyId, run: u64) {
        let process = &mut self.proxies[at];
        let Some(proxy) = process.inner.as_mut().filter(|_| process.run == run) else { return };
        if process.is_paused {
            process.inbox.push(Event::WakeProxy(at, run));
            return;
        }
        process.wakes_at = Duration::MAX;
        let outputs = proxy.poll(self.now);
        self.outputs(at, outputs);
    }

    fn plan_proxy(&mut self, at: ProxyId) {
        let process = &mut self.proxies[at];
        let Some(proxy) = &process.inner else { return };
        let (wakes_at, run) = (proxy.wakes_at().max(self.now), process.run);
        if wakes_at < process.wakes_at {
            process.wakes_at = wakes_at;
            self.queue_at(wakes_at, Event::WakeProxy(at, run));
        }
    }

    fn outputs(&mut self, at: ProxyId, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(port, message) => self.send_up(at, port, message),
                Output::Close(port) => {
                    if let Some(id) = self.network.open(at, port) {
                        let late = self.lateness();
                        self.network.close(id, late);
                        self.network.forget(id);
                    }
                }
                Output::Answer(number, told) => self.told(number, told),
            }
        }
        self.views_of(at);
        self.plan_proxy(at);
    }

    /// Takes note of what a proxy has proposed and decided.
    fn views_of(&mut self, at: ProxyId) {
        let Some(proxy) = &mut self.proxies[at].inner else { return };
        let proposed = std::mem::take(&mut proxy.control.proposed);
        let decided = std::mem::take(&mut proxy.control.decided);
        let now = self.now;
        self.views.proposed.extend(proposed.into_iter().map(|view| (now, view)));
        decided.iter().for_each(|view| self.observe(view));
    }

    fn send_up(&mut self, at: ProxyId, port: Port, message: Up) {
        let runs = (self.proxies[at].run, self.nodes[port.0].run);
        let is_new = self.network.open(at, port).is_none();
        let id = self.network.connect(at, port, runs);
        if is_new && !self.nodes[port.0].inner.is_up {
            self.network.close(id, None);
            let soon = self.delay();
            return self.queue(soon, Event::Closed(id));
        }
        self.send(id, Message::Up(message));
    }
}

/// All nodes are members, the first of them entries of the chains.
fn first_view(settings: &Settings, slots: &[HashSlot]) -> Arc<View> {
    let member = |at: usize| Member {
        name: format!("n{at}").parse().expect("a name"),
        address: format!("n{at}:1").parse().expect("an address"),
        zone: String::new(),
        weight: 1,
        incarnation: Incarnation(at as u128 + 1),
        boot: Boot(at as u128 + 1),
        is_durable: false,
    };
    let chain = |first: usize| {
        let entry = |at: usize| {
            let at = (first + at) % settings.nodes;
            Entry { member: MemberIndex::new(at as u16), boot: Boot(at as u128 + 1), since: Epoch::FIRST }
        };
        let entries: Vec<Entry> = (0..settings.replicas).map(entry).collect();
        let (changed, born, in_sync) = (Epoch::FIRST, Epoch::FIRST, entries.len());
        Chain { changed, born, unsealed: None, entries, in_sync }
    };
    let mut chains = vec![chain(0); SLOT_COUNT];
    slots.iter().enumerate().for_each(|(at, slot)| chains[slot.index()] = chain(at));
    let acceptors = if settings.nodes >= 5 { 5 } else { 3 };
    let lease = Millis::new(settings.lease.as_millis() as u64);
    let parts = ViewParts {
        cluster: ClusterId(1),
        epoch: Epoch::FIRST,
        members: (0..settings.nodes).map(member).collect(),
        acceptors: (0..acceptors).map(MemberIndex::new).collect(),
        lease,
        longest_lease: lease,
        hash_seed: 1,
        config: ConfigDigest::default(),
        superseded: Vec::new(),
        chains,
    };
    Arc::new(View::new(parts).expect("a first view"))
}
