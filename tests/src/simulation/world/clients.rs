//! The clients: what they send, and what they are told.

use std::time::Duration;

use super::{Event, World};
use crate::simulation::command::{Command, LIST_KEY, Step, TEXT_KEYS};
use crate::simulation::history::Call;
use crate::simulation::message::ProxyId;
use crate::simulation::proxy::Told;

/// Time after the last fault during which clients go on.
pub(super) const CLIENTS_GO_ON: Duration = Duration::from_millis(2500);

/// One client and its one connection.
#[derive(Debug)]
pub(super) struct Client {
    /// Names the connection.
    id: u64,
    proxy: ProxyId,
    under_way: usize,
    /// The slot that it likes most, by place.
    slot: usize,
}

impl Client {
    /// A client whose commands a script says.
    pub(super) fn new(id: u64, proxy: ProxyId) -> Self {
        Self { id, proxy, under_way: 0, slot: 0 }
    }

    /// Names the connection.
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl World {
    pub(super) fn begin_clients(&mut self) {
        for at in 0..self.settings.proxies * self.settings.clients {
            self.last_client += 1;
            let (id, proxy) = (self.last_client, at % self.settings.proxies);
            let slot = self.random.below(self.slots.len());
            self.clients.push(Client { id, proxy, under_way: 0, slot });
            let first = self.random.millis(0, 100);
            self.queue(first, Event::Client(at));
        }
    }

    pub(super) fn client_acts(&mut self, at: usize) {
        if self.now >= self.settings.faults_for + CLIENTS_GO_ON {
            return;
        }
        let pause = self.random.between(Duration::ZERO, self.settings.pause * 2);
        self.queue(pause, Event::Client(at));
        if self.clients[at].under_way >= self.settings.window
            || self.proxies[self.clients[at].proxy].inner.is_none()
        {
            return;
        }
        let slot =
            if self.random.chance(800) { self.clients[at].slot } else { self.random.below(self.slots.len()) };
        let command = self.draw_command();
        self.call(at, slot, command);
    }

    /// A client sends a command; its connection brings it a little later.
    pub(super) fn call(&mut self, at: usize, slot: usize, command: Command) {
        let client = &mut self.clients[at];
        client.under_way += 1;
        let number = self.history.calls.len();
        let (client, slot) = (client.id, self.slots[slot]);
        self.history.calls.push(Call { client, slot, command, invoked: (self.now, number), answered: None });
        self.submit(number);
    }

    pub(super) fn submit(&mut self, number: usize) {
        let call = &self.history.calls[number];
        let Some(client) = self.clients.iter().find(|client| client.id == call.client) else { return };
        let at = client.proxy;
        let process = &mut self.proxies[at];
        let Some(proxy) = &mut process.inner else { return };
        if process.is_paused {
            process.inbox.push(Event::Submit(number));
            return;
        }
        let outputs = proxy.submit(self.now, number, call.client, (call.slot, &call.command));
        let call = &self.history.calls[number];
        let text = format!("p{at} gets call {number} of client {}: {:?}", call.client, call.command.0);
        self.note(|| text);
        self.outputs(at, outputs);
    }

    pub(super) fn told(&mut self, number: usize, told: Told) {
        self.note(|| format!("call {number} is told {told:?}"));
        let now = self.now;
        let call = &mut self.history.calls[number];
        if call.answered.is_some() {
            return;
        }
        call.answered = Some((now, told));
        let id = call.client;
        if let Some(client) = self.clients.iter_mut().find(|client| client.id == id) {
            client.under_way -= 1;
        }
    }

    /// The proxy of these clients is gone, and with it their connections.
    pub(super) fn abandon(&mut self, proxy: ProxyId) {
        for at in 0..self.clients.len() {
            if self.clients[at].proxy != proxy {
                continue;
            }
            let id = self.clients[at].id;
            let open = |call: &Call| call.client == id && call.answered.is_none();
            let open: Vec<usize> =
                (0..self.history.calls.len()).filter(|at| open(&self.history.calls[*at])).collect();
            open.into_iter().for_each(|number| self.told(number, Told::Maybe));
            self.last_client += 1;
            (self.clients[at].id, self.clients[at].under_way) = (self.last_client, 0);
        }
    }

    fn draw_command(&mut self) -> Command {
        if self.settings.expires && self.random.chance(200) {
            return Command(vec![self.draw_timed()]);
        }
        if self.random.chance(350) {
            return Command(vec![self.draw_read()]);
        }
        let steps = if self.random.chance(150) { 2 + self.random.below(2) } else { 1 };
        Command((0..steps).map(|_| self.draw_write()).collect())
    }

    fn draw_timed(&mut self) -> Step {
        if self.random.chance(700) {
            return Step::Borrowed;
        }
        self.last_value += 1;
        Step::Lend(self.last_value, 20 + self.random.below(1000) as u64)
    }

    fn draw_read(&mut self) -> Step {
        if self.random.chance(400) { Step::Range(LIST_KEY) } else { Step::Get(self.draw_key()) }
    }

    fn draw_key(&mut self) -> u8 {
        self.random.below(usize::from(TEXT_KEYS)) as u8
    }

    fn draw_write(&mut self) -> Step {
        self.last_value += 1;
        let (key, value) = (self.draw_key(), self.last_value);
        match self.random.below(12) {
            0 => Step::Set(key, value),
            1..=3 => Step::SetAbsent(key, value),
            4 => Step::Append(key, value),
            5 | 6 => Step::Incr(key),
            7 => Step::Del(key),
            8 => Step::Get(key),
            _ => Step::Push(LIST_KEY, value),
        }
    }

    /// A client of its own for each proxy and slot writes and reads once more: all is served.
    pub(super) fn probe(&mut self) -> Vec<usize> {
        let first = self.history.calls.len();
        for proxy in 0..self.settings.proxies {
            for slot in 0..self.slots.len() {
                self.last_client += 1;
                self.clients.push(Client { id: self.last_client, proxy, under_way: 0, slot });
                let at = self.clients.len() - 1;
                self.last_value += 1;
                self.call(at, slot, Command(vec![Step::Push(LIST_KEY, self.last_value)]));
                let mut all: Vec<Step> = (0..TEXT_KEYS).map(Step::Get).collect();
                all.push(Step::Range(LIST_KEY));
                self.call(at, slot, Command(all));
            }
        }
        (first..self.history.calls.len()).collect()
    }
}
