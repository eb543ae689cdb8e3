//! Down the chain: an operation from entry to entry, and what was seen confirmed by the last.

use ringmaster_protocol::extension::{Ask, Rule, Say};

use super::action::Kind;
use super::operation::State;
use super::{RETRY, Work};

impl Work<'_, '_> {
    /// R2: hands the operation to the entry of `entry`, or finishes behind the last.
    pub(super) fn pass(&mut self, place: usize, entry: usize) {
        let Some(view) = self.view() else { return };
        let chain = view.chain(self.slot);
        let Some(operation) = self.line.commands[place].operation.clone() else {
            // Its effects are not known here: the last entry tells when it has them, from whomever.
            self.line.commands[place].seen = self.line.commands[place].version;
            return self.confirm(place);
        };
        if entry >= chain.entries.len() {
            self.line.commands[place].state = State::Finished;
            return;
        }
        let entry =
            if self.chains.rules.keep(Rule::ChainOrder) { entry } else { chain.entries.len() - entry };
        if self.line.is_repaired(entry) {
            self.line.commands[place].state = State::Blocked(entry);
            return;
        }
        let (slot, since) = (self.slot, chain.entries[entry].since);
        let wire = self.ask(Self::target(&view, chain, entry), Ask::Apply { slot, since, operation });
        self.line.commands[place].state = State::Passing(wire, entry);
    }

    /// R5 and R6: has the last entry confirm what was seen, unless who showed it is the last.
    pub(super) fn confirm(&mut self, place: usize) {
        let Some(view) = self.view() else { return };
        let chain = view.chain(self.slot);
        let (last, active) = (chain.entries.len() - 1, &self.line.commands[place]);
        let (has_shown, is_stale_read, rule) = match active.command.kind {
            Kind::Write | Kind::Publish | Kind::ReadHead => (0, false, Rule::NoOpsAreConfirmed),
            Kind::Read => (chain.in_sync - 1, false, Rule::JoinersFollowReads),
            Kind::ReadAny(_) => (last, true, Rule::JoinersFollowReads),
        };
        let is_needed = has_shown < last && !is_stale_read && self.chains.rules.keep(rule);
        if chain.changed != active.changed {
            return self.restart(place, self.moment.now);
        }
        let (true, Some(version)) = (is_needed, active.seen) else {
            self.line.commands[place].state = State::Finished;
            return;
        };
        if self.line.is_repaired(last) {
            self.line.commands[place].state = State::Blocked(last);
            return;
        }
        let (slot, since) = (self.slot, chain.entries[last].since);
        let wire = self.ask(Self::target(&view, chain, last), Ask::Await { slot, since, version });
        self.line.commands[place].state = State::Confirming(wire, last);
    }

    pub(super) fn said(&mut self, place: usize, say: &Say) {
        let (entry, is_passing) = match self.line.commands[place].state {
            State::Passing(_, entry) => (entry, true),
            State::Confirming(_, entry) => (entry, false),
            _ => return,
        };
        if self.chain_changed() != Some(self.line.commands[place].changed) {
            return self.restart(place, self.moment.now);
        }
        match say {
            Say::Done if is_passing => self.passed(place, entry),
            Say::Done => self.line.commands[place].state = State::Finished,
            Say::Behind(version) | Say::Gap(version) => {
                self.line.commands[place].state = State::Blocked(entry);
                self.repair(entry, *version);
            }
            Say::Stale(epoch) | Say::Fenced(epoch) => {
                self.differs(entry, *epoch);
                self.restart(place, self.moment.now + RETRY);
            }
            _ => self.restart(place, self.moment.now + RETRY),
        }
    }

    pub(super) fn passed(&mut self, place: usize, entry: usize) {
        if self.chains.rules.keep(Rule::ChainOrder) {
            return self.pass(place, entry + 1);
        }
        // The rule is left out: the chain was gone through from its end.
        let len = self.view().map_or(0, |view| view.chain(self.slot).entries.len());
        self.pass(place, len - entry + 1);
    }
}
