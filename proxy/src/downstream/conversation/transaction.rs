//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use std::rc::Rc;

use ringmaster_protocol::command::{Flags, Spec, Split};
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::slot::HashSlot;

use super::{CROSS_SLOT, Command, Connection, Reach, node_of};
use crate::replicated::{Observed, WATCHED_MAX};
use crate::route::changes;
use crate::thread::Routes;
use crate::upstream::Lane;

/// Most bytes of queued requests, for each client.
const QUEUED_BYTES_MAX: usize = 64 << 20;

/// Most queued requests, for each client: with what it watches they are the arguments of one request to a node.
const QUEUED_MAX: usize = (1 << 20) - 1 - WATCHED_MAX;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";
const UNWATCH: &[u8] = b"*1\r\n$7\r\nUNWATCH\r\n";
const ABORTED: &str = "EXECABORT Transaction discarded because of previous errors.";

/// What was queued since MULTI.
#[derive(Default)]
pub(in crate::downstream) struct Transaction {
    /// The requests, one behind the other.
    requests: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// The slot of all keys so far.
    slot: Option<HashSlot>,
    /// One of its commands does not only read.
    writes: bool,
    /// One of its commands may change keys: it waits while writes are paused.
    may_write: bool,
    /// A command was refused: EXEC will refuse all.
    spoiled: bool,
}

/// A watch that is under way.
#[derive(Clone, Copy)]
pub(super) struct Watched {
    slot: HashSlot,
    /// The database and protocol that it was begun with.
    lane: Lane,
    /// How often the client's own connection had been lost when it began.
    losses: u64,
}

impl Connection {
    /// Queues a command of a transaction, or refuses it; false for those that are carried out at once, and when there
    /// is no transaction.
    pub(in crate::downstream) fn queue(&mut self, command: Command<'_>) -> bool {
        let name = command.spec.name;
        if matches!(name, "multi" | "exec" | "discard" | "watch" | "quit" | "reset") {
            return false;
        }
        let Some(transaction) = self.conversation.as_mut().and_then(|of| of.transaction.as_mut()) else {
            return false;
        };
        match transaction.take(command) {
            Ok(()) => {
                self.session.queued_commands = u32::try_from(transaction.ends.len()).ok();
                let wanted = !self.session.drops_reply();
                self.output.answer_now(wanted, b"+QUEUED\r\n");
            }
            Err(text) => {
                transaction.spoiled = true;
                self.thread.metrics.rejected.add(1);
                self.answer_error(&text);
            }
        }
        true
    }

    /// Whether commands are queued.
    pub(in crate::downstream) fn is_in_transaction(&self) -> bool {
        self.conversation.as_ref().is_some_and(|of| of.transaction.is_some())
    }

    /// Drops the transaction and the watch, if there are any.
    pub(in crate::downstream) fn drop_transaction(&mut self) {
        self.forget_transaction();
        self.unwatch();
        self.card.renew(&self.session);
    }

    /// Whether something may be changed by what is queued.
    pub(in crate::downstream) fn has_queued_writes(&self) -> bool {
        let transaction = self.conversation.as_ref().and_then(|of| of.transaction.as_ref());
        transaction.is_some_and(|transaction| transaction.may_write)
    }

    /// Notes that a command of the transaction was refused, if there is one.
    pub(in crate::downstream) fn spoil_transaction(&mut self) {
        if let Some(transaction) = self.conversation.as_mut().and_then(|of| of.transaction.as_mut()) {
            transaction.spoiled = true;
        }
    }

    /// Carries out a command of transactions. False if it must wait for what came before.
    pub(super) fn transact(&mut self, command: Command<'_>, routes: &mut Routes) -> bool {
        let in_transaction = self.is_in_transaction();
        match (command.spec.name, in_transaction) {
            ("multi", true) => self.answer_error("ERR MULTI calls can not be nested"),
            ("multi", false) => {
                self.conversation.get_or_insert_default().transaction = Some(Transaction::default());
                self.session.queued_commands = Some(0);
                self.answer_ok();
            }
            ("watch", true) => self.answer_error("ERR WATCH inside MULTI is not allowed"),
            ("watch", false) => return self.watch(command, routes),
            ("exec", false) => self.answer_error("ERR EXEC without MULTI"),
            ("discard", false) => self.answer_error("ERR DISCARD without MULTI"),
            ("exec", true) => return self.exec(routes),
            _ => {
                self.drop_transaction();
                self.answer_ok();
            }
        }
        self.card.renew(&self.session);
        true
    }

    fn forget_transaction(&mut self) -> Option<Transaction> {
        self.session.queued_commands = None;
        self.conversation.as_mut().and_then(|of| of.transaction.take())
    }

    fn watch(&mut self, command: Command<'_>, routes: &mut Routes) -> bool {
        if self.replicated.is_some() {
            return self.observe(command);
        }
        let watched = self.conversation.as_ref().and_then(|of| of.watched);
        let slot = match command.reach() {
            Reach::One(slot)
                if watched.is_none_or(|watched| watched.slot == slot && watched.lane == self.lane) =>
            {
                slot
            }
            _ => {
                self.answer_error(CROSS_SLOT);
                return true;
            }
        };
        if self.waits_for_answers() {
            return false;
        }
        let (node, lane) = (node_of(routes, slot), self.lane);
        let conversation = self.conversation.get_or_insert_default();
        let private = conversation.connect(&node, lane, routes);
        conversation.watched.get_or_insert(Watched { slot, lane, losses: private.losses() });
        let wanted = !self.session.drops_reply();
        private.send(&self.output, self.output.reserve(wanted), command.raw, false);
        self.fenced = true;
        true
    }

    /// WATCH where slots are served by views.
    fn observe(&mut self, command: Command<'_>) -> bool {
        if self.waits_for_answers() {
            return false;
        }
        let Reach::One(slot) = command.reach() else { return self.refuse_watch() };
        let database = self.lane.database();
        let conversation = self.conversation.get_or_insert_default();
        // Of a WATCH that was refused nothing is left.
        let known = conversation.observed.take_if(|observed| observed.is_empty() || observed.slot == slot);
        if conversation.observed.is_some() {
            return self.refuse_watch();
        }
        let known = known.filter(|observed| observed.slot == slot);
        let observed = known.unwrap_or_else(|| Observed::new(slot));
        conversation.observed = Some(Rc::clone(&observed));
        match observed.new_of(database, command.args.from(1).iter()) {
            None => self.answer_error("ERR too many watched keys"),
            Some(keys) if keys.is_empty() => self.answer_ok(),
            Some(keys) => {
                self.replicate_watch(&observed, keys);
                self.fenced = true;
            }
        }
        true
    }

    fn refuse_watch(&mut self) -> bool {
        self.answer_error(CROSS_SLOT);
        true
    }

    /// EXEC where slots are served by views.
    fn exec_observed(&mut self, transaction: &Transaction) {
        let observed = self.conversation.as_mut().and_then(|of| of.observed.take());
        let Some(observed) = observed.filter(|observed| !observed.is_empty()) else {
            if transaction.ends.is_empty() {
                return self.answer_nothing_done();
            }
            // Without a key any slot will do.
            let slot = transaction.slot.unwrap_or(HashSlot::of(b""));
            return self.replicate_together(slot, &transaction.requests(), transaction.writes);
        };
        if transaction.slot.is_some_and(|slot| slot != observed.slot) {
            return self.answer_error(CROSS_SLOT);
        }
        let conditions = observed.conditions();
        let requests: Vec<&[u8]> =
            conditions.iter().map(Vec::as_slice).chain(transaction.requests()).collect();
        // Where something is compared the head does it, also for what only reads.
        self.replicate_together(observed.slot, &requests, true);
    }

    /// The reply to an EXEC of nothing.
    fn answer_nothing_done(&mut self) {
        let wanted = !self.session.drops_reply();
        self.output.answer_now(wanted, b"*0\r\n");
    }

    /// What EXEC is told that was not carried out.
    fn answer_null_array(&mut self) {
        let wanted = !self.session.drops_reply();
        let null: &[u8] = if self.session.protocol == Protocol::Resp3 { b"_\r\n" } else { b"*-1\r\n" };
        self.output.answer_now(wanted, null);
    }

    /// Ends the watch, if there is one. The node is told, and its answer is waited for and dropped.
    fn unwatch(&mut self) {
        let Some(conversation) = &mut self.conversation else { return };
        conversation.observed = None;
        if let (Some(_), Some(private)) = (conversation.watched.take(), &conversation.private) {
            private.send(&self.output, self.output.reserve(false), UNWATCH, false);
            self.fenced = true;
        }
    }

    fn exec(&mut self, routes: &mut Routes) -> bool {
        let watched = self.conversation.as_ref().and_then(|of| of.watched);
        if watched.is_some() && self.waits_for_answers() {
            return false;
        }
        let Some(transaction) = self.forget_transaction() else { return true };
        self.card.renew(&self.session);
        self.remember_queued_reads(&transaction);
        if transaction.spoiled {
            self.unwatch();
            self.answer_error(ABORTED);
            return true;
        }
        match watched {
            None => self.exec_shared(&transaction, routes),
            Some(watched) => self.exec_private(&transaction, watched, routes),
        }
        true
    }

    fn exec_shared(&mut self, transaction: &Transaction, routes: &mut Routes) {
        if self.replicated.is_some() {
            return self.exec_observed(transaction);
        }
        if transaction.ends.is_empty() {
            return self.answer_nothing_done();
        }
        // Without a key any node will do.
        let slot = transaction.slot.unwrap_or(HashSlot::of(b""));
        let (topology, links) = routes.parts();
        let link = links.get(topology.node_of(slot).index(), self.lane);
        let place = self.output.reserve(!self.session.drops_reply());
        link.send_together(&self.output, place, &transaction.framed(), true);
        self.held_by = link.is_full().then(|| Rc::clone(link));
    }

    /// EXEC over the connection that remembers the watch. If that was lost, or the slot has moved, whether a watched
    /// key was changed cannot be known: the transaction is not executed, as if one was.
    fn exec_private(&mut self, transaction: &Transaction, watched: Watched, routes: &mut Routes) {
        let slot = transaction.slot.unwrap_or(watched.slot);
        if slot != watched.slot {
            self.unwatch();
            return self.answer_error(CROSS_SLOT);
        }
        // A watch from before there were views: nobody can tell any more.
        let node = self.replicated.is_none().then(|| node_of(routes, slot));
        let Some(conversation) = &mut self.conversation else { return };
        let private = conversation.private.as_ref();
        let stands = |private: &&Rc<crate::upstream::Upstream>| {
            let Some(node) = &node else { return false };
            watched.lane == self.lane && private.is_to(node, self.lane) && private.losses() == watched.losses
        };
        let wanted = !self.session.drops_reply();
        if let Some(private) = private.filter(stands) {
            conversation.watched = None;
            let place = self.output.reserve(wanted);
            private.send_together(&self.output, place, &transaction.framed(), true);
            self.fenced = true;
            return;
        }
        self.unwatch();
        self.answer_null_array();
    }
}

impl Transaction {
    /// Queues a command.
    fn take(&mut self, command: Command<'_>) -> Result<(), String> {
        let bytes = self.requests.len() + command.raw.len();
        if bytes > QUEUED_BYTES_MAX || self.ends.len() == QUEUED_MAX {
            return Err("ERR transaction is too large".to_owned());
        }
        if !may_be_queued(command.spec) {
            let name = command.spec.name.replace('|', " ");
            return Err(format!("ERR '{name}' is not supported within MULTI through the proxy"));
        }
        match (command.reach(), self.slot) {
            // Among them PUBLISH: a message reaches its subscribers from any node.
            (Reach::Nothing, _) => {}
            (Reach::One(slot), known) if known.is_none_or(|known| known == slot) => self.slot = Some(slot),
            _ => return Err(CROSS_SLOT.to_owned()),
        }
        self.writes |= changes(command.spec) && !command.spec.answers_alone();
        self.may_write |= command.spec.may_write();
        self.requests.extend_from_slice(command.raw);
        self.ends.push(self.requests.len());
        Ok(())
    }

    /// The requests that are to be executed: none of what was refused.
    pub(in crate::downstream) fn executed(&self) -> Vec<&[u8]> {
        if self.spoiled { Vec::new() } else { self.requests() }
    }

    /// The requests that were queued.
    fn requests(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.requests[*start..*end]).collect()
    }

    /// The requests with MULTI in front and EXEC at the end.
    fn framed(&self) -> Vec<&[u8]> {
        std::iter::once(MULTI).chain(self.requests()).chain(std::iter::once(EXEC)).collect()
    }
}

/// Whether a node can carry the command out for a client of the proxy within a transaction: it concerns one slot, or
/// nothing but the moment.
fn may_be_queued(spec: &Spec) -> bool {
    match spec.split {
        Split::Slot | Split::Channel | Split::PerKey(_) => true,
        Split::Conversation | Split::Local => spec.flags.contains(Flags::BLOCKING) || spec.answers_alone(),
        Split::Nodes(_) | Split::Refused => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replicated::WATCHED_BYTES_MAX;
    use ringmaster_protocol::resp::request::RequestLimits;

    #[test]
    fn what_exec_carries_is_one_request_that_a_node_reads() {
        let limits = RequestLimits::default();
        assert_eq!(1 + WATCHED_MAX + QUEUED_MAX, limits.args_max);
        // The length of each queued request; of each condition its length, name, database and digest.
        let frames = 16 * QUEUED_MAX + 100 * WATCHED_MAX;
        let bytes = QUEUED_BYTES_MAX + WATCHED_BYTES_MAX + frames;
        assert!(bytes < limits.bulk_bytes_max.min(limits.request_bytes_max));
    }
}
