//! A large sorted set: the order owns the members, a table finds them.
//!
//! Each member is kept once, with its score: a member of 17 bytes takes a block of 32, 16 bytes in the order and 8 in
//! the table, and what they leave free.
#![allow(unsafe_code)]

use super::order::{Bound, Item, Order, Walk};
use crate::store::entry::member::{Alias, PrefixedRef, Scored};
use crate::store::heap::{allocated, boxed};
use crate::store::key::hash_of;
use crate::store::table::Table;

/// What a place in the order takes: an item, the room between items, and its share of the branches.
const PLACE_BYTES: usize = size_of::<Item>() + size_of::<Item>() / 8 + 1;

/// Members and their scores.
#[derive(Default)]
pub struct Ranked {
    order: Order,
    /// All members of the order, by name.
    names: Table<Alias>,
    /// What the members take.
    member_bytes: usize,
}

impl Ranked {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Bytes of memory that the set takes; the order's are estimated. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        let names = allocated(self.names.bucket_bytes());
        boxed::<Self>() + names + self.member_bytes + self.len() * PLACE_BYTES
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.names.find(hash_of(member), 0, member).map(PrefixedRef::score)
    }

    /// Brings what is looked at for `members` near the processor.
    pub(crate) fn prefetch<'a>(&self, members: impl Iterator<Item = &'a [u8]>) {
        self.names.prefetch(members);
    }

    pub(super) fn position(&self, bound: &Bound<'_>) -> usize {
        self.order.position(bound)
    }

    pub(super) fn get(&self, rank: usize) -> Option<(&[u8], f64)> {
        self.order.get(rank).map(|item| (item.name(), item.score))
    }

    pub(super) fn walk(&self, ranks: std::ops::Range<usize>, reverse: bool) -> Walk<'_> {
        self.order.walk(ranks, reverse)
    }

    pub(super) fn scan<'s>(
        &'s self,
        from: u32,
        count: usize,
        mut visit: impl FnMut(&'s [u8], f64),
    ) -> Option<u32> {
        self.names.scan(from, count, hash_of, |member| visit(member.bytes(), member.score()))
    }

    /// Gives `member` the score; returns the one it had. An equal one changes nothing.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let hash = hash_of(member);
        let old = self.names.find(hash, 0, member).map(PrefixedRef::score);
        match old {
            Some(old) if old == score => {}
            Some(old) => {
                let mut item = self.order.remove(old, member);
                item.member.set_score(score);
                self.order.insert(Item { score, ..item });
            }
            None => {
                let member = Scored::new(member, score);
                self.member_bytes += member.as_ref().heap_bytes();
                // SAFETY: the name leaves the table before the member leaves the order (`remove`), or with it.
                self.names.insert(hash, unsafe { member.alias() }, hash_of);
                self.order.insert(Item { score, member });
            }
        }
        old
    }

    /// Takes `member` out; returns whether it was there.
    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let Some(score) = self.score(member) else { return false };
        self.names.remove(hash_of(member), 0, member, hash_of);
        let item = self.order.remove(score, member);
        self.member_bytes -= item.member.as_ref().heap_bytes();
        true
    }
}

impl Clone for Ranked {
    fn clone(&self) -> Self {
        let (order, mut names) = (self.order.clone(), Table::default());
        for item in order.walk(0..order.len(), false) {
            // SAFETY: as in `insert`; moving the order does not move its members.
            names.insert(hash_of(item.name()), unsafe { item.member.alias() }, hash_of);
        }
        Self { order, names, member_bytes: self.member_bytes }
    }
}
