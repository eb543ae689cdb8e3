//! The deadlines of a hash's fields, the earliest first.
//!
//! A field's deadline stands in the field's entry too; this is the order in which fields fall due. Hashes whose
//! fields never expire have none of it.

use std::collections::BTreeSet;

use crate::store::heap::allocated;

/// What the tree takes for each field, besides the field's name: about.
const NODE_BYTES: usize = 40;

/// Deadlines in Unix milliseconds and the fields that they are of.
#[derive(Clone, Default)]
pub(super) struct Deadlines {
    order: BTreeSet<(u64, Box<[u8]>)>,
    name_bytes: usize,
}

impl Deadlines {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Bytes of memory that it takes, about.
    pub(super) fn heap_bytes(&self) -> usize {
        self.order.len() * NODE_BYTES + self.name_bytes
    }

    pub(super) fn insert(&mut self, deadline: u64, field: &[u8]) {
        if self.order.insert((deadline, field.into())) {
            self.name_bytes += allocated(field.len());
        }
    }

    pub(super) fn remove(&mut self, deadline: u64, field: &[u8]) {
        if self.order.remove(&(deadline, field.into())) {
            self.name_bytes -= allocated(field.len());
        }
    }

    /// The earliest deadline.
    pub(super) fn earliest(&self) -> Option<u64> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// Deadlines and their fields, the earliest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.order.iter().map(|(deadline, field)| (*deadline, &**field))
    }
}
