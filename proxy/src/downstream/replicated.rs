//! Commands of a client in a cluster whose slots have several copies.

use std::rc::Rc;

use ringmaster_protocol::command::Split;
use ringmaster_protocol::slot::HashSlot;

use super::Connection;
use super::conversation::Command;
use crate::chain::ClientId;
use crate::replicated::{Observed, Route};
use crate::route::merge::Merger;

impl Connection {
    /// Sends commands by views from here on, if slots are served so by now. False if it must wait for what it has sent to
    /// nodes by the file: commands of one client are executed in their order.
    #[inline]
    pub(super) fn follow_views(&mut self) -> bool {
        let Some(replicated) = self.thread.replicated().cloned() else { return true };
        if self.waits_for_answers() {
            return false;
        }
        self.replicated = Some(replicated);
        true
    }

    /// Sends a command to the chains of its slots. False if it must wait for what came before.
    pub(super) fn replicate(&mut self, command: Command<'_>) -> bool {
        let is_for_all = matches!(command.spec.split, Split::Nodes(_));
        if is_for_all && self.waits_for_answers() {
            return false;
        }
        let is_sent = self.route(|route| route.send(command.spec, command.args, command.raw));
        if is_sent != Some(true) {
            self.thread.metrics.rejected.add(1);
        }
        // Neither may what comes next be seen by it.
        self.fenced |= is_for_all;
        true
    }

    /// Requests that are executed as one, in one slot; `writes` tells whether they may change something.
    pub(super) fn replicate_together(&mut self, slot: HashSlot, requests: &[&[u8]], writes: bool) {
        self.route(|route| route.together(slot, requests, writes));
    }

    /// The keys of a WATCH.
    pub(super) fn replicate_watch(&mut self, observed: &Rc<Observed>, keys: Vec<Vec<u8>>) {
        self.route(|route| route.observe(observed, keys));
    }

    /// A command for all nodes, whose replies are merged with what the proxy knows.
    pub(super) fn replicate_merged(&mut self, merger: Merger, request: &[u8], writes: bool) {
        self.route(|route| route.ask_all(merger, request, writes));
    }

    /// Questions about one slot, whose replies are made one.
    pub(super) fn replicate_questions(&mut self, slot: HashSlot, merger: Merger, requests: Vec<Vec<u8>>) {
        self.route(|route| route.ask_slot(slot, merger, requests));
    }

    /// A command for one slot.
    pub(super) fn replicate_one(&mut self, command: Command<'_>, slot: HashSlot) {
        self.route(|route| route.submit(slot, command.spec, command.raw));
    }

    /// A command that takes what is there or waits for it; all before it was answered.
    pub(super) fn replicate_waiting(&mut self, command: Command<'_>, slot: HashSlot) {
        let waiting = self.route(|route| route.wait(slot, command.spec, command.args, command.raw));
        self.conversation.get_or_insert_default().begin_waiting(waiting, command.raw);
        self.card.set_blocked(true);
        self.fenced = true;
    }

    fn route<T>(&mut self, send: impl FnOnce(&Route<'_>) -> T) -> Option<T> {
        let wanted = !self.session.drops_reply();
        let replicated = self.replicated.as_ref()?;
        let route = Route {
            to: replicated,
            client: &self.output,
            id: ClientId(self.session.id),
            lane: self.lane,
            any: replicated.reads_any().then(|| rand::random_range(0..usize::from(u16::MAX))),
            wanted,
        };
        Some(send(&route))
    }
}
