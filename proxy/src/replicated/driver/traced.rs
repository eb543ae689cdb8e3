//! Commands that are traced on their way down a chain: each message that is sent for one has a hop of its own.

use bytes::Bytes;
use ringmaster_protocol::extension::{Ask, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

use super::{Driver, Event};
use crate::chain::{Handed, OperationId, Target, Wire};
use crate::traces::Hop;
use crate::upstream::Lane;

impl Driver {
    /// The view by which commands are carried out, and the names of the nodes of a slot's chain, head first.
    pub(in crate::replicated) fn chain_of(&self, slot: HashSlot) -> (Epoch, Vec<String>) {
        let Some(view) = self.chains.view() else { return (Epoch::default(), Vec::new()) };
        let names =
            view.chain(slot).entries.iter().map(|entry| self.members.name_of(entry.member).to_owned());
        (view.epoch(), names.collect())
    }

    /// A command was submitted: the one that is being sent, if that is traced.
    #[inline]
    pub(super) fn trace(&mut self, operation: OperationId) {
        if let Some(traced) = self.members.tracer().current() {
            self.traced.insert(operation, traced);
        }
    }

    /// A command was answered, or not taken.
    #[inline]
    pub(super) fn traced_no_more(&mut self, operation: OperationId) {
        if !self.traced.is_empty() {
            self.traced.remove(operation);
        }
    }

    /// Whether what is sent may be for a command that is traced.
    #[inline]
    pub(super) fn is_tracing(&self) -> bool {
        !self.traced.is_empty() || self.members.tracer().is_current()
    }

    /// Sends a command: as a part of what it is itself, whatever is being sent at the moment.
    #[cold]
    pub(super) fn execute_traced(
        &mut self,
        (wire, operation): (Wire, OperationId),
        (to, lane, writes): (&Target, Lane, bool),
        request: &Bytes,
        unless: Option<Version>,
    ) {
        let before = self.members.tracer().replace(self.traced.command(operation).cloned());
        self.send((wire, writes), (to, lane), request, unless);
        self.members.tracer().replace(before);
    }

    /// Has an entry apply an operation.
    #[inline]
    pub(super) fn apply(&mut self, handed: &Handed, operation: Option<&[u8]>) -> bool {
        if !self.traced.is_empty() {
            return self.apply_traced(handed, operation);
        }
        let bytes = operation.or_else(|| self.chains.operation(handed.wire)).unwrap_or_default();
        self.members.apply(handed, bytes, None)
    }

    #[cold]
    fn apply_traced(&mut self, handed: &Handed, operation: Option<&[u8]>) -> bool {
        let hop = self.begin_hop(handed.wire, &handed.to, "apply");
        let preface = hop.as_ref().map(|hop| hop.preface());
        let bytes = operation.or_else(|| self.chains.operation(handed.wire)).unwrap_or_default();
        let is_sent = self.members.apply(handed, bytes, preface.as_ref());
        if let Some(hop) = hop {
            self.traced.sent(handed.wire, hop);
        }
        is_sent
    }

    /// Asks about a slot; `false` if that cannot be now.
    pub(super) fn ask(&mut self, wire: Wire, to: &Target, ask: &Ask) -> bool {
        if self.traced.is_empty() {
            return self.members.ask(wire, to, ask);
        }
        let hop = self.begin_hop(wire, to, if matches!(ask, Ask::Apply { .. }) { "apply" } else { "ask" });
        let preface = hop.as_ref().map(|hop| hop.preface());
        let is_sent = self.members.ask_for(wire, to, ask, preface.as_ref());
        if let Some(hop) = hop {
            self.traced.sent(wire, hop);
        }
        is_sent
    }

    /// The hop of a message, if its command is traced.
    fn begin_hop(&self, wire: Wire, to: &Target, what: &'static str) -> Option<Box<Hop>> {
        let traced = self.traced.command(self.chains.operation_of(wire)?)?;
        let node = (self.members.name_of(to.member), self.members.line_to(to.member));
        Some(Hop::begin(traced, node, what))
    }

    /// What came may end a hop.
    #[cold]
    pub(super) fn trace_event(&mut self, event: &Event) {
        match event {
            Event::Said(wire, say) => self.traced.answered(*wire, word(say)),
            Event::Lost(wire, _) => self.traced.lost(*wire),
            _ => {}
        }
    }
}

/// An answer about a slot as an error reply would say it; empty where it is none.
fn word(say: &Say) -> &'static [u8] {
    match say {
        Say::Behind(_) => b"-BEHIND",
        Say::Gap(_) => b"-GAP",
        Say::Overloaded => b"-OVERLOADED",
        Say::Stale(_) => b"-STALE",
        Say::Fenced(_) => b"-FENCED",
        Say::Broken(_) => b"-BROKEN",
        _ => b"",
    }
}
