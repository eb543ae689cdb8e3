//! The members of a large set: a table.

use crate::store::entry::member::{Member, PrefixedRef};
use crate::store::heap::{allocated, boxed};
use crate::store::key::hash_of;
use crate::store::table::Table;

/// Distinct byte strings in a table.
#[derive(Default)]
pub struct Members {
    table: Table<Member>,
    /// What the members take.
    member_bytes: usize,
}

impl Members {
    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes of memory that the set takes. O(1).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        boxed::<Self>() + allocated(self.table.bucket_bytes()) + self.member_bytes
    }

    /// Whether `member` is in the set.
    #[must_use]
    pub fn contains(&self, member: &[u8]) -> bool {
        self.table.find(hash_of(member), 0, member).is_some()
    }

    /// Brings what is looked at for `members` near the processor.
    pub(crate) fn prefetch<'a>(&self, members: impl Iterator<Item = &'a [u8]>) {
        self.table.prefetch(members);
    }

    /// The members, in no stated order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.table.iter().map(PrefixedRef::bytes)
    }

    /// A member at a place chosen by `random`.
    #[must_use]
    pub fn pick(&self, random: u64) -> Option<&[u8]> {
        self.table.pick(random).map(PrefixedRef::bytes)
    }

    /// Puts `member` in; returns whether it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let hash = hash_of(member);
        if self.table.find(hash, 0, member).is_some() {
            return false;
        }
        let member = Member::new(member);
        self.member_bytes += member.as_ref().heap_bytes();
        self.table.insert_new(hash, member, hash_of);
        true
    }

    /// Takes `member` out; returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let removed = self.table.remove(hash_of(member), 0, member, hash_of);
        self.member_bytes -= removed.as_ref().map_or(0, |member| member.as_ref().heap_bytes());
        removed.is_some()
    }

    /// Visits members from cursor `from` on; see [`Table::scan`].
    pub fn scan<'s>(&'s self, from: u32, count: usize, mut visit: impl FnMut(&'s [u8])) -> Option<u32> {
        self.table.scan(from, count, hash_of, |member| visit(member.bytes()))
    }
}

impl Clone for Members {
    fn clone(&self) -> Self {
        Self { table: self.table.copied(hash_of), member_bytes: self.member_bytes }
    }
}
