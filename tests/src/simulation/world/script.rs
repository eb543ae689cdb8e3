//! Runs by a script: it says which views are decided, what is sent by whom, what is cut and who ends, and when.

use std::time::Duration;

use ringmaster_protocol::extension::Rules;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{ClusterId, Epoch, ViewParts};

use super::clients::Client;
use super::views::node_of;
use super::{Event, World};
use crate::simulation::command::{Command, LIST_KEY, Step};
use crate::simulation::control::Control;
use crate::simulation::message::{NodeId, ProxyId, Up};
use crate::simulation::network::Message;
use crate::simulation::node::Kept;
use crate::simulation::proxy::{Class, Told};
use crate::simulation::random::Random;
use crate::simulation::settings::{Drive, Settings};

impl World {
    /// A world in which nothing happens that the script does not say: so many nodes, proxies and copies, one slot.
    #[must_use]
    pub fn scripted(rules: Rules, (nodes, proxies, replicas): (usize, usize, usize)) -> Self {
        Self::quiet(rules, (nodes, proxies, replicas), |settings| settings)
    }

    /// As [`World::scripted`], with the controllers of the processes: these nodes are in their files, for each proxy.
    #[must_use]
    pub fn controlled(rules: Rules, counts: (usize, usize, usize), files: &[&[NodeId]]) -> Self {
        let files: Vec<Vec<NodeId>> = files.iter().map(|nodes| nodes.to_vec()).collect();
        Self::quiet(rules, counts, |settings| Settings { drive: Drive::Controller, files, ..settings })
    }

    /// As [`World::controlled`], and the nodes begin without a view.
    #[must_use]
    pub fn blank(rules: Rules, counts: (usize, usize, usize), files: &[&[NodeId]]) -> Self {
        let files: Vec<Vec<NodeId>> = files.iter().map(|nodes| nodes.to_vec()).collect();
        let blank = |settings| Settings { drive: Drive::Controller, files, is_blank: true, ..settings };
        Self::quiet(rules, counts, blank)
    }

    fn quiet(
        rules: Rules,
        (nodes, proxies, replicas): (usize, usize, usize),
        alter: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let mut random = Random::new(1);
        let settings = Settings {
            is_quiet: true,
            nodes,
            proxies,
            replicas,
            slots: 1,
            faults: Vec::new(),
            slow_per_mille: 0,
            delay: Duration::from_millis(1),
            lease: Duration::from_millis(400),
            ..Settings::of(&mut random, rules)
        };
        Self::new(alter(settings), random)
    }

    /// The nodes of the chain, by the last view.
    #[must_use]
    pub fn chain(&self) -> Vec<NodeId> {
        let entries =
            self.views.latest.iter().flat_map(|view| {
                view.chain(self.slot()).entries.iter().map(|entry| node_of(view, entry.member))
            });
        entries.collect()
    }

    /// The slot of a script.
    #[must_use]
    pub fn slot(&self) -> HashSlot {
        self.slots[0]
    }

    /// Keeps a trace from now on.
    pub fn trace(&mut self) {
        self.settings.is_traced = true;
    }

    /// Lets this time pass.
    pub fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        self.run_until(end);
    }

    /// Lets happen what happens until this is so.
    ///
    /// # Panics
    /// If it is not so within ten seconds: then the script is wrong.
    pub fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(10);
        while !is_so(self) && self.violation.is_none() {
            let next = self.queue.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= end);
            assert!(next.is_some(), "not within ten seconds: {what}\n{}", self.trace.join("\n"));
            self.step();
        }
    }

    fn control(&mut self, at: ProxyId, work: impl FnOnce(&mut Control, Duration)) {
        let now = self.now;
        let Some(proxy) = &mut self.proxies[at].inner else { return };
        let shown = proxy.clock.shows(now);
        if let Some(control) = proxy.control.scripted() {
            work(control, shown);
        }
        let outputs = proxy.poll(now);
        self.outputs(at, outputs);
    }

    /// A proxy proposes the next view, with these changes.
    pub fn propose(&mut self, at: ProxyId, change: impl FnOnce(&mut ViewParts)) {
        self.control(at, |control, now| control.decide(now, change));
    }

    /// As [`World::propose`], and waits until the proxy holds that view.
    pub fn decide(&mut self, at: ProxyId, change: impl FnOnce(&mut ViewParts)) {
        let before = self.epoch(at);
        self.propose(at, change);
        self.until("the view is decided", |world| world.epoch(at) > before);
    }

    /// The entry at this place leaves the chain by a view that this proxy proposes; if it is a tail, with the mark.
    pub fn remove(&mut self, at: ProxyId, place: usize) {
        let slot = self.slot();
        self.decide(at, |parts| {
            let epoch = parts.epoch;
            crate::simulation::control::remove(&mut parts.chains[slot.index()], place, epoch, false);
        });
    }

    /// The node is appended to the chain.
    pub fn append(&mut self, at: ProxyId, node: NodeId) {
        let (slot, before) = (self.slot(), self.epoch(at));
        self.control(at, |control, now| control.append_to(now, slot, node));
        self.until("the view is decided", |world| world.epoch(at) > before);
    }

    /// A proxy begins to bring the joining entry in.
    pub fn bring_in(&mut self, at: ProxyId) {
        let slot = self.slot();
        self.control(at, |control, now| control.bring_in(now, slot));
    }

    /// Epoch of the view by which a proxy sends commands.
    #[must_use]
    pub fn epoch(&self, at: ProxyId) -> Epoch {
        let view = self.proxies[at].inner.as_ref().and_then(|proxy| proxy.view());
        view.map_or(Epoch::default(), |view| view.epoch())
    }

    /// The cluster whose view a proxy sends commands by.
    #[must_use]
    pub fn cluster(&self, at: ProxyId) -> ClusterId {
        let view = self.proxies[at].inner.as_ref().and_then(|proxy| proxy.view());
        view.map_or(ClusterId::default(), |view| view.cluster())
    }

    /// All proxies that run hold this epoch.
    #[must_use]
    pub fn all_know(&self, epoch: Epoch) -> bool {
        (0..self.proxies.len()).all(|at| self.proxies[at].inner.is_none() || self.epoch(at) == epoch)
    }

    /// A new client of this proxy pushes a number; the call.
    pub fn push(&mut self, proxy: ProxyId) -> usize {
        self.last_value += 1;
        self.say(proxy, Step::Push(LIST_KEY, self.last_value))
    }

    /// The client of a call pushes another number; the call.
    pub fn push_behind(&mut self, call: usize) -> usize {
        let id = self.history.calls[call].client;
        let at = self.clients.iter().position(|client| client.id() == id).expect("its proxy lives");
        self.last_value += 1;
        self.call(at, 0, Command(vec![Step::Push(LIST_KEY, self.last_value)]));
        self.history.calls.len() - 1
    }

    /// A proxy's connection for commands to a node is lost; what is on its way to the node arrives so much later.
    pub fn lose_late(&mut self, proxy: ProxyId, node: NodeId, milliseconds: u64) {
        if let Some(id) = self.network.open(proxy, (node, Class::Data)) {
            self.network.close(id, Some(Duration::from_millis(milliseconds)));
            self.queue(Duration::from_millis(1), Event::Closed(id));
        }
    }

    /// A new client of this proxy reads the list; the call.
    pub fn read(&mut self, proxy: ProxyId) -> usize {
        self.say(proxy, Step::Range(LIST_KEY))
    }

    fn say(&mut self, proxy: ProxyId, step: Step) -> usize {
        self.last_client += 1;
        self.clients.push(Client::new(self.last_client, proxy));
        self.call(self.clients.len() - 1, 0, Command(vec![step]));
        self.history.calls.len() - 1
    }

    /// Whether the client of a call was told that nobody knows whether it was executed.
    #[must_use]
    pub fn is_unknown(&self, call: usize) -> bool {
        matches!(self.history.calls[call].answered, Some((_, Told::Maybe)))
    }

    /// Whether the client of a call was told that it is done.
    #[must_use]
    pub fn is_done(&self, call: usize) -> bool {
        matches!(self.history.calls[call].answered, Some((_, Told::Done(_))))
    }

    /// A client's call is done.
    pub fn await_done(&mut self, call: usize) {
        self.until("the call is done", |world| world.is_done(call));
    }

    /// Length of the list on a node.
    #[must_use]
    pub fn held_by(&self, node: NodeId) -> usize {
        self.nodes[node].inner.slots[0].keys.state.list(LIST_KEY).len()
    }

    /// Nothing passes between a proxy and a node any more, not even what is on its way.
    pub fn part(&mut self, proxy: ProxyId, node: NodeId) {
        self.network.cuts.insert((proxy, node, true));
        self.network.cuts.insert((proxy, node, false));
    }

    /// What is sent passes again, and so does what was kept back.
    pub fn rejoin(&mut self, proxy: ProxyId, node: NodeId) {
        self.join(proxy, node, true);
        self.join(proxy, node, false);
    }

    /// A proxy stands still until it is told to go on.
    pub fn stop(&mut self, proxy: ProxyId) {
        self.proxies[proxy].is_paused = true;
    }

    /// A proxy goes on.
    pub fn go_on(&mut self, proxy: ProxyId) {
        self.resume_proxy(proxy);
    }

    /// A node's process ends, and with it what it does not keep.
    pub fn end_node(&mut self, node: NodeId, kept: Kept) {
        self.end(node, kept);
    }

    /// The node starts again.
    pub fn start_node(&mut self, node: NodeId) {
        self.restart(node);
    }

    /// A proxy's process ends for good.
    pub fn end_proxy(&mut self, proxy: ProxyId) {
        self.end_of_proxy(proxy);
    }

    /// Whether such a message is on its way from a proxy to a node, now or behind a cut.
    #[must_use]
    pub fn is_sent(&self, proxy: ProxyId, node: NodeId, is_it: impl Fn(&Up) -> bool) -> bool {
        let is_between = |id: usize| {
            let connection = &self.network.connections[id];
            (connection.proxy, connection.port.0) == (proxy, node)
        };
        let is_it = |message: &Message| matches!(message, Message::Up(up) if is_it(up));
        let on_its_way = self.queue.values().any(|event| match event {
            Event::Arrives(id, message) => is_between(*id) && is_it(message),
            _ => false,
        });
        let kept_back = |id: usize| self.network.connections[id].kept_back[1].iter().any(is_it);
        on_its_way || (0..self.network.connections.len()).any(|id| is_between(id) && kept_back(id))
    }
}
