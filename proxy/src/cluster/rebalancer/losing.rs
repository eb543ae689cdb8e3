//! Entries that leave a chain: the dead, at once; the leaving and the superfluous, after a fence where they are read.

use std::collections::BTreeMap;

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::extension::{Ask, Rule};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, Entry};

use super::super::successor::Change;
use super::super::world::{Standing, World};
use super::{Inquiry, Purpose, Rebalancer, SLOTS_A_VIEW, chunks};

impl Rebalancer {
    /// Whether the entry will not serve the slot any more.
    pub(super) fn is_dead(&self, world: &World<'_>, slot: HashSlot, entry: &Entry) -> bool {
        let is_broken =
            !self.broken.is_empty() && self.broken.contains(&(slot, world.name(entry).clone(), entry.boot.0));
        is_broken || matches!(world.standing(entry), Standing::Out | Standing::Gone)
    }

    /// R10: The dead entries leave, if an in-sync one that stays has answered.
    pub(super) fn lose_dead(&self, world: &World<'_>, slot: HashSlot, chain: &Chain) -> Option<Change> {
        let is_dead = |at: &usize| self.is_dead(world, slot, &chain.entries[*at]);
        let places: Vec<usize> = (0..chain.entries.len()).filter(is_dead).collect();
        if places.is_empty() || places[0] >= chain.in_sync {
            return (!places.is_empty()).then_some(Change::Lose { places, mark: false });
        }
        let stays = |at: usize| !places.contains(&at);
        let attests = |at: usize| stays(at) && world.attests(&chain.entries[at]);
        let is_safe = (0..chain.in_sync).any(attests)
            || (!world.rules.keep(Rule::LastInSyncStays) && (0..chain.in_sync).any(stays));
        let mark = self.is_to_be_marked(world, slot, chain, &places);
        is_safe.then_some(Change::Lose { places, mark })
    }

    /// R13: A tail that leaves unfenced may still be read by who does not know the view.
    fn is_to_be_marked(&self, world: &World<'_>, slot: HashSlot, chain: &Chain, places: &[usize]) -> bool {
        let loses_tail = places.contains(&(chain.in_sync - 1));
        loses_tail && !self.fenced.contains(&slot) && world.rules.keep(Rule::HoldAfterATail)
    }

    /// Entries that are about to stop leave, and those that the target does not want as soon as it has what it wants.
    pub(super) fn lose_extra(&mut self, world: &World<'_>, slot: HashSlot, chain: &Chain) -> Option<Change> {
        let leaves = |entry: &Entry| world.is_leaving(world.name(entry));
        let is_extra = |entry: &Entry| {
            leaves(entry) || world.target.is_some_and(|target| !target.has(slot, world.name(entry)))
        };
        let has_targets = has_targets(world, slot, chain);
        let goes = |entry: &Entry| leaves(entry) || (has_targets && is_extra(entry));
        let places: Vec<usize> = (0..chain.in_sync).filter(|at| goes(&chain.entries[*at])).collect();
        let stays = |at: usize| !places.contains(&at) && world.attests(&chain.entries[at]);
        if places.is_empty() || !(0..chain.in_sync).any(stays) {
            return None;
        }
        let loses_tail = places.contains(&(chain.in_sync - 1));
        if loses_tail && !self.fenced.contains(&slot) {
            self.fences_wanted(slot);
            return None;
        }
        Some(Change::Lose { places, mark: false })
    }

    fn fences_wanted(&mut self, slot: HashSlot) {
        if self.fences_asked.len() + self.fences_new.len() < SLOTS_A_VIEW
            && !self.fences_asked.contains(&slot)
        {
            self.fences_new.push(slot);
        }
    }

    /// Asks the tails that are to be removed to serve only those who know the next view: many at once, for that view is made
    /// as soon as they are fenced.
    pub(super) fn ask_for_fences(&mut self, world: &World<'_>, inquiries: &mut Vec<Inquiry>) {
        if self.fences_new.is_empty() {
            self.fences_wanted_since = None;
            return;
        }
        let since = *self.fences_wanted_since.get_or_insert(world.now);
        if !self.is_batch(self.fences_new.len(), since, world.now) {
            return;
        }
        let mut by_tail: BTreeMap<(&NodeName, u128), (Entry, Vec<HashSlot>)> = BTreeMap::new();
        for slot in std::mem::take(&mut self.fences_new) {
            let tail = world.view.chain(slot).tail();
            self.fences_asked.insert(slot);
            let of_tail = by_tail.entry((world.name(tail), tail.boot.0)).or_insert((*tail, Vec::new()));
            of_tail.1.push(slot);
        }
        for (tail, slots) in by_tail.into_values() {
            let (incarnation, boot) = world.process(&tail);
            for slots in chunks(&slots) {
                let ask = Ask::Fence { slots: slots.clone(), epoch: self.epoch.next() };
                let purpose = Purpose::Fence { epoch: self.epoch, slots };
                inquiries.push(Inquiry { purpose, node: world.name(&tail).clone(), incarnation, boot, ask });
            }
        }
    }

    /// Whether all tails that were asked to be fenced are: until there is the next view, nobody reads their slots.
    #[must_use]
    pub fn has_fenced(&self) -> bool {
        !self.fenced.is_empty() && self.fenced.len() == self.fences_asked.len()
    }
}

/// Whether all whom the target wants are in-sync, answer and stay.
fn has_targets(world: &World<'_>, slot: HashSlot, chain: &Chain) -> bool {
    let Some(target) = world.target else { return false };
    let serves = |name: &NodeName| {
        chain.entries[..chain.in_sync].iter().any(|entry| world.name(entry) == name && world.attests(entry))
    };
    target.chain(slot).all(|name| serves(name) && !world.is_leaving(name))
}
