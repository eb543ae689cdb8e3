//! A set of distinct byte strings.

use ringmaster_protocol::resp::number::parse_integer;

use crate::store::entry::Entry;
use crate::store::heap::{allocated, boxed};
use crate::store::key::hash_of;
use crate::store::table::{self, Table};

/// Most members of a set that Redis keeps packed (`set-max-intset-entries`).
const PACKED_MAX: usize = 512;

/// Distinct byte strings.
#[derive(Clone, Default)]
pub struct Set {
    members: Table,
    /// What the entries of the table take.
    entry_bytes: usize,
    /// Whether it held a member that is no integer, or more of them than [`PACKED_MAX`].
    spread: bool,
}

impl Set {
    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Bytes of memory that the set takes. O(1).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        boxed::<Self>() + allocated(self.members.bucket_bytes()) + self.entry_bytes
    }

    /// Whether `member` is in the set.
    #[must_use]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.members.find(hash_of(member), 0, member).is_some()
    }

    /// Whether Redis would keep the set packed (an `intset`): it never held anything but integers, and few.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        !self.spread
    }

    /// The members, in no stated order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.members.iter().map(super::super::entry::EntryRef::key)
    }

    /// A member at a place chosen by `random`.
    #[must_use]
    pub fn pick(&self, random: u64) -> Option<&[u8]> {
        self.members.pick(random).map(super::super::entry::EntryRef::key)
    }

    /// Puts `member` in; returns whether it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let hash = hash_of(member);
        if self.members.find(hash, 0, member).is_some() {
            return false;
        }
        let entry = Entry::string(0, member, b"", None);
        self.entry_bytes += entry.as_ref().heap_bytes();
        drop(self.members.insert(hash, entry, hash_of));
        self.spread = self.spread || self.len() > PACKED_MAX || parse_integer(member).is_none();
        true
    }

    /// Takes `member` out; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let removed = self.members.remove(hash_of(member), 0, member, hash_of);
        self.entry_bytes -= removed.as_ref().map_or(0, |entry| entry.as_ref().heap_bytes());
        removed.is_some()
    }

    /// Visits members from cursor `from` on; see [`Table::scan`].
    pub fn scan<'s>(&'s self, from: u32, count: usize, mut visit: impl FnMut(&'s [u8])) -> Option<u32> {
        self.members.scan(from, count, hash_of, |entry| visit(entry.key()))
    }

    /// The cursor order of a member; see [`table::order`].
    #[must_use]
    pub fn order(member: &[u8]) -> u32 {
        table::order(hash_of(member))
    }
}
