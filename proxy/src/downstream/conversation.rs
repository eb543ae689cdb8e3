//! What a client begins and ends in several commands, or waits in: transactions, watches, blocking commands,
//! subscriptions.
//!
//! | command | how |
//! | --- | --- |
//! | MULTI … EXEC | kept here; at EXEC sent to the node of their one slot in one piece, over the shared connection |
//! | WATCH | sent over a connection of the client's own; so is the EXEC that follows |
//! | BLPOP and its kind | sent over a connection of the client's own; late when its own time has passed and then some |
//! | SUBSCRIBE and its kin | by all clients of the thread together ([`crate::pubsub`]) |
//!
//! All keys of a transaction lie in one hash slot. Before and after what goes over the client's own connection, all
//! that went before must be answered: commands of one client are executed in the order in which they came.

mod transaction;

use std::rc::Rc;
use std::sync::Arc;

use ringmaster_protocol::command::sort::refusal;
use ringmaster_protocol::command::{Flags, Group, Spec};
use ringmaster_protocol::extension::put_request;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::slot::HashSlot;
use tokio::time::Instant;

use super::Connection;
use crate::pubsub::Subscriber;
use crate::replicated::{Observed, Waiting, time_of};
use crate::telemetry::NodeStatus;
use crate::thread::Routes;
use crate::upstream::{Patience, Upstream};
pub(super) use transaction::Transaction;
use transaction::Watched;

const CROSS_SLOT: &str = "CROSSSLOT Keys in request don't hash to the same slot";

/// A command that was parsed, and its whole request.
#[derive(Clone, Copy)]
pub(super) struct Command<'a> {
    pub(super) spec: &'static Spec,
    pub(super) args: Args<'a>,
    pub(super) raw: &'a [u8],
}

/// The slots of a command's keys.
enum Reach {
    /// It has no key.
    Nothing,
    One(HashSlot),
    Several,
}

impl Command<'_> {
    fn reach(&self) -> Reach {
        let mut positions: Vec<u32> = Vec::new();
        // What names no valid keys is for the node to refuse, with the command's own words.
        let _ = self.spec.key_positions(&self.args, &mut positions);
        let mut slots = positions.iter().filter_map(|at| self.args.get(*at as usize)).map(HashSlot::of);
        let Some(first) = slots.next() else { return Reach::Nothing };
        let one = slots.all(|slot| slot == first) && refusal(self.spec, self.args, first).is_none();
        if one { Reach::One(first) } else { Reach::Several }
    }
}

impl Command<'_> {
    /// Whether a blocking command may really wait: those that read streams do so only if they are told to.
    fn may_wait(&self) -> bool {
        let mut options = self.args.iter().take_while(|arg| !arg.eq_ignore_ascii_case(b"streams"));
        self.spec.group != Group::Stream || options.any(|arg| arg.eq_ignore_ascii_case(b"block"))
    }
}

/// What a client has begun and not ended.
#[derive(Default)]
pub(super) struct Conversation {
    transaction: Option<Transaction>,
    watched: Option<Watched>,
    /// The same where slots are served by views.
    observed: Option<Rc<Observed>>,
    /// Its own connection to a node.
    private: Option<Rc<Upstream>>,
    /// A blocking command is under way.
    blocked: bool,
    /// Its slot, where it went over the client's own connection.
    waits_in: Option<HashSlot>,
    /// The blocking command itself, where it is tried again and again.
    waiting: Option<Rc<Waiting>>,
    /// The request of the blocking command that is under way.
    waits_for: Vec<u8>,
    /// What it is subscribed to, once it subscribed to something.
    pub(super) subscriber: Option<Rc<Subscriber>>,
}

impl Conversation {
    /// A blocking command is under way from here on, until all is answered.
    pub(super) fn begin_waiting(&mut self, waiting: Option<Rc<Waiting>>, request: &[u8]) {
        (self.blocked, self.waiting, self.waits_for) = (true, waiting, request.to_vec());
    }

    /// The request of the blocking command that is under way.
    pub(super) fn waits_for(&self) -> Option<&[u8]> {
        self.blocked.then_some(&self.waits_for)
    }

    /// The client has gone.
    pub(super) fn abandon(&self) {
        if let Some(waiting) = &self.waiting {
            waiting.give_up();
        }
        if let Some(private) = &self.private {
            private.abandon();
        }
    }

    /// The client's own connection to `node`.
    fn connect(
        &mut self,
        node: &Arc<NodeStatus>,
        lane: crate::upstream::Lane,
        routes: &mut Routes,
    ) -> Rc<Upstream> {
        if let Some(private) = self.private.as_ref().filter(|private| private.is_to(node, lane)) {
            return Rc::clone(private);
        }
        self.abandon();
        let (_, links) = routes.parts();
        let private = Upstream::open_private(node, lane, links.context());
        self.private = Some(Rc::clone(&private));
        private
    }
}

impl Connection {
    /// A command that no pipelined connection carries. False if it must wait for what came before.
    pub(super) fn converse(
        &mut self,
        command: Command<'_>,
        routes: &mut Routes,
        reply: &mut Vec<u8>,
    ) -> bool {
        match command.spec.name {
            "multi" | "exec" | "discard" | "watch" | "unwatch" => self.transact(command, routes),
            "subscribe" | "psubscribe" | "ssubscribe" => self.subscribe(command),
            "unsubscribe" | "punsubscribe" | "sunsubscribe" => self.unsubscribe(command),
            _ if command.spec.flags.contains(Flags::BLOCKING) => self.block(command, routes),
            "info" | "config|get" | "config|set" | "config|resetstat" | "slowlog|get" => {
                self.answer_together(command, routes, reply)
            }
            "rm.explain" => self.explain(command, routes),
            "client|tracking" => self.track(command),
            "wait" => self.wait_for_copies(command, reply),
            "monitor" => {
                self.monitor();
                true
            }
            // Any node tells what it knows of streams.
            "xinfo|help" | "xgroup|help" => {
                self.forward(command, HashSlot::of(b""), routes);
                true
            }
            _ => {
                self.local(command.spec, command.args, reply);
                true
            }
        }
    }

    /// Whether a blocking command is under way.
    pub(super) fn is_blocked(&self) -> bool {
        self.conversation.as_ref().is_some_and(|conversation| conversation.blocked)
    }

    /// A command that takes what is there or waits for it.
    fn block(&mut self, command: Command<'_>, routes: &mut Routes) -> bool {
        let slot = match command.reach() {
            Reach::One(slot) => slot,
            Reach::Several => {
                self.answer_error(CROSS_SLOT);
                return true;
            }
            // Without valid keys it does not wait: any node tells what is wrong.
            Reach::Nothing => HashSlot::of(b""),
        };
        if !command.may_wait() {
            self.forward(command, slot, routes);
            return true;
        }
        if self.waits_for_answers() {
            return false;
        }
        if self.replicated.is_some() {
            self.replicate_waiting(command, slot);
            return true;
        }
        let node = node_of(routes, slot);
        let lane = self.lane;
        let conversation = self.conversation.get_or_insert_default();
        conversation.begin_waiting(None, command.raw);
        conversation.waits_in = Some(slot);
        self.card.set_blocked(true);
        let private = conversation.connect(&node, lane, routes);
        private.set_patience(patience_of(command));
        let wanted = !self.session.drops_reply();
        private.send(&self.output, self.output.reserve(wanted), command.raw, true);
        self.fenced = true;
        true
    }

    /// Sends a command over the connection that all share.
    fn forward(&mut self, command: Command<'_>, slot: HashSlot, routes: &mut Routes) {
        if self.replicated.is_some() {
            return self.replicate_one(command, slot);
        }
        let (topology, links) = routes.parts();
        let link = links.get(topology.node_of(slot).index(), self.lane);
        let wanted = !self.session.drops_reply();
        let writes = !command.spec.flags.contains(Flags::READONLY);
        link.send(&self.output, self.output.reserve(wanted), command.raw, writes);
        self.held_by = link.is_full().then(|| Rc::clone(link));
    }

    /// Whether something that came before is not answered yet; nothing more is taken until it is.
    pub(super) fn waits_for_answers(&mut self) -> bool {
        self.fenced = self.output.in_flight() > 0;
        self.fenced
    }

    /// All that was under way has been answered.
    pub(super) fn unfenced(&mut self) {
        if let Some(conversation) = &mut self.conversation {
            (conversation.blocked, conversation.waits_in, conversation.waiting) = (false, None, None);
            conversation.waits_for = Vec::new();
            self.card.set_blocked(false);
            if let Some(private) = &conversation.private {
                private.set_patience(Patience::None);
            }
        }
    }

    /// Ends the blocking command that is under way (`CLIENT UNBLOCK`): as at its timeout, or with an error.
    pub(super) fn end_waiting(&self, with_error: bool) {
        let Some(conversation) = &self.conversation else { return };
        if let Some(waiting) = &conversation.waiting {
            return waiting.end(with_error);
        }
        let (Some(private), Some(slot)) = (&conversation.private, conversation.waits_in) else { return };
        let thread = Rc::clone(&self.thread);
        let mut routes = thread.routes.borrow_mut();
        let node = node_of(&mut routes, slot);
        // Its number is one of that very node.
        if !private.is_to(&node, self.lane) {
            return private.abandon();
        }
        let (topology, links) = routes.parts();
        let link = Rc::clone(links.get(topology.node_of(slot).index(), self.lane));
        let (private, client) = (Rc::clone(private), Rc::clone(&self.output));
        tokio::task::spawn_local(async move {
            let Some(id) = private.id_at_node().await else { return };
            let mut request = Vec::new();
            let (id, reason) = (id.to_string(), if with_error { &b"ERROR"[..] } else { b"TIMEOUT" });
            put_request(&mut request, &[b"CLIENT", b"UNBLOCK", id.as_bytes(), reason]);
            link.send(&client, client.reserve(false), &request, false);
        });
    }

    /// Drops the transaction, the watch, the client's own connection and its subscriptions.
    pub(super) fn end_conversation(&mut self) {
        let Some(conversation) = self.conversation.take() else { return };
        conversation.abandon();
        if let Some(subscriber) = &conversation.subscriber {
            self.thread.hub.leave(subscriber);
            self.output.set_listening(false);
        }
    }

    pub(super) fn answer_error(&mut self, text: &str) {
        let wanted = !self.session.drops_reply();
        self.output.answer_now(wanted, format!("-{text}\r\n").as_bytes());
    }

    pub(super) fn answer_ok(&mut self) {
        let wanted = !self.session.drops_reply();
        self.output.answer_now(wanted, b"+OK\r\n");
    }
}

/// For how long a command may block. One that names no time that a node would take is refused by the node.
fn patience_of(Command { spec, args, .. }: Command<'_>) -> Patience {
    match time_of(spec, args) {
        None => Patience::None,
        Some((_, None)) => Patience::Forever,
        Some((_, Some(time))) => Instant::now().checked_add(time).map_or(Patience::Forever, Patience::Until),
    }
}

/// The node that serves `slot`.
fn node_of(routes: &mut Routes, slot: HashSlot) -> Arc<NodeStatus> {
    let (topology, links) = routes.parts();
    Arc::clone(links.node(topology.node_of(slot).index()))
}
