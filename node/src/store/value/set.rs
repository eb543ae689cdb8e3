//! A set of distinct byte strings.

use crate::store::entry::Entry;
use crate::store::key::hash_of;
use crate::store::table::{self, Table};

/// Distinct byte strings.
#[derive(Clone, Default)]
pub struct Set {
    members: Table,
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

    /// Whether `member` is in the set.
    #[must_use]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.members.find(hash_of(member), 0, member).is_some()
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
        if self.contains(member) {
            return false;
        }
        self.members.insert(hash_of(member), Entry::string(0, member, b"", None), hash_of).is_none()
    }

    /// Takes `member` out; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        self.members.remove(hash_of(member), 0, member, hash_of).is_some()
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
