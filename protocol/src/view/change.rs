//! The rule of change: which view may follow another.
//!
//! ```text
//! chain of a slot:   [A B C]            in-sync A B C
//!   loses an entry   [A C]              at least one in-sync entry stays; the order stays
//!   gains one        [A B C | D]        joining, of this epoch, when none was
//!   promotes it      [A B C D]          not in the view that loses one
//!   is re-seated     [E]                when no in-sync entry answers: one entry of this epoch, unsealed
//! ```
//! What a proposer must have seen before it proposes (who answered, who holds what) is its own affair; this is what
//! can be seen from the two views alone, and what an acceptor refuses whoever asks.

use std::collections::HashSet;

use super::{Chain, Entry, Epoch, View};
use crate::slot::HashSlot;

/// Why a view may not follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeFault {
    /// Its epoch is not the next.
    #[error("epoch {next} does not follow epoch {epoch}")]
    Epoch {
        /// Of the view before.
        epoch: Epoch,
        /// Of the other.
        next: Epoch,
    },
    /// It is of another cluster, or keys are ordered otherwise.
    #[error("it is a view of another cluster")]
    Cluster,
    /// A proxy may hold a lease for longer than it says.
    #[error("its longest lease is shorter than the lease of the view before")]
    Lease,
    /// A chain that may not become the other.
    #[error("chain of slot {}: {fault}", slot.number())]
    Chain {
        /// The slot.
        slot: HashSlot,
        /// What is wrong.
        fault: ChainChangeFault,
    },
}

/// Why a chain may not become another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainChangeFault {
    /// It differs, but not as of this epoch; or it does not differ, but as of this epoch.
    #[error("`changed` is not the epoch that altered it")]
    Changed,
    /// It forgets when it began.
    #[error("`born` changes though an entry stays")]
    Born,
    /// It is marked by another epoch than this one and the one before.
    #[error("`unsealed` names an epoch that removed no tail")]
    Unsealed,
    /// Entries changed places, or one came elsewhere than at the end.
    #[error("its entries changed their order")]
    Order,
    /// No in-sync entry stays and it is not re-seated as a whole.
    #[error("it loses its last in-sync entry")]
    LastInSync,
    /// An entry came that is not of this epoch, or not of its member's process.
    #[error("a new entry is not of this epoch and its member's boot")]
    NewEntry,
    /// An entry came although one was joining, or two came.
    #[error("more than one entry is joining")]
    Joining,
    /// An entry became in-sync that was not joining before, or in the view that removed one.
    #[error("an entry becomes in-sync that was not joining, or while another leaves")]
    Promotion,
}

use ChainChangeFault as Fault;

impl View {
    /// Checks that `next` may follow this view.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_successor(&self, next: &View) -> Result<(), ChangeFault> {
        if next.epoch != self.epoch.next() {
            return Err(ChangeFault::Epoch { epoch: self.epoch, next: next.epoch });
        }
        if next.cluster != self.cluster || next.hash_seed != self.hash_seed {
            return Err(ChangeFault::Cluster);
        }
        if next.longest_lease < self.lease {
            return Err(ChangeFault::Lease);
        }
        // Most slots share their chains, before and after.
        let (mut checked, mut last) = (HashSet::new(), vec![None; self.chains.len()]);
        for slot in HashSlot::all() {
            let both = (self.chain_of[slot.index()], next.chain_of[slot.index()]);
            if last[usize::from(both.0)].replace(both.1) != Some(both.1) && checked.insert(both) {
                let change =
                    Change { before: self, after: next, old: self.chain(slot), new: next.chain(slot) };
                change.check().map_err(|fault| ChangeFault::Chain { slot, fault })?;
            }
        }
        Ok(())
    }
}

/// One chain in two views.
struct Change<'v> {
    before: &'v View,
    after: &'v View,
    old: &'v Chain,
    new: &'v Chain,
}

impl Change<'_> {
    fn check(&self) -> Result<(), Fault> {
        // Where each new entry stood before.
        let from: Vec<Option<usize>> = self.new.entries.iter().map(|entry| self.old_place(entry)).collect();
        let same = from.iter().copied().eq((0..self.old.entries.len()).map(Some));
        if same && self.old.in_sync == self.new.in_sync && self.old.born == self.new.born {
            return self.check_unaltered();
        }
        if self.new.changed != self.after.epoch {
            return Err(Fault::Changed);
        }
        if self.is_reseated() {
            return Ok(());
        }
        self.check_altered(&from)
    }

    /// Only the mark may have gone.
    fn check_unaltered(&self) -> Result<(), Fault> {
        if self.new.changed != self.old.changed {
            return Err(Fault::Changed);
        }
        let keeps = self.new.unsealed == self.old.unsealed || self.new.unsealed.is_none();
        if keeps { Ok(()) } else { Err(Fault::Unsealed) }
    }

    fn check_altered(&self, from: &[Option<usize>]) -> Result<(), Fault> {
        if self.new.born != self.old.born {
            return Err(Fault::Born);
        }
        let stay = from.iter().take_while(|place| place.is_some()).count();
        if from[stay..].iter().any(Option::is_some) || !from[..stay].is_sorted() {
            return Err(Fault::Order);
        }
        if !from[..stay].iter().flatten().any(|place| *place < self.old.in_sync) {
            return Err(Fault::LastInSync);
        }
        let came = &self.new.entries[stay..];
        if !came.iter().all(|entry| self.is_new(entry)) {
            return Err(Fault::NewEntry);
        }
        if came.len() > 1 || (came.len() == 1 && from.contains(&Some(self.old.in_sync))) {
            return Err(Fault::Joining);
        }
        self.check_promotion(from, stay)?;
        self.check_mark(from)
    }

    /// The joining entry may become in-sync unless another goes; who just came may not.
    fn check_promotion(&self, from: &[Option<usize>], stay: usize) -> Result<(), Fault> {
        let in_sync_stay = from[..stay].iter().flatten().filter(|place| **place < self.old.in_sync).count();
        let promotes = self.new.in_sync == in_sync_stay + 1;
        let loses = stay < self.old.entries.len();
        match self.new.in_sync {
            count if count == in_sync_stay => Ok(()),
            _ if promotes && !loses && stay > in_sync_stay => Ok(()),
            _ => Err(Fault::Promotion),
        }
    }

    /// A view marks a chain only when it removes its tail.
    fn check_mark(&self, from: &[Option<usize>]) -> Result<(), Fault> {
        let loses_tail = !from.contains(&Some(self.old.in_sync - 1));
        let known = [self.old.unsealed, None].contains(&self.new.unsealed)
            || (loses_tail && self.new.unsealed == Some(self.after.epoch));
        if known { Ok(()) } else { Err(Fault::Unsealed) }
    }

    /// One entry of this epoch; readers of any earlier chain are waited for.
    fn is_reseated(&self) -> bool {
        let [only] = &self.new.entries[..] else { return false };
        let born = self.new.born == self.old.born || self.new.born == self.after.epoch;
        born && self.new.in_sync == 1 && self.new.unsealed == Some(self.after.epoch) && self.is_new(only)
    }

    fn is_new(&self, entry: &Entry) -> bool {
        entry.since == self.after.epoch && entry.boot == self.after.member(entry.member).boot
    }

    /// Where the entry stood in the old chain: the same member under the same boot since the same epoch.
    fn old_place(&self, entry: &Entry) -> Option<usize> {
        let name = &self.after.member(entry.member).name;
        self.old.entries.iter().position(|old| {
            old.boot == entry.boot && old.since == entry.since && self.before.member(old.member).name == *name
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{entry, view};
    use super::super::{Boot, MemberIndex};
    use super::*;

    const SECOND: Epoch = Epoch(2);

    /// The fault of the first slot's chain when the next view changes it so; it was `[a b]` before.
    fn fault(change: impl FnOnce(&mut Chain)) -> Option<Fault> {
        fault_of(&view(), change)
    }

    fn fault_of(before: &View, change: impl FnOnce(&mut Chain)) -> Option<Fault> {
        let mut parts = before.parts();
        parts.epoch = before.epoch().next();
        change(&mut parts.chains[0]);
        let next = View::new(parts).expect("a view by itself");
        match before.check_successor(&next) {
            Ok(()) => None,
            Err(ChangeFault::Chain { fault, .. }) => Some(fault),
            Err(other) => panic!("{other}"),
        }
    }

    fn came(member: u16) -> Entry {
        Entry { since: SECOND, ..entry(member) }
    }

    /// `[a b]`, then c joining in epoch 2.
    fn joined() -> View {
        let mut parts = view().parts();
        parts.epoch = SECOND;
        parts.chains[0].changed = SECOND;
        parts.chains[0].entries.push(came(2));
        View::new(parts).unwrap()
    }

    #[test]
    fn what_the_rule_allows_is_allowed() {
        assert_eq!(fault(|_| {}), None);
        assert_eq!(
            fault(|chain| (chain.changed, chain.unsealed) = (SECOND, Some(SECOND))),
            Some(Fault::Changed)
        );
        let lose_tail = |chain: &mut Chain| {
            chain.entries.pop();
            (chain.changed, chain.in_sync, chain.unsealed) = (SECOND, 1, Some(SECOND));
        };
        assert_eq!(fault(lose_tail), None);
        let lose_head = |chain: &mut Chain| {
            chain.entries.remove(0);
            (chain.changed, chain.in_sync) = (SECOND, 1);
        };
        assert_eq!(fault(lose_head), None);
        let third = Epoch(3);
        let promote = |chain: &mut Chain| (chain.changed, chain.in_sync) = (third, 3);
        assert_eq!(fault_of(&joined(), promote), None);
        let reseat = |chain: &mut Chain| {
            chain.entries = vec![came(2)];
            (chain.changed, chain.in_sync, chain.unsealed) = (SECOND, 1, Some(SECOND));
        };
        assert_eq!(fault(reseat), None);
    }

    #[test]
    fn an_alteration_is_of_its_epoch() {
        assert_eq!(
            fault(|chain| {
                chain.entries.pop();
                chain.in_sync = 1;
            }),
            Some(Fault::Changed)
        );
        assert_eq!(fault(|chain| chain.changed = SECOND), Some(Fault::Changed));
    }

    #[test]
    fn what_the_rule_forbids_is_refused() {
        let altered = |change: fn(&mut Chain)| {
            fault(|chain| {
                chain.changed = SECOND;
                change(chain);
            })
        };
        assert_eq!(altered(|chain| chain.entries.reverse()), Some(Fault::Order));
        assert_eq!(altered(|chain| chain.entries.insert(0, came(2))), Some(Fault::Order));
        assert_eq!(altered(|chain| chain.entries = vec![came(2), came(0)]), Some(Fault::LastInSync));
        assert_eq!(altered(|chain| chain.entries.push(entry(2))), Some(Fault::NewEntry));
        let foreign = Entry { boot: Boot(9), ..came(2) };
        assert_eq!(
            fault(|chain| {
                chain.entries.push(foreign);
                chain.changed = SECOND;
            }),
            Some(Fault::NewEntry)
        );
        let at_once = |chain: &mut Chain| {
            chain.entries.push(came(2));
            chain.in_sync = 3;
        };
        assert_eq!(altered(at_once), Some(Fault::Promotion));
        assert_eq!(altered(|chain| chain.born = SECOND), Some(Fault::Born));
        let mark = |chain: &mut Chain| {
            chain.entries.push(came(2));
            chain.unsealed = Some(SECOND);
        };
        assert_eq!(altered(mark), Some(Fault::Unsealed));
        let back = |chain: &mut Chain| {
            chain.in_sync = 1;
            chain.changed = SECOND;
        };
        assert_eq!(fault(back), Some(Fault::Promotion));
    }

    #[test]
    fn a_joining_entry_is_not_promoted_while_another_leaves() {
        let fault = fault_of(&joined(), |chain| {
            chain.entries.remove(0);
            (chain.changed, chain.in_sync) = (Epoch(3), 2);
        });
        assert_eq!(fault, Some(Fault::Promotion));
    }

    #[test]
    fn a_second_entry_does_not_join_beside_the_first() {
        let before = joined();
        let mut parts = before.parts();
        parts.epoch = Epoch(3);
        let mut fourth = parts.members[2].clone();
        fourth.name = "d".parse().unwrap();
        parts.members.push(fourth);
        parts.chains[0].entries[2] =
            Entry { since: Epoch(3), member: MemberIndex::new(3), boot: Boot::default() };
        parts.chains[0].changed = Epoch(3);
        assert!(
            before.check_successor(&View::new(parts).unwrap()).is_ok(),
            "one that replaces the other may"
        );
    }

    #[test]
    fn another_cluster_or_a_leap_is_refused() {
        let before = view();
        let mut parts = before.parts();
        parts.epoch = Epoch(3);
        let leap = View::new(parts).unwrap();
        assert_eq!(
            before.check_successor(&leap),
            Err(ChangeFault::Epoch { epoch: Epoch(1), next: Epoch(3) })
        );
        let mut parts = before.parts();
        (parts.epoch, parts.cluster) = (SECOND, super::super::ClusterId(5));
        assert_eq!(before.check_successor(&View::new(parts).unwrap()), Err(ChangeFault::Cluster));
    }
}
