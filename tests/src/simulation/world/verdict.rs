//! The end of a run, and what is said of it.

use std::time::Duration;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Entry};

use super::clients::CLIENTS_GO_ON;
use super::{Ended, Event, Violation, World};
use crate::simulation::checker;
use crate::simulation::command::LIST_KEY;
use crate::simulation::history::Call;
use crate::simulation::node::Slot;

/// Time after the last fault in which all must be served again.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Time for the last calls of all.
const PROBES_TAKE: Duration = Duration::from_millis(1500);

/// Time in which operations that nobody waits for any more come to the last entry.
const SETTLING: Duration = Duration::from_millis(500);

/// Between two looks at the chains.
const WATCH: Duration = Duration::from_millis(100);

impl World {
    /// Lets the run happen, and judges it.
    #[must_use]
    pub fn run(mut self) -> Ended {
        if let Err(violation) = self.judged() {
            self.violation.get_or_insert(violation);
        }
        Ended {
            certain: self.history.calls.iter().filter(|call| call.is_certain()).count(),
            calls: self.history.calls.len(),
            epoch: self.views.latest.epoch().0,
            lost: self.views.lost.len(),
            violation: self.violation,
            trace: self.trace,
        }
    }

    fn judged(&mut self) -> Result<(), Violation> {
        let healed = self.settings.faults_for;
        self.run_until(healed + CLIENTS_GO_ON);
        self.run_until(healed + SERVED_WITHIN);
        self.no_violation()?;
        self.check_served(0)?;
        let probes = self.probe();
        self.run_until(healed + SERVED_WITHIN + PROBES_TAKE);
        self.no_violation()?;
        for probe in probes {
            let call = &self.history.calls[probe];
            if !call.is_certain() && !self.views.lost.contains(&call.slot) {
                return Err(format!(
                    "slot {}: call {probe} is not served: {:?}",
                    call.slot.number(),
                    call.answered
                ));
            }
        }
        self.run_until(healed + SERVED_WITHIN + PROBES_TAKE + SETTLING);
        self.no_violation()?;
        let slots: Vec<HashSlot> =
            self.slots.iter().copied().filter(|slot| !self.views.lost.contains(slot)).collect();
        for slot in slots {
            self.check_equal(slot)?;
            self.check_slot(slot)?;
        }
        Ok(())
    }

    fn no_violation(&mut self) -> Result<(), Violation> {
        self.violation.take().map_or(Ok(()), Err)
    }

    /// Whether each call was answered, one way or the other.
    fn check_served(&self, from: usize) -> Result<(), Violation> {
        let waits = |call: &Call| call.answered.is_none() && !self.views.lost.contains(&call.slot);
        match self.history.calls.iter().skip(from).position(waits) {
            Some(at) => {
                let call = &self.history.calls[at];
                Err(format!("slot {}: call {at} has no answer: {:?}", call.slot.number(), call.command))
            }
            None => Ok(()),
        }
    }

    fn chain(&self, slot: HashSlot) -> &Chain {
        self.views.latest.chain(slot)
    }

    /// What an entry holds, if its process is the one that was appended.
    fn held(&self, entry: &Entry, slot: HashSlot) -> Option<&Slot> {
        let node = &self.nodes[entry.member.index()].inner;
        let slot = node.slots.iter().find(|held| held.slot == slot);
        slot.filter(|_| node.is_up && node.boot == entry.boot)
    }

    /// Members are whole and equal.
    fn check_equal(&self, slot: HashSlot) -> Result<(), Violation> {
        let (chain, number) = (self.chain(slot), slot.number());
        let wanted = self.settings.replicas.min(self.settings.nodes);
        if chain.in_sync < wanted || chain.joining().is_some() {
            return Err(format!("slot {number}: the chain is not whole again: {chain:?}"));
        }
        let all: Vec<Option<&Slot>> = chain.entries.iter().map(|entry| self.held(entry, slot)).collect();
        let Some(Some(head)) = all.first() else {
            return Err(format!("slot {number}: its head is not there: {chain:?}"));
        };
        for other in all.iter().skip(1) {
            let is_equal = other.is_some_and(|other| {
                other.keys.state == head.keys.state
                    && other.keys.journal == head.keys.journal
                    && other.replica.history().version() == head.replica.history().version()
            });
            if !is_equal {
                return Err(format!("slot {number}: members differ: {head:?} and {other:?}"));
            }
        }
        Ok(())
    }

    fn check_slot(&self, slot: HashSlot) -> Result<(), Violation> {
        let head = self.held(self.chain(slot).head(), slot);
        let keys = &head.ok_or_else(|| format!("slot {}: no head", slot.number()))?.keys;
        checker::check(&self.history, slot, &keys.journal, &keys.state)
    }

    /// The later member holds a prefix of the earlier one's history, at all times.
    pub(super) fn watch(&mut self) {
        self.queue(WATCH, Event::Watch);
        for slot in self.slots.clone() {
            if self.views.lost.contains(&slot) {
                continue;
            }
            let chain = self.chain(slot);
            let in_sync = chain.entries[..chain.in_sync].iter();
            let held: Vec<&Slot> = in_sync.filter_map(|entry| self.held(entry, slot)).collect();
            let follows = |pair: &[&Slot]| pair[0].keys.journal.starts_with(&pair[1].keys.journal);
            if held.windows(2).all(follows) {
                continue;
            }
            let lists: Vec<&[u32]> = held.iter().map(|held| held.keys.state.list(LIST_KEY)).collect();
            let text = format!("slot {}: members diverge: {lists:?}", slot.number());
            self.violation = Some(text);
        }
    }
}
