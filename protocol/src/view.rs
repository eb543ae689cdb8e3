//! A view: who serves what in an epoch. Immutable, replaced whole, shared in an `Arc`.
//!
//! Slots that have equal chains share one: a view of 16384 slots over ten nodes is ten chains and a table of 32 KiB.
//! What a view promises is checked when it is made ([`View::new`]), so readers need not look again.

mod chain;
mod change;
mod encoding;
mod error;
mod id;
mod slot_chains;
#[cfg(test)]
mod testing;
mod word;

#[cfg(test)]
pub(crate) use testing::view as sample_view;

pub use chain::{Chain, Entry};
pub use change::{ChainChangeFault, ChangeFault};
pub use encoding::{VIEW_BYTES_MAX, ViewDecodeError};
pub use error::{ChainFault, ViewError};
pub use id::{Boot, ClusterId, ConfigDigest, Epoch, Incarnation, MemberIndex, Version};
pub use slot_chains::SlotChains;
pub use word::Word;

use crate::cluster_file::{NODES_MAX, NodeAddress, NodeName};
use crate::config::Millis;
use crate::slot::{HashSlot, SLOT_COUNT};
use std::collections::HashSet;

/// Most entries of a chain.
pub const ENTRIES_MAX: usize = 8;

/// Most digests that a view keeps of superseded files.
pub const SUPERSEDED_MAX: usize = 32;

/// Most acceptors of a view; they are odd in number.
pub const ACCEPTORS_MAX: usize = 5;

/// A node as a view names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, unique in the view.
    pub name: NodeName,
    /// Where it listens.
    pub address: NodeAddress,
    /// Where it stands; empty if not given.
    pub zone: String,
    /// Its share of the slots relative to the others; at 0 it holds none.
    pub weight: u32,
    /// Its data directory.
    pub incarnation: Incarnation,
    /// Its process.
    pub boot: Boot,
    /// Whether it keeps its data over a restart.
    pub is_durable: bool,
    /// What an operator has said of it.
    pub word: Word,
}

/// What a view is made of.
#[derive(Clone, Debug)]
pub struct ViewParts {
    /// The cluster that the view belongs to.
    pub cluster: ClusterId,
    /// Number of the view, from 1.
    pub epoch: Epoch,
    /// The nodes, 1..=[`NODES_MAX`].
    pub members: Vec<Member>,
    /// Those that decide the next view: none where views are not decided, else an odd number up to [`ACCEPTORS_MAX`].
    pub acceptors: Vec<MemberIndex>,
    /// How long a majority's confirmation of the view holds.
    pub lease: Millis,
    /// The longest lease of the views that a proxy may still hold, at least [`ViewParts::lease`].
    pub longest_lease: Millis,
    /// Seed of the hashes by which nodes order keys, so that a cursor means the same on each.
    pub hash_seed: u64,
    /// The topology that the view moves toward.
    pub config: ConfigDigest,
    /// Topologies that were replaced, the latest last, at most [`SUPERSEDED_MAX`]: nobody proposes them again for
    /// still having their file.
    pub superseded: Vec<ConfigDigest>,
    /// The chain of each slot: [`SLOT_COUNT`].
    pub chains: SlotChains,
}

/// Who serves what in an epoch.
#[derive(Clone, Debug)]
pub struct View {
    cluster: ClusterId,
    epoch: Epoch,
    members: Vec<Member>,
    acceptors: Vec<MemberIndex>,
    lease: Millis,
    longest_lease: Millis,
    hash_seed: u64,
    config: ConfigDigest,
    superseded: Vec<ConfigDigest>,
    /// Each chain once.
    chains: Vec<Chain>,
    /// By slot, the index of its chain.
    chain_of: Box<[u16; SLOT_COUNT]>,
}

impl View {
    /// Checks the parts and puts equal chains together.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn new(parts: ViewParts) -> Result<Self, ViewError> {
        check_members(&parts)?;
        check_acceptors(&parts)?;
        let (chains, chain_of) = parts.chains.share()?;
        check_chains(&parts, &chains, &chain_of)?;
        if parts.superseded.len() > SUPERSEDED_MAX {
            return Err(ViewError::Superseded(parts.superseded.len()));
        }
        if parts.longest_lease < parts.lease {
            return Err(ViewError::Lease);
        }
        let ViewParts { cluster, epoch, members, acceptors, lease, longest_lease, .. } = parts;
        let ViewParts { hash_seed, config, superseded, .. } = parts;
        Ok(Self {
            cluster,
            epoch,
            members,
            acceptors,
            lease,
            longest_lease,
            hash_seed,
            config,
            superseded,
            chains,
            chain_of,
        })
    }

    /// What the view is made of, to make the next one.
    #[must_use]
    pub fn parts(&self) -> ViewParts {
        ViewParts {
            cluster: self.cluster,
            epoch: self.epoch,
            members: self.members.clone(),
            acceptors: self.acceptors.clone(),
            lease: self.lease,
            longest_lease: self.longest_lease,
            hash_seed: self.hash_seed,
            config: self.config,
            superseded: self.superseded.clone(),
            chains: SlotChains::table(
                self.chains.clone(),
                self.chain_of.iter().map(|&place| u32::from(place)).collect(),
            ),
        }
    }

    /// The cluster that the view belongs to.
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Number of the view.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The nodes; a [`MemberIndex`] of this view is a place in it.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The node at an index of this view.
    pub fn member(&self, index: MemberIndex) -> &Member {
        &self.members[index.index()]
    }

    /// Those that decide the next view.
    pub fn acceptors(&self) -> &[MemberIndex] {
        &self.acceptors
    }

    /// How long a majority's confirmation of the view holds.
    pub fn lease(&self) -> Millis {
        self.lease
    }

    /// The longest lease of the views that a proxy may still hold.
    pub fn longest_lease(&self) -> Millis {
        self.longest_lease
    }

    /// Seed of the hashes by which nodes order keys.
    pub fn hash_seed(&self) -> u64 {
        self.hash_seed
    }

    /// The topology that the view moves toward.
    pub fn config(&self) -> ConfigDigest {
        self.config
    }

    /// Topologies that were replaced, the latest last.
    pub fn superseded(&self) -> &[ConfigDigest] {
        &self.superseded
    }

    /// The place of the member of this name.
    #[must_use]
    pub fn member_named(&self, name: &NodeName) -> Option<MemberIndex> {
        let at = self.members.iter().position(|member| member.name == *name)?;
        u16::try_from(at).ok().map(MemberIndex::new)
    }

    /// Chain of `slot`, head first, never empty. For a holder of an older view it can be stale.
    #[inline]
    pub fn chain(&self, slot: HashSlot) -> &Chain {
        &self.chains[usize::from(self.chain_of[slot.index()])]
    }

    /// Place of the chain of `slot` in [`View::chains`].
    #[inline]
    pub fn chain_index(&self, slot: HashSlot) -> u16 {
        self.chain_of[slot.index()]
    }

    /// The member that executes and orders the writes of `slot`.
    #[inline]
    pub fn head(&self, slot: HashSlot) -> MemberIndex {
        self.chain(slot).head().member
    }

    /// The last in-sync member, which serves the reads of `slot`.
    #[inline]
    pub fn tail(&self, slot: HashSlot) -> MemberIndex {
        self.chain(slot).tail().member
    }

    /// Each chain once.
    pub fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// The place in [`View::chains`] of the chain of `slot`: slots with one chain have one place.
    #[inline]
    #[must_use]
    pub fn chain_place(&self, slot: HashSlot) -> u16 {
        self.chain_of[slot.index()]
    }

    /// Number of different chains.
    pub fn distinct_chains(&self) -> usize {
        self.chains.len()
    }
}

fn check_members(parts: &ViewParts) -> Result<(), ViewError> {
    if parts.epoch < Epoch::FIRST {
        return Err(ViewError::Epoch);
    }
    if !(1..=NODES_MAX).contains(&parts.members.len()) {
        return Err(ViewError::MemberCount(parts.members.len()));
    }
    let mut names = HashSet::new();
    match parts.members.iter().find(|member| !names.insert(&member.name)) {
        Some(twice) => Err(ViewError::MemberTwice(twice.name.clone())),
        None => Ok(()),
    }
}

fn check_acceptors(parts: &ViewParts) -> Result<(), ViewError> {
    let count = parts.acceptors.len();
    let distinct: HashSet<_> = parts.acceptors.iter().collect();
    let exist = parts.acceptors.iter().all(|index| index.index() < parts.members.len());
    let right_number = count == 0 || (count % 2 == 1 && count <= ACCEPTORS_MAX);
    if right_number && exist && distinct.len() == count { Ok(()) } else { Err(ViewError::Acceptors) }
}

/// Each once, as that of the first slot that has it: `chains` are in the order of those.
fn check_chains(parts: &ViewParts, chains: &[Chain], chain_of: &[u16; SLOT_COUNT]) -> Result<(), ViewError> {
    let mut checked = 0;
    for (slot, place) in chain_of.iter().enumerate() {
        if usize::from(*place) == checked {
            let fault = chains[checked].check(parts.epoch, parts.members.len());
            fault.map_err(|fault| ViewError::Chain { slot, fault })?;
            checked += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::testing::{entry, member, parts};
    use super::*;

    fn fault_of_first_chain(change: impl FnOnce(&mut Chain)) -> ChainFault {
        let mut parts = parts();
        change(&mut parts.chains[0]);
        match View::new(parts) {
            Err(ViewError::Chain { slot: 0, fault }) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_slot_has_its_head_and_tail() {
        let view = View::new(parts()).unwrap();
        let name = |index| view.member(index).name.as_str();
        let (even, odd) = (HashSlot::new(0).unwrap(), HashSlot::new(16_383).unwrap());
        assert_eq!((name(view.head(even)), name(view.tail(even))), ("a", "b"));
        assert_eq!((name(view.head(odd)), name(view.tail(odd))), ("c", "c"));
    }

    #[test]
    fn equal_chains_are_kept_once() {
        assert_eq!(View::new(parts()).unwrap().distinct_chains(), 2);
    }

    #[test]
    fn a_joining_entry_is_not_the_tail() {
        let mut parts = parts();
        parts.chains[0].in_sync = 1;
        let view = View::new(parts).unwrap();
        let first = HashSlot::new(0).unwrap();
        assert_eq!(view.tail(first), MemberIndex::new(0));
        assert_eq!(view.chain(first).joining().map(|entry| entry.member), Some(MemberIndex::new(1)));
    }

    #[test]
    fn chains_that_cannot_be_are_refused() {
        assert_eq!(fault_of_first_chain(|chain| chain.entries.clear()), ChainFault::InSync);
        assert_eq!(fault_of_first_chain(|chain| chain.in_sync = 0), ChainFault::InSync);
        assert_eq!(fault_of_first_chain(|chain| chain.in_sync = 3), ChainFault::InSync);
        assert_eq!(fault_of_first_chain(|chain| chain.entries[1] = entry(0)), ChainFault::MemberTwice);
        assert_eq!(fault_of_first_chain(|chain| chain.entries[1] = entry(3)), ChainFault::NoSuchMember);
        assert_eq!(fault_of_first_chain(|chain| chain.changed = Epoch::FIRST.next()), ChainFault::Epochs);
        assert_eq!(
            fault_of_first_chain(|chain| {
                chain.in_sync = 1;
                chain.entries.push(entry(2));
            }),
            ChainFault::InSync
        );
    }

    #[test]
    fn views_that_cannot_be_are_refused() {
        let refused = |change: fn(&mut ViewParts)| {
            let mut parts = parts();
            change(&mut parts);
            View::new(parts).unwrap_err()
        };
        assert_eq!(
            refused(|parts| parts.members[1] = member("a")),
            ViewError::MemberTwice("a".parse().unwrap())
        );
        assert_eq!(refused(|parts| parts.members.clear()), ViewError::MemberCount(0));
        assert_eq!(refused(|parts| parts.acceptors.truncate(2)), ViewError::Acceptors);
        assert_eq!(refused(|parts| parts.acceptors[0] = MemberIndex::new(1)), ViewError::Acceptors);
        assert_eq!(
            refused(|parts| parts.chains = parts.chains.iter().take(5).cloned().collect()),
            ViewError::ChainCount(5)
        );
        assert_eq!(refused(|parts| parts.epoch = Epoch::default()), ViewError::Epoch);
    }
}
