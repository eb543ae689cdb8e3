//! Packets on their way, and those who get them.

use std::time::Duration;

use ringmaster_protocol::extension::Outcome;

use super::{Event, World};
use crate::simulation::message::{ConnectionId, Down, NodeId, ProxyId, Response, Up};
use crate::simulation::network::{Message, is_up};
use crate::simulation::proxy::Port;

impl World {
    /// Puts a packet on its way.
    pub(super) fn send(&mut self, id: ConnectionId, message: Message) {
        let delay = self.delay();
        let direction = usize::from(is_up(&message));
        let last = &mut self.network.connections[id].last[direction];
        let at = (self.now + delay).max(*last);
        *last = at;
        self.queue_at(at, Event::Arrives(id, message));
    }

    pub(super) fn delay(&mut self) -> Duration {
        let usual = Duration::from_micros(50)..self.settings.delay;
        let delay = self.random.between(usual.start, usual.end);
        if self.random.chance(self.settings.slow_per_mille) {
            delay + self.random.millis(5, 120)
        } else {
            delay
        }
    }

    pub(super) fn arrives(&mut self, id: ConnectionId, message: Message) {
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
    pub(super) fn delay_all(&mut self, id: ConnectionId, late: Duration, first: Message) {
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

    pub(super) fn node_gets(&mut self, at: NodeId, run: u64, from: ConnectionId, message: Up) {
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
            Up::Command { number, .. } => *number,
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
    pub(super) fn learn(&mut self, number: usize, answers: &[(ConnectionId, Down)]) {
        for (_, answer) in answers {
            let Down::Response { response: Response::Done(replies, outcome), .. } = answer else { continue };
            let made = match outcome {
                Outcome::Made(operation) => operation.new,
                Outcome::Alone(version) => *version,
                Outcome::Saw(version) | Outcome::Published(version) => {
                    self.history.shown.entry(number).or_default().push((*version, replies.clone()));
                    continue;
                }
                Outcome::HasIt | Outcome::Forgotten => continue,
            };
            let slot = self.history.calls[number].slot;
            self.history.made.insert((slot, made.changed.0, made.n), number);
        }
    }

    pub(super) fn answers(&mut self, at: NodeId, answers: Vec<(ConnectionId, Down)>) {
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

    pub(super) fn proxy_gets(
        &mut self,
        at: ProxyId,
        run: u64,
        (id, port): (ConnectionId, Port),
        message: Down,
    ) {
        let process = &mut self.proxies[at];
        let Some(proxy) = process.inner.as_mut().filter(|_| process.run == run) else { return };
        if process.is_paused {
            process.inbox.push(Event::Arrives(id, Message::Down(message)));
            return;
        }
        let outputs = proxy.receive(self.now, port, message);
        self.outputs(at, outputs);
    }

    pub(super) fn closed(&mut self, id: ConnectionId) {
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

    pub(super) fn send_up(&mut self, at: ProxyId, port: Port, message: Up) {
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
