//! Slots at which nothing is to be done: all serve that are to, nobody joins or leaves, and no tail is waited for.
//!
//! There are 16384 slots and a few chains, in the view and in the target. What is so for one slot is so for all that have the
//! same of both, so the answer is worked out once for each pair.

use std::collections::HashMap;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Chain};

use super::super::world::{Standing, World};
use super::is_at_target;

/// Which pairs of chains nothing is to be done with, as of one moment.
#[derive(Debug)]
pub(super) struct Still {
    /// By member, its process, if that answers and stays.
    serves: Vec<Option<Boot>>,
    known: HashMap<(u16, Option<u16>), bool>,
    /// Slots side by side mostly have the same.
    last: Option<((u16, Option<u16>), bool)>,
}

impl Still {
    pub(super) fn new(world: &World<'_>) -> Self {
        let serves = |member: &ringmaster_protocol::view::Member| {
            let known = world.answering(&member.name)?;
            (!world.is_leaving(&member.name)).then_some(known.boot)
        };
        let serves = world.view.members().iter().map(serves).collect();
        Self { serves, known: HashMap::new(), last: None }
    }

    /// Whether nothing is to be done at a slot of which no entry is broken.
    pub(super) fn has(&mut self, world: &World<'_>, slot: HashSlot) -> bool {
        let pair = (world.view.chain_place(slot), world.target.map(|target| target.chain_place(slot)));
        if let Some((last, is_still)) = self.last
            && last == pair
        {
            return is_still;
        }
        let is_still = match self.known.get(&pair) {
            Some(is_still) => *is_still,
            None => {
                let is_still = self.is_still(world, slot, world.view.chain(slot));
                self.known.insert(pair, is_still);
                is_still
            }
        };
        self.last = Some((pair, is_still));
        is_still
    }

    fn is_still(&self, world: &World<'_>, slot: HashSlot, chain: &Chain) -> bool {
        let serves = |entry: &ringmaster_protocol::view::Entry| {
            self.serves[entry.member.index()] == Some(entry.boot)
                && world.standing(entry) == Standing::Answers
        };
        chain.joining().is_none()
            && chain.unsealed.is_none()
            && chain.entries.iter().all(serves)
            && is_at_target(world, slot, chain)
    }
}
