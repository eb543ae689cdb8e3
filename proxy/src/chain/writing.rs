//! The way of a write that goes as most do ([`super::plain`]): the door between such writes and the lines.
//!
//! Whoever drives the chains may call [`Chains::begin`], [`Chains::made`] and [`Chains::applied`] with bytes as they came
//! and went; [`Chains::submit`], [`Chains::answered`] and [`Chains::said`] go the same way with messages.

use bytes::Bytes;
use ringmaster_protocol::extension::{Ask, Operation, Outcome, RawOperation, Rule};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Epoch;

use super::plain::Sent;
use super::{Action, Answered, Chains, ClientId, Command, Moment, OperationId, Target, Told, Wire, Work};

/// A write that may go the plain way.
#[derive(Clone, Copy, Debug)]
pub struct PlainWrite<'r> {
    /// Its number.
    pub id: OperationId,
    /// Whose it is.
    pub client: ClientId,
    /// The slot of all its keys.
    pub slot: HashSlot,
    /// The whole request.
    pub request: &'r [u8],
    /// Its client has reads under way in this slot that went straight.
    pub is_behind_reads: bool,
}

/// An operation that is to be handed to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The answer comes under this number.
    pub wire: Wire,
    /// To whom.
    pub to: Target,
    /// The slot.
    pub slot: HashSlot,
    /// When the entry was appended.
    pub since: Epoch,
}

/// What is next behind an entry that has applied a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It goes on to another entry; its bytes are [`Chains::operation`].
    HandOn(Handed),
    /// Its client is answered.
    Answer(OperationId, Bytes),
    /// It waits in its slot's line for what is lacking.
    InLine,
    /// It is no such write: it is to be told as any other answer ([`Chains::said`]).
    Other,
}

impl<'r> PlainWrite<'r> {
    pub(super) fn of(command: &'r Command) -> Self {
        let Command { client, slot, ref request, is_behind_reads, .. } = *command;
        Self { id: OperationId::NOBODYS, client, slot, request, is_behind_reads }
    }
}

impl Chains {
    /// Takes a write that can go the plain way: the message to its head. `None` if it cannot, and is to be submitted.
    #[inline]
    pub fn begin(&mut self, write: &PlainWrite<'_>, moment: Moment<'_>) -> Option<(Wire, Target)> {
        let PlainWrite { id, client, slot, request, is_behind_reads } = *write;
        let (view, limits) = (self.view.as_ref()?, &self.limits);
        let under_way = self.plain.count(slot);
        let is_free = self.straight.is_free(slot, under_way > 0)
            && !(is_behind_reads && self.straight.has_reads(slot))
            && under_way < limits.slot_operations_max;
        let chain = view.chain(slot);
        let is_fit = chain.entries.len() > 1
            && chain.in_sync >= limits.min_in_sync
            && !limits.ack_head
            && self.rules.keep(Rule::ChainOrder)
            && chain.entries.iter().all(|entry| moment.links.is_up(entry.member));
        if !is_free || !is_fit {
            return None;
        }
        let to = Work::target(view, chain, 0);
        let wire = self.plain.begin((id, client, slot), request, moment.now)?;
        self.straight.set_line(slot, true);
        Some((wire, to))
    }

    /// A head has made an operation of such a write: who gets it next. `None` if it is none, or its answer another.
    #[inline]
    pub fn made(
        &mut self,
        wire: Wire,
        slot: HashSlot,
        operation: RawOperation<'_>,
        reply: &[u8],
    ) -> Option<Handed> {
        if self.plain.slot_of(wire) != Some(slot) {
            return None;
        }
        let (slot, wire) = self.plain.made(wire, operation.bytes, reply)?;
        self.handed(slot, 1, wire)
    }

    /// An entry has applied such a write.
    #[inline]
    pub fn applied(&mut self, wire: Wire, moment: Moment<'_>, out: &mut Vec<Action>) -> Applied {
        let Some((slot, entry, wire)) = self.plain.applied(wire) else { return Applied::Other };
        if let Some(handed) = self.handed(slot, entry, wire) {
            return Applied::HandOn(handed);
        }
        let changed = self.view.as_ref().map(|view| view.chain(slot).changed);
        let may = changed.is_some_and(|changed| self.may_answer(slot, changed, moment.now, moment.lease));
        if !may || !self.plain.is_in_order(wire) {
            self.with_line(slot, moment, out, |_| {});
            return Applied::InLine;
        }
        let Some((id, reply, is_last)) = self.plain.finish(wire) else { return Applied::Other };
        if is_last {
            self.straight.set_line(slot, false);
        }
        Applied::Answer(id, reply)
    }

    /// The operation that is to be handed on under this number.
    #[inline]
    #[must_use]
    pub fn operation(&self, wire: Wire) -> Option<&[u8]> {
        self.plain.operation(wire)
    }

    /// The message to the entry at this place; `None` behind the last.
    fn handed(&self, slot: HashSlot, entry: usize, wire: Wire) -> Option<Handed> {
        let view = self.view.as_ref()?;
        let chain = view.chain(slot);
        let since = chain.entries.get(entry)?.since;
        Some(Handed { wire, to: Work::target(view, chain, entry), slot, since })
    }

    /// A head's answer, if it is to such a write and the usual one.
    pub(super) fn answered_plain(&mut self, wire: Wire, answer: &Answered, out: &mut Vec<Action>) -> bool {
        let Answered::Done { note: Some(Outcome::Made(operation)), reply } = answer else { return false };
        let Some(slot) = self.plain.slot_of(wire) else { return false };
        let mut bytes = Vec::new();
        operation.encode(&mut bytes);
        let raw = RawOperation { bytes: &bytes, new: operation.new };
        let handed = self.made(wire, slot, raw, reply);
        handed.map(|handed| out.push(ask(handed, operation.clone()))).is_some()
    }

    /// An entry's answer that it has applied something, if that was such a write.
    pub(super) fn said_plain(&mut self, wire: Wire, moment: Moment<'_>, out: &mut Vec<Action>) -> bool {
        match self.applied(wire, moment, out) {
            Applied::HandOn(handed) => {
                let bytes = Bytes::copy_from_slice(self.operation(handed.wire).unwrap_or_default());
                // It was whole when it came.
                out.extend(Operation::decode(&bytes).ok().map(|operation| ask(handed, operation)));
            }
            Applied::Answer(operation, reply) => {
                out.push(Action::Answer { operation, told: Told::Reply(reply) });
            }
            Applied::InLine => {}
            Applied::Other => return false,
        }
        true
    }

    /// Where such a write waits for this answer: all of its slot go into the line.
    pub(super) fn leave_plain(&mut self, wire: Wire) {
        if let Some(slot) = self.plain.slot_of(wire) {
            self.enter_line(slot);
        }
    }

    /// Puts all such writes of a slot into its line, which has nothing in it.
    pub(super) fn enter_line(&mut self, slot: HashSlot) {
        let Some(view) = self.view.as_ref().filter(|_| self.plain.count(slot) > 0) else { return };
        let mut line = self.lines.take(slot);
        let sent = Sent { epoch: view.epoch(), chain: view.chain(slot), tries: line.tries };
        for active in self.plain.take_slot(slot, sent) {
            active.wire().map(|wire| self.wires.insert(wire, slot));
            line.commands.push_back(active);
        }
        self.lines.put(slot, line, None);
    }
}

fn ask(Handed { wire, to, slot, since }: Handed, operation: Operation) -> Action {
    Action::Ask { wire, to, ask: Ask::Apply { slot, since, operation } }
}
