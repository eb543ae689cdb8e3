//! Where the slots are, and what of them is to move: counted once for each view, for 16384 slots are many to count every second.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};
use ringmaster_protocol::view::{Epoch, View};
use serde::Serialize;

use crate::cluster::Topology;
use crate::cluster::moves::Moves;
use crate::cluster::target::Target;

/// What of the slots a node holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Share {
    /// Whose head it is.
    pub(super) heads: usize,
    /// Of which it has a copy that is in-sync.
    pub(super) copies: usize,
    /// Of which it gets a copy.
    pub(super) joining: usize,
}

/// First and last of each run of slots.
pub(super) type Ranges = Vec<(u16, u16)>;

/// Slots with one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ChainOfSlots {
    /// Names, head first.
    pub(super) nodes: Vec<String>,
    /// How many of them are in-sync.
    pub(super) in_sync: usize,
    /// How many slots.
    pub(super) slots: usize,
    /// Which, as first and last of each run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ranges: Ranges,
}

/// The slots of one view.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) epoch: Epoch,
    /// By name of the node.
    pub(super) shares: BTreeMap<String, Share>,
    /// Those with most slots first.
    pub(super) chains: Vec<ChainOfSlots>,
    /// Slots with all copies, and with one that is joining.
    pub(super) whole: usize,
    pub(super) joining: usize,
    /// What is to move; `None` where no target is known.
    pub(super) moves: Option<Moves>,
}

/// The slots as they were counted last.
#[derive(Default)]
pub(super) struct Counted(Mutex<Option<Last>>);

struct Last {
    topology: Arc<Topology>,
    view: Option<Arc<View>>,
    target: Option<Arc<Target>>,
    slots: Arc<Slots>,
}

impl Counted {
    /// The slots by a view, or where there is none by the file; and what moves to `target`, if that is known.
    pub(super) fn slots(
        &self,
        topology: &Arc<Topology>,
        view: Option<Arc<View>>,
        target: Option<Arc<Target>>,
    ) -> Arc<Slots> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |last: &&Last| {
            Arc::ptr_eq(&last.topology, topology) && same(&last.view, &view) && same(&last.target, &target)
        };
        if let Some(last) = last.as_ref().filter(is_same) {
            return Arc::clone(&last.slots);
        }
        let by = view.as_deref().unwrap_or(topology.view());
        let slots = Arc::new(count(by, topology.file().replicas, target.as_deref()));
        *last = Some(Last { topology: Arc::clone(topology), view, target, slots: Arc::clone(&slots) });
        slots
    }
}

fn same<T>(one: &Option<Arc<T>>, other: &Option<Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

fn count(view: &View, replicas: usize, target: Option<&Target>) -> Slots {
    let mut shares: BTreeMap<String, Share> = BTreeMap::new();
    for member in view.members() {
        shares.insert(member.name.to_string(), Share::default());
    }
    let mut runs: HashMap<(Vec<u16>, usize), (usize, Ranges)> = HashMap::new();
    let (mut whole, mut joining) = (0, 0);
    for slot in HashSlot::all() {
        let chain = view.chain(slot);
        whole += usize::from(chain.in_sync >= replicas);
        joining += usize::from(chain.joining().is_some());
        let members: Vec<u16> = chain.entries.iter().map(|entry| entry.member.index() as u16).collect();
        let (count, ranges) = runs.entry((members, chain.in_sync)).or_default();
        *count += 1;
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == slot.number() => *last = slot.number(),
            _ => ranges.push((slot.number(), slot.number())),
        }
    }
    let name = |at: &u16| view.members()[usize::from(*at)].name.to_string();
    let mut chains = Vec::with_capacity(runs.len());
    for ((members, in_sync), (slots, ranges)) in runs {
        let nodes: Vec<String> = members.iter().map(name).collect();
        for (place, node) in nodes.iter().enumerate() {
            let share = shares.entry(node.clone()).or_default();
            share.heads += if place == 0 { slots } else { 0 };
            share.copies += if place < in_sync { slots } else { 0 };
            share.joining += if place < in_sync { 0 } else { slots };
        }
        chains.push(ChainOfSlots { nodes, in_sync, slots, ranges });
    }
    chains.sort_by(|one, other| other.slots.cmp(&one.slots).then_with(|| one.nodes.cmp(&other.nodes)));
    let moves = target.map(|target| Moves::of(view, target));
    Slots { epoch: view.epoch(), shares, chains, whole, joining, moves }
}

/// Slots that there are.
pub(super) const ALL: usize = SLOT_COUNT;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::testing::{file, view};
    use std::collections::BTreeSet;

    #[test]
    fn each_slot_is_counted_once_and_chains_name_all_of_them() {
        let topology = Topology::first(file(&["a", "b", "c"], 1)).unwrap();
        let slots = count(topology.view(), 1, None);
        assert_eq!((slots.whole, slots.joining), (ALL, 0));
        assert_eq!(slots.shares.values().map(|share| share.heads).sum::<usize>(), ALL);
        let mut seen = vec![0; ALL];
        for chain in &slots.chains {
            let mut slots = 0;
            for (first, last) in &chain.ranges {
                (*first..=*last).for_each(|slot| seen[usize::from(slot)] += 1);
                slots += usize::from(last - first) + 1;
            }
            assert_eq!(chain.slots, slots);
        }
        assert!(seen.iter().all(|times| *times == 1));
    }

    #[test]
    fn copies_are_counted_by_their_place_in_the_chain() {
        let mut parts = view(&["a", "b"], 2).parts();
        parts.chains[7].in_sync = 1;
        let slots = count(&View::new(parts).unwrap(), 2, None);
        let (all, one) = (ALL, ALL - 1);
        assert_eq!((slots.whole, slots.joining), (one, 1));
        assert_eq!(slots.shares["a"], Share { heads: all, copies: all, joining: 0 });
        assert_eq!(slots.shares["b"], Share { heads: 0, copies: one, joining: 1 });
    }

    #[test]
    fn slots_are_counted_anew_for_another_view_or_file_only() {
        let topology = Arc::new(Topology::first(file(&["a", "b"], 2)).unwrap());
        let (counted, one) = (Counted::default(), Arc::new(view(&["a", "b"], 2)));
        let target = Target::of(topology.file(), &BTreeSet::new()).map(Arc::new);
        let slots = counted.slots(&topology, Some(Arc::clone(&one)), target.clone());
        assert!(Arc::ptr_eq(&slots, &counted.slots(&topology, Some(Arc::clone(&one)), target.clone())));
        assert!(slots.moves.as_ref().is_some_and(Moves::is_empty));
        let other = Arc::new(view(&["a", "b"], 1));
        let slots = counted.slots(&topology, Some(other), target);
        assert!(slots.moves.as_ref().is_some_and(|moves| !moves.is_empty()));
        assert!(counted.slots(&topology, Some(one), None).moves.is_none());
    }
}
