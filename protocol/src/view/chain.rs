//! The chain of a slot: the members that hold it, in the order of its writes.

use super::error::ChainFault;
use super::{Boot, ENTRIES_MAX, Epoch, MemberIndex};

/// One member's place in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The member, by its place in the view.
    pub member: MemberIndex,
    /// The process that was appended: under another boot the member is dead to this chain.
    pub boot: Boot,
    /// Epoch in which the entry was appended.
    pub since: Epoch,
}

/// Members that hold a slot. The first `in_sync` entries are in-sync: the first is the head, the last of them the tail;
/// at most one entry after them is joining.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// Epoch of the last view that altered this chain.
    pub changed: Epoch,
    /// Epoch in which it last started empty.
    pub born: Epoch,
    /// Epoch of the view that removed a tail which may still be read, until that is over.
    pub unsealed: Option<Epoch>,
    /// Head first; never empty.
    pub entries: Vec<Entry>,
    /// How many of the entries are in-sync: all, or all but the last.
    pub in_sync: usize,
}

impl Chain {
    /// The entry that executes and orders writes.
    #[inline]
    pub fn head(&self) -> &Entry {
        &self.entries[0]
    }

    /// The last in-sync entry, which serves reads.
    #[inline]
    pub fn tail(&self) -> &Entry {
        &self.entries[self.in_sync - 1]
    }

    /// The entry that gets the writes and serves nothing yet.
    pub fn joining(&self) -> Option<&Entry> {
        self.entries.get(self.in_sync)
    }

    pub(super) fn check(&self, epoch: Epoch, members: usize) -> Result<(), ChainFault> {
        let joining = self.entries.len().wrapping_sub(self.in_sync);
        if self.in_sync == 0 || joining > 1 {
            return Err(ChainFault::InSync);
        }
        if self.entries.len() > ENTRIES_MAX {
            return Err(ChainFault::TooLong);
        }
        if self.entries.iter().any(|entry| entry.member.index() >= members) {
            return Err(ChainFault::NoSuchMember);
        }
        let is_twice =
            |at: usize| self.entries[..at].iter().any(|entry| entry.member == self.entries[at].member);
        if (1..self.entries.len()).any(is_twice) {
            return Err(ChainFault::MemberTwice);
        }
        let latest_since = self.entries.iter().map(|entry| entry.since).max();
        let causes = [Some(self.born), self.unsealed, latest_since];
        if self.changed > epoch || causes.iter().any(|cause| *cause > Some(self.changed)) {
            return Err(ChainFault::Epochs);
        }
        Ok(())
    }
}
