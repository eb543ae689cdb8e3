//! Bringing an entry what it lacks: an earlier proxy died between two entries, or the entry is new.
//!
//! ```text
//! Ring at the entry before ─┬─ operations ─► Apply each ─┐
//!                           ├─ none ───────► Prove ──────┼─► what waited for the entry goes on
//!                           └─ forgotten ──► Export ─► Import ─┘
//! ```
//! There is at most one repair of a slot at a time; it is void when the chain changes.

use std::collections::HashSet;

use ringmaster_protocol::extension::{Ask, Operation, Say};
use ringmaster_protocol::view::{Epoch, Version};

use super::operation::State;
use super::{RETRY, Wire, Work};

/// One repair.
#[derive(Debug)]
pub(super) struct Repair {
    /// Place of the entry that lacks something.
    pub(super) entry: usize,
    /// `changed` of the chain.
    pub(super) changed: Epoch,
    /// The version that the entry said it has.
    has: Version,
    step: Step,
    /// The answers that the step waits for.
    wires: HashSet<Wire>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Ring,
    Apply,
    Prove,
    Export,
    Import,
}

impl Repair {
    /// Whether it waits for this answer.
    pub(super) fn awaits(&self, wire: Wire) -> bool {
        self.wires.contains(&wire)
    }

    /// The answers that it waits for.
    pub(super) fn wires(&self) -> impl Iterator<Item = Wire> {
        self.wires.iter().copied()
    }
}

impl Work<'_, '_> {
    /// Begins to bring the entry at this place what it lacks; one that is under way has to end first.
    pub(super) fn repair(&mut self, entry: usize, has: Version) {
        let Some(view) = self.view() else { return };
        if self.line.repair.is_some() {
            return;
        }
        let changed = view.chain(self.slot).changed;
        self.line.repair = Some(Repair { entry, changed, has, step: Step::Ring, wires: HashSet::new() });
        let slot = self.slot;
        self.repair_asks(Step::Ring, true, vec![Ask::Ring { slot, after: has }]);
    }

    /// Asks the entry that is repaired, or the one before it.
    fn repair_asks(&mut self, step: Step, before: bool, asks: Vec<Ask>) {
        let (Some(view), Some(mut repair)) = (self.view(), self.line.repair.take()) else { return };
        let chain = view.chain(self.slot);
        let to = Self::target(&view, chain, if before { repair.entry - 1 } else { repair.entry });
        repair.step = step;
        repair.wires = asks.into_iter().map(|ask| self.ask(to, ask)).collect();
        self.line.repair = Some(repair);
    }

    pub(super) fn repair_said(&mut self, wire: Wire, say: Say) {
        let (Some(view), Some(repair)) = (self.view(), &mut self.line.repair) else { return };
        repair.wires.remove(&wire);
        let (step, entry, version) = (repair.step, repair.entry, repair.has);
        let is_last = repair.wires.is_empty();
        let (slot, since) = (self.slot, view.chain(self.slot).entries[entry].since);
        match (step, say) {
            (Step::Ring, Say::Operations(operations)) if operations.is_empty() => {
                self.repair_asks(Step::Prove, false, vec![Ask::Prove { slot, since, version }]);
            }
            (Step::Ring, Say::Operations(operations)) => {
                let apply = |operation: Operation| Ask::Apply { slot, since, operation };
                self.repair_asks(Step::Apply, false, operations.into_iter().map(apply).collect());
            }
            (Step::Ring, Say::Forgotten) => self.repair_asks(Step::Export, true, vec![Ask::Export { slot }]),
            (Step::Export, Say::Contents(contents)) => {
                self.repair_asks(Step::Import, false, vec![Ask::Import { slot, since, contents }]);
            }
            (Step::Apply, Say::Done) if !is_last => {}
            (Step::Apply | Step::Prove | Step::Import, Say::Done) => self.repaired(),
            _ => self.repair_failed(),
        }
    }

    /// What waited for the entry goes on.
    fn repaired(&mut self) {
        self.line.repair = None;
        for place in 0..self.line.commands.len() {
            let active = &self.line.commands[place];
            match active.state {
                State::Blocked(entry) if active.operation.is_some() => self.pass(place, entry),
                State::Blocked(_) => self.confirm(place),
                _ => {}
            }
        }
    }

    /// The repair came to nothing: what waited for it is tried again, and so is the repair if it is still needed.
    pub(super) fn repair_failed(&mut self) {
        for wire in self.line.repair.take().iter().flat_map(Repair::wires) {
            self.chains.wires.remove(&wire);
        }
        for place in 0..self.line.commands.len() {
            if matches!(self.line.commands[place].state, State::Blocked(_)) {
                self.restart(place, self.moment.now + RETRY);
            }
        }
    }
}
