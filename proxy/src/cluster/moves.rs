//! What has to move from where to where until every slot is where a target wants it.

use std::collections::{BTreeMap, BTreeSet};

use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::View;

use super::target::Target;

/// Copies to be made, from one node to another, and copies to be dropped; each counted in slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Copies that nobody has begun.
    pub copied: BTreeMap<(NodeName, NodeName), usize>,
    /// Copies that are being made.
    pub joining: BTreeMap<(NodeName, NodeName), usize>,
    /// Copies that go when the others are there.
    pub dropped: BTreeMap<NodeName, usize>,
}

impl Moves {
    /// From a view to a target. Who gets a slot gets it from the slot's tail.
    #[must_use]
    pub fn of(view: &View, target: &Target) -> Self {
        let mut moves = Self::default();
        for slot in HashSlot::all() {
            let chain = view.chain(slot);
            let name = |at| &view.member(at).name;
            let held: BTreeSet<&NodeName> = chain.entries.iter().map(|entry| name(entry.member)).collect();
            let tail = name(chain.tail().member);
            if let Some(joining) = chain.joining() {
                let pair = (tail.clone(), name(joining.member).clone());
                *moves.joining.entry(pair).or_default() += 1;
            }
            for new in target.chain(slot).filter(|wanted| !held.contains(wanted)) {
                *moves.copied.entry((tail.clone(), new.clone())).or_default() += 1;
            }
            for old in held.iter().filter(|old| !target.has(slot, old)) {
                *moves.dropped.entry((*old).clone()).or_default() += 1;
            }
        }
        moves
    }

    /// Whether everything is where it is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each pair of nodes, with the copies to be made and those of them that are being made.
    #[must_use]
    pub fn pairs(&self) -> BTreeMap<(&NodeName, &NodeName), (usize, usize)> {
        let mut pairs: BTreeMap<_, (usize, usize)> = BTreeMap::new();
        for ((from, to), slots) in &self.copied {
            pairs.entry((from, to)).or_default().0 += slots;
        }
        for ((from, to), slots) in &self.joining {
            let pair = pairs.entry((from, to)).or_default();
            (pair.0, pair.1) = (pair.0 + slots, pair.1 + slots);
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file, name, view};
    use super::*;

    #[test]
    fn what_a_new_node_gets_comes_from_the_tails() {
        let (view, wanted) = (view(&["a", "b"], 2), file(&["a", "b", "c"], 2));
        let target = Target::of(&wanted, &BTreeSet::new()).unwrap();
        let moves = Moves::of(&view, &target);
        let to: BTreeSet<&NodeName> = moves.copied.keys().map(|(_, to)| to).collect();
        assert_eq!(to, BTreeSet::from([&name("c")]));
        let (made, gone): (usize, usize) = (moves.copied.values().sum(), moves.dropped.values().sum());
        let fair = 2 * 16384 / 3;
        assert_eq!(made, gone, "as many copies as before");
        assert!(made.abs_diff(fair) < fair / 10, "{made}");
        assert!(moves.pairs().values().all(|(slots, begun)| *slots > 0 && *begun == 0));
    }

    #[test]
    fn nothing_moves_where_all_is_as_wanted() {
        let wanted = file(&["a", "b"], 2);
        let target = Target::of(&wanted, &BTreeSet::new()).unwrap();
        let moves = Moves::of(&view(&["a", "b"], 2), &target);
        assert!(moves.is_empty(), "{moves:?}");
    }
}
