//! Slots of which no node tells.
//!
//! A node that is not the very process of a chain's tail passes by the slot, as by any of others. So where the tail has
//! restarted, and its entry waits for it to come back with its log (R16) or to be replaced, nobody would tell of the slot.

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, View};

use super::Place;

/// Such slots of a view, in their order. Most often none.
#[derive(Debug, Default)]
pub(in crate::replicated) struct Untold(Vec<HashSlot>);

impl Untold {
    /// Those of this view.
    pub(in crate::replicated) fn of(view: &View) -> Self {
        let is_told = |chain: &Chain| view.member(chain.tail().member).boot == chain.tail().boot;
        let told: Vec<bool> = view.chains().iter().map(is_told).collect();
        Self(HashSlot::all().filter(|slot| !told[usize::from(view.chain_index(*slot))]).collect())
    }

    /// Whether keys of one of them lie between these places.
    pub(in crate::replicated) fn has_one(&self, from: Place, to: Place) -> bool {
        let at = self.0.partition_point(|slot| Place::behind(*slot) <= from);
        self.0.get(at).is_some_and(|slot| Place::before(*slot) < to)
    }
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::view::Boot;

    use super::*;
    use crate::cluster::testing;

    /// A view of one member; the chains of these slots mean a process of it that is gone.
    fn view(restarted: &[usize]) -> View {
        let mut parts = testing::view(&["a"], 1).parts();
        for &slot in restarted {
            parts.chains[slot].entries[0].boot = Boot(9);
        }
        View::new(parts).unwrap()
    }

    #[test]
    fn a_slot_whose_tail_has_restarted_is_told_of_by_nobody() {
        let begin = Place::default();
        assert!(!Untold::of(&view(&[])).has_one(begin, Place::END));
        let untold = Untold::of(&view(&[5, 16_383]));
        let at = |slot: u16, order: u64| Place(Place::before(HashSlot::new(slot).unwrap()).0 + order);
        assert!(untold.has_one(begin, Place::END));
        assert!(!untold.has_one(begin, at(5, 0)), "up to it");
        assert!(untold.has_one(begin, at(5, 1)), "within it");
        assert!(untold.has_one(at(5, 7), at(6, 0)), "from within it");
        assert!(!untold.has_one(at(6, 0), at(16_383, 0)), "between two");
        assert!(untold.has_one(at(16_383, 0), Place::END));
    }
}
