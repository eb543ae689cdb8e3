//! The world of a run: its time, its network, and who lives in it.
//!
//! One queue holds all that will happen, by time; at equal times what was queued first comes first. Everything that is
//! left to chance is drawn from the seed, so a seed is a run.

mod clients;
mod cluster_files;
mod faults;
mod founding;
mod script;
mod traffic;
mod verdict;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::cluster_file::ClusterFile;
use ringmaster_protocol::register::Request;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Incarnation, View};
use ringmaster_proxy::cluster::controller;

use super::clock::Clock;
use super::control::{self, Control};
use super::governor::Governor;
use super::history::History;
use super::message::{ConnectionId, NodeId, ProxyId, Up};
use super::mind::Mind;
use super::network::{Connection, Message, Network};
use super::node::{Kept, Node};
use super::proxy::{Output, Proxy, Start};
use super::random::Random;
use super::settings::{Drive, Settings};
use clients::Client;
use views::Views;

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
    /// A proxy sees a cluster.yaml, by its place among all that there were.
    File(ProxyId, usize),
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

/// The clock of each node is so many milliseconds ahead of that of the one before.
const AHEAD_MS: u64 = 7;

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
    /// The texts of cluster.yaml that there were, the latest last.
    files: Vec<ClusterFile>,
    /// Which of them each proxy has.
    seen_files: Vec<usize>,
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
            let mut node = Node::new(format!("n{at}"), incarnation, boot, &slots, rules);
            node.ahead_ms = AHEAD_MS * at as u64;
            Process::new(node)
        };
        let nodes: Vec<Process<Node>> = (0..settings.nodes).map(node).collect();
        let proxies = (0..settings.proxies).map(|_| Process::new(None)).collect();
        let boots = nodes.iter().map(|node| node.inner.boot).collect::<Vec<_>>();
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
            views: Views::new(boots.into_iter()),
            files: Vec::new(),
            seen_files: vec![0; settings.proxies],
            is_healed: false,
            violation: None,
            trace: Vec::new(),
            random: random.fork(),
            settings,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.write_first_files();
        if !self.settings.is_blank {
            let view = founding::first_view(&self.settings, &self.slots);
            self.found(&view);
        }
        (0..self.settings.proxies).for_each(|proxy| self.start_proxy(proxy));
        self.queue(Duration::from_millis(50), Event::Watch);
        if !self.settings.is_quiet {
            self.begin_clients();
            self.queue(Duration::from_millis(200), Event::Fault);
            self.queue(self.settings.faults_for, Event::Heal);
        }
    }

    /// All nodes have this first view.
    fn found(&mut self, view: &Arc<View>) {
        for node in &mut self.nodes {
            let request = Request::Commit { view: Arc::clone(view) };
            let message = Up::Register { id: 0, incarnation: Incarnation::default(), request };
            node.inner.receive(Duration::ZERO, 0, message);
            node.inner.adopt_all();
        }
        self.observe(view);
    }

    fn start_proxy(&mut self, at: ProxyId) {
        let clock =
            Clock { offset: self.random.millis(0, 100_000), fast_ppm: self.random.below(1600) as i64 - 800 };
        let (rules, limits) = (self.settings.rules, self.settings.limits());
        let names: Vec<String> = self.nodes.iter().map(|node| node.inner.name.clone()).collect();
        let mut random = self.random.fork();
        let answer_max = random.millis(300, 900);
        let mind = self.mind(at, names.clone(), random, clock.shows(self.now));
        let read_from = self.settings.read_from;
        let process = &self.proxies[at];
        let name = (at as u128) << 64 | u128::from(process.run + 1);
        let start = Start { name, rules, limits, names, read_from, answer_max, mind };
        let proxy = Proxy::new(start, clock, self.now);
        let process = &mut self.proxies[at];
        (process.inner, process.run, process.wakes_at) = (Some(proxy), process.run + 1, Duration::MAX);
        self.plan_proxy(at);
    }

    fn mind(&self, at: ProxyId, names: Vec<String>, mut random: Random, now: Duration) -> Mind {
        let Settings { rules, replicas, drive, .. } = self.settings;
        if drive == Drive::Controller {
            let settings = controller::Settings::new(random.wide(), random.number());
            let settings = controller::Settings { rules, slots: self.slots.clone(), ..settings };
            let file = &self.files[self.seen_files[at]];
            return Mind::Controller(Box::new(Governor::new(settings, file, names, now)));
        }
        let settings = control::Settings { rules, slots: self.slots.clone(), names, replicas };
        let mut control = Control::new(settings, random, now);
        control.is_unruly = !self.is_healed;
        control.is_idle = self.settings.is_quiet && !self.is_healed;
        Mind::Chance(Box::new(control))
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
            if self.queue.first_key_value().is_none_or(|((at, _), _)| *at > end) {
                break;
            }
            self.step();
        }
        self.now = self.now.max(end);
    }

    /// Lets the next thing happen.
    fn step(&mut self) {
        if let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.happen(event);
        }
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
            Event::File(at, file) => self.file_seen(at, file),
            Event::Restart(at) => self.restart(at),
            Event::RestartProxy(at) => self.restart_proxy(at),
            Event::ResumeNode(at) => self.resume_node(at),
            Event::ResumeProxy(at) => self.resume_proxy(at),
            Event::Join(proxy, node, to_node) => self.join(proxy, node, to_node),
            Event::Watch => self.watch(),
            Event::Heal => self.heal(),
        }
    }

    fn wake_proxy(&mut self, at: ProxyId, run: u64) {
        let process = &mut self.proxies[at];
        let Some(proxy) = process.inner.as_mut().filter(|_| process.run == run) else { return };
        if process.is_paused {
            process.inbox.push(Event::WakeProxy(at, run));
            return;
        }
        if process.wakes_at > self.now {
            // It was woken since, and is to be woken later: another would follow this one for ever.
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
        let (proposed, decided) = proxy.control.take_views();
        let now = self.now;
        let dated = proposed.into_iter().map(|(age, view)| (now.saturating_sub(age), view));
        self.views.proposed.extend(dated);
        decided.iter().for_each(|view| self.observe(view));
    }
}
