//! Faults.

use std::time::Duration;

use ringmaster_protocol::view::Boot;

use super::{Event, World};
use crate::simulation::message::{ConnectionId, NodeId, ProxyId};
use crate::simulation::network::Message;
use crate::simulation::node::Kept;
use crate::simulation::settings::{Drive, Fault};

impl World {
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
            Fault::Leave if self.settings.drive == Drive::Controller => self.leave(node),
            Fault::Edit if self.settings.drive == Drive::Controller => self.edit(),
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
            // They were at the cut already: what is still on its way comes behind them.
            let now = self.now;
            kept_back.into_iter().for_each(|message| self.queue_at(now, Event::Arrives(id, message)));
        }
    }

    fn crash(&mut self, at: NodeId, kept: Kept) {
        if self.nodes[at].inner.is_up {
            self.end(at, kept);
            let down_for = self.random.millis(20, 1500);
            self.queue(down_for, Event::Restart(at));
        }
    }

    pub(super) fn end(&mut self, at: NodeId, kept: Kept) {
        self.note(|| format!("n{at} ends, keeps {kept:?}"));
        let process = &mut self.nodes[at];
        process.inner.crash();
        process.run += 1;
        (process.is_paused, process.wakes_at) = (false, Duration::MAX);
        process.inbox.clear();
        self.kept.insert(at, kept);
        if kept != Kept::All {
            self.views.loses(at, self.now);
        }
        for id in self.network.all_open() {
            if self.network.connections[id].port.0 == at {
                self.lose(id);
            }
        }
    }

    pub(super) fn restart(&mut self, at: NodeId) {
        let Some(kept) = self.kept.remove(&at) else { return };
        let drawn = self.random.wide();
        self.note(|| format!("n{at} starts again with {kept:?} as {drawn:x}"));
        self.nodes[at].inner.restart(kept, drawn);
        self.views.lives_as(at, Boot(drawn));
    }

    fn crash_proxy(&mut self, at: ProxyId) {
        if self.proxies[at].inner.is_some() {
            self.end_of_proxy(at);
            let down_for = self.random.millis(10, 800);
            self.queue(down_for, Event::RestartProxy(at));
        }
    }

    pub(super) fn end_of_proxy(&mut self, at: ProxyId) {
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

    /// A node says for a while that it is about to stop, and then goes on after all.
    fn leave(&mut self, at: NodeId) {
        let is_leaving = self.random.chance(500);
        self.note(|| format!("n{at} is leaving: {is_leaving}"));
        self.nodes[at].inner.is_leaving = is_leaving;
    }

    /// No faults from now on, and all that were are over.
    pub(super) fn heal(&mut self) {
        self.note(|| "no more faults".to_owned());
        self.is_healed = true;
        for at in 0..self.nodes.len() {
            self.resume_node(at);
            self.nodes[at].inner.is_leaving = false;
            let soon = self.random.millis(0, 100);
            self.queue(soon, Event::Restart(at));
        }
        for at in 0..self.proxies.len() {
            self.resume_proxy(at);
            self.restart_proxy(at);
            if let Some(proxy) = &mut self.proxies[at].inner {
                proxy.control.calm();
            }
        }
        self.show_files();
        for (proxy, node, to_node) in self.network.cuts.clone() {
            self.join(proxy, node, to_node);
        }
    }
}
