//! The chain of each slot, kept once however many slots have it: views are made and read without a copy for each slot.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};

use super::{Chain, ViewError};
use crate::slot::SLOT_COUNT;

/// The chain of each slot, by the slot's number. To alter one gives the slot a chain of its own first.
#[derive(Clone, Debug, Default)]
pub struct SlotChains {
    /// Some may be equal, or those of no slot any more. From `shared` on each is that of one slot at most.
    kept: Vec<Chain>,
    shared: usize,
    /// By slot, the place of its chain.
    place_of: Vec<u32>,
}

/// Each chain once in the order of the first slots that have it; and by slot, its place.
pub(super) type Table = (Vec<Chain>, Box<[u16; SLOT_COUNT]>);

impl SlotChains {
    /// One chain for all slots.
    #[must_use]
    pub fn all(chain: Chain) -> Self {
        Self { kept: vec![chain], shared: 1, place_of: vec![0; SLOT_COUNT] }
    }

    /// These chains, of which each slot has the one at its place.
    ///
    /// # Panics
    /// On a place where no chain is.
    #[must_use]
    pub(super) fn table(kept: Vec<Chain>, place_of: Vec<u32>) -> Self {
        assert!(place_of.iter().all(|&place| (place as usize) < kept.len()), "a slot has no chain");
        Self { shared: kept.len(), kept, place_of }
    }

    /// Number of slots; a view has [`SLOT_COUNT`].
    #[must_use]
    pub fn count(&self) -> usize {
        self.place_of.len()
    }

    /// The chains in the order of the slots.
    pub fn iter(&self) -> impl Iterator<Item = &Chain> {
        self.place_of.iter().map(|&place| &self.kept[place as usize])
    }

    /// Alters all chains alike: each once, whoever has it.
    ///
    /// # Errors
    /// The first that `alter` gives; the chains before it are altered.
    pub fn alter_all<E>(&mut self, alter: impl FnMut(&mut Chain) -> Result<(), E>) -> Result<(), E> {
        self.kept.iter_mut().try_for_each(alter)
    }

    /// The chains as a view has them.
    ///
    /// # Errors
    /// There is not one for each slot.
    pub(super) fn share(&self) -> Result<Table, ViewError> {
        const UNSEEN: u32 = u32::MAX;
        let mut place_in_order = vec![UNSEEN; self.kept.len()];
        let (mut known, mut order) = (HashMap::new(), Vec::new());
        let mut place = |at: usize| {
            if place_in_order[at] == UNSEEN {
                let chain = &self.kept[at];
                place_in_order[at] = *known.entry(chain).or_insert_with(|| {
                    order.push(chain.clone());
                    order.len() as u32 - 1
                });
            }
            place_in_order[at] as u16
        };
        let chain_of: Box<[u16]> = self.place_of.iter().map(|&at| place(at as usize)).collect();
        let chain_of = chain_of.try_into().map_err(|_| ViewError::ChainCount(self.count()))?;
        Ok((order, chain_of))
    }
}

impl FromIterator<Chain> for SlotChains {
    /// In the order of the slots. Neighbours often have the same.
    fn from_iter<T: IntoIterator<Item = Chain>>(chains: T) -> Self {
        let (mut kept, mut place_of) = (Vec::new(), Vec::with_capacity(SLOT_COUNT));
        for chain in chains {
            if kept.last() != Some(&chain) {
                kept.push(chain);
            }
            place_of.push(kept.len() as u32 - 1);
        }
        Self::table(kept, place_of)
    }
}

impl Index<usize> for SlotChains {
    type Output = Chain;

    fn index(&self, slot: usize) -> &Chain {
        &self.kept[self.place_of[slot] as usize]
    }
}

impl IndexMut<usize> for SlotChains {
    fn index_mut(&mut self, slot: usize) -> &mut Chain {
        let place = &mut self.place_of[slot];
        if (*place as usize) < self.shared {
            let own = self.kept[*place as usize].clone();
            *place = self.kept.len() as u32;
            self.kept.push(own);
        }
        &mut self.kept[*place as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::entry;
    use super::super::{Chain, Epoch};
    use super::*;

    fn chain(members: &[u16]) -> Chain {
        let entries: Vec<_> = members.iter().copied().map(entry).collect();
        let (changed, born) = (Epoch::FIRST, Epoch::FIRST);
        Chain { changed, born, unsealed: None, in_sync: entries.len(), entries }
    }

    #[test]
    fn a_chain_is_altered_for_one_slot_or_for_all() {
        let mut chains = SlotChains::all(chain(&[0, 1]));
        chains[7].entries.pop();
        chains[7].in_sync = 1;
        assert_eq!((&chains[6], &chains[7]), (&chain(&[0, 1]), &chain(&[0])));
        let kept = chains.kept.len();
        chains[7].entries.clear();
        assert_eq!(chains.kept.len(), kept, "it has its own already");
        let alter = |chain: &mut Chain| {
            chain.entries.push(entry(2));
            Ok::<_, ()>(())
        };
        chains.alter_all(alter).unwrap();
        assert_eq!((chains[0].entries.len(), chains[7].entries.len()), (3, 1));
    }

    #[test]
    fn equal_chains_are_one_in_the_order_of_the_slots_whatever_was_done_before() {
        let mut chains = SlotChains::all(chain(&[0]));
        chains[3] = chain(&[1]);
        chains[0] = chain(&[2]);
        chains[5] = chain(&[1]);
        chains[9] = chain(&[0]);
        let (order, chain_of) = chains.share().unwrap();
        assert_eq!(order, [chain(&[2]), chain(&[0]), chain(&[1])]);
        assert_eq!(chain_of[..10], [0, 1, 1, 2, 1, 2, 1, 1, 1, 1]);
        let (same, _) = chains.iter().cloned().collect::<SlotChains>().share().unwrap();
        assert_eq!(order, same);
    }
}
