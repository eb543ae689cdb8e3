//! The end of a run, and what is said of it.

use std::time::Duration;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Entry, View};

use super::clients::CLIENTS_GO_ON;
use super::views::node_of;
use super::{Ended, Event, Violation, World};
use crate::simulation::checker::{self, Promises};
use crate::simulation::command::LIST_KEY;
use crate::simulation::history::Call;
use crate::simulation::node::Slot;
use crate::simulation::settings::Drive;

/// Time after the last fault in which all must be served again.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Time in which controllers bring all slots to where they are to be.
const AT_TARGET_WITHIN: Duration = Duration::from_secs(90);

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
            epoch: self.views.latest.as_ref().map_or(0, |view| view.epoch().0),
            lost: self.views.lost.len(),
            violation: self.violation,
            trace: self.trace,
        }
    }

    /// No more faults; then as [`World::run`].
    #[must_use]
    pub fn ended(mut self) -> Ended {
        self.settings.faults_for = self.now;
        self.heal();
        self.run()
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
                    "slot {}: call {probe} is not served: {:?}; {}",
                    call.slot.number(),
                    call.answered,
                    self.standing()
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
        self.await_target()
    }

    /// What a controller needs longer for: every chain is whole and where the latest cluster.yaml wants it.
    fn await_target(&mut self) -> Result<(), Violation> {
        let end = self.now + AT_TARGET_WITHIN;
        while self.settings.drive == Drive::Controller && !self.is_at_target() && !self.asks_operator() {
            if self.now >= end {
                let chains: Vec<_> = self.views.latest.iter().map(|view| self.chains(view)).collect();
                return Err(format!("not as the cluster.yaml wants it: {chains:?}; {}", self.standing()));
            }
            self.run_until(self.now + Duration::from_secs(1));
            self.no_violation()?;
        }
        Ok(())
    }

    fn chains<'v>(&self, view: &'v View) -> Vec<&'v Chain> {
        self.slots.iter().map(|slot| view.chain(*slot)).collect()
    }

    /// Whether every chain is whole and on nodes of the latest cluster.yaml.
    #[must_use]
    pub fn is_at_target(&self) -> bool {
        let (Some(view), Some(file)) = (&self.views.latest, self.files.last()) else { return false };
        let is_wanted = |entry: &Entry| {
            let name = &view.member(entry.member).name;
            file.nodes.iter().any(|node| node.name == *name)
        };
        let is_whole = |chain: &Chain| {
            chain.in_sync == file.replicas && chain.joining().is_none() && chain.unsealed.is_none()
        };
        self.chains(view).into_iter().all(|chain| is_whole(chain) && chain.entries.iter().all(is_wanted))
    }

    /// Whether all proxies say that the latest file, which has no version, is older than the one that is followed: edits
    /// overtook each other on their way, and all who saw their order have ended.
    fn asks_operator(&self) -> bool {
        let mut running = self.proxies.iter().filter_map(|proxy| proxy.inner.as_ref());
        running.all(|proxy| proxy.control.is_superseded(proxy.clock.shows(self.now)))
    }

    /// How things stand for each proxy.
    fn standing(&self) -> String {
        let running = self.proxies.iter().filter_map(|proxy| proxy.inner.as_ref());
        let all = running.map(|proxy| proxy.control.standing(proxy.clock.shows(self.now)));
        all.collect::<Vec<_>>().join("; ")
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

    /// What an entry holds, if its process is the one that was appended.
    fn held(&self, view: &View, entry: &Entry, slot: HashSlot) -> Option<&Slot> {
        let node = &self.nodes[node_of(view, entry.member)].inner;
        let slot = node.slots.iter().find(|held| held.slot == slot);
        slot.filter(|_| node.is_up && node.boot == entry.boot)
    }

    /// Members are whole and equal.
    fn check_equal(&self, slot: HashSlot) -> Result<(), Violation> {
        let number = slot.number();
        let Some(view) = &self.views.latest else { return Err("there is no view".to_owned()) };
        let chain = view.chain(slot);
        let in_sync = &chain.entries[..chain.in_sync];
        let wanted = self.copies().min(self.settings.nodes);
        // A controller takes its time: what has failed is let in again after two seconds, and longer if it flaps.
        let is_whole = chain.in_sync >= wanted && chain.joining().is_none();
        if !is_whole && self.settings.drive != Drive::Controller {
            return Err(format!("slot {number}: the chain is not whole again: {chain:?}"));
        }
        let all: Vec<Option<&Slot>> = in_sync.iter().map(|entry| self.held(view, entry, slot)).collect();
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
        let view = self.views.latest.as_ref().ok_or("there is no view")?;
        let head = self.held(view, view.chain(slot).head(), slot);
        let keys = &head.ok_or_else(|| format!("slot {}: no head", slot.number()))?.keys;
        let promises = Promises { ack: self.settings.ack, read_from: self.settings.read_from };
        checker::check(&self.history, slot, (&keys.journal, &keys.state), promises)
    }

    /// The later member holds a prefix of the earlier one's history, at all times.
    pub(super) fn watch(&mut self) {
        self.queue(WATCH, Event::Watch);
        let Some(view) = self.views.latest.clone() else { return };
        for slot in self.slots.clone() {
            if self.views.lost.contains(&slot) {
                continue;
            }
            let chain = view.chain(slot);
            let in_sync = chain.entries[..chain.in_sync].iter();
            let held: Vec<&Slot> = in_sync.filter_map(|entry| self.held(&view, entry, slot)).collect();
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
