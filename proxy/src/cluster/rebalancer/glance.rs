//! What a glance tells of a slot: most often that nothing is to be done, or that what is to be done is under way.
//!
//! There are 16384 slots and a few chains, in the view and in the target. What is so for one slot is so for all that have the
//! same of both, so the answer is worked out once for each pair.

use std::collections::HashMap;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, Chain, Entry};

use super::super::world::{Standing, World};
use super::is_at_target;

/// What is to be done with a slot of which no entry is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glance {
    /// Nothing: all serve that are to, nobody joins or leaves, and no tail is waited for.
    Still,
    /// A node is to be copied to; all others serve and stay.
    Lacks,
    /// An entry joins that the target wants; all serve and stay.
    Joins,
    /// To be seen more closely.
    Unclear,
}

/// The place of a chain in the target.
type Wanted = Option<u16>;

/// What is to be done with each pair of chains, as of one moment.
#[derive(Debug)]
pub(super) struct Glances {
    /// By member, its process, if that answers and stays.
    serves: Vec<Option<Boot>>,
    known: HashMap<(u16, Wanted), Glance>,
    /// By chain of the view, the last pair: a chain mostly comes with few of the target.
    last: Vec<Option<(Wanted, Glance)>>,
}

impl Glances {
    pub(super) fn new(world: &World<'_>) -> Self {
        let serves = |member: &ringmaster_protocol::view::Member| {
            let known = world.answering(&member.name)?;
            (!world.is_leaving(&member.name)).then_some(known.boot)
        };
        let serves = world.view.members().iter().map(serves).collect();
        Self { serves, known: HashMap::new(), last: vec![None; world.view.distinct_chains()] }
    }

    /// Of a slot.
    pub(super) fn of(&mut self, world: &World<'_>, slot: HashSlot) -> Glance {
        let (chain, wanted) =
            (world.view.chain_place(slot), world.target.map(|target| target.chain_place(slot)));
        if let Some((_, glance)) = self.last[usize::from(chain)].filter(|(last, _)| *last == wanted) {
            return glance;
        }
        let glance = match self.known.get(&(chain, wanted)) {
            Some(glance) => *glance,
            None => {
                let glance = self.look(world, slot, world.view.chain(slot));
                self.known.insert((chain, wanted), glance);
                glance
            }
        };
        self.last[usize::from(chain)] = Some((wanted, glance));
        glance
    }

    fn look(&self, world: &World<'_>, slot: HashSlot, chain: &Chain) -> Glance {
        let serves = |entry: &Entry| {
            self.serves[entry.member.index()] == Some(entry.boot)
                && world.standing(entry) == Standing::Answers
        };
        if chain.unsealed.is_some() || !chain.entries.iter().all(serves) {
            return Glance::Unclear;
        }
        match (chain.joining(), world.target) {
            (None, _) if is_at_target(world, slot, chain) => Glance::Still,
            (Some(joining), Some(target)) if target.has(slot, world.name(joining)) => Glance::Joins,
            (None, Some(target)) => {
                let has = |name| chain.entries.iter().any(|entry| world.name(entry) == name);
                if target.chain(slot).all(has) { Glance::Unclear } else { Glance::Lacks }
            }
            _ => Glance::Unclear,
        }
    }
}
