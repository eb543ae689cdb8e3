//! Writing a stream: nodes, then what is known of the whole, then groups.

use super::read::UNKNOWN;
use super::{StreamId, StreamMeta};
use crate::rdb::object;
use crate::rdb::wire::Output;

/// Writes one stream: [`StreamWriter::node`] for each node, [`StreamWriter::meta`], then for each group
/// [`StreamWriter::group`], [`StreamWriter::pending`] for each pending entry, [`StreamWriter::consumers`] and
/// [`StreamWriter::consumer`] for each of them.
#[derive(Debug)]
pub struct StreamWriter<'w, 'o> {
    out: &'w mut Output<'o>,
}

impl<'w, 'o> StreamWriter<'w, 'o> {
    /// Begins a stream of so many nodes.
    pub fn begin(out: &'w mut Output<'o>, nodes: usize) -> Self {
        out.raw(&[object::STREAM]);
        out.count(nodes);
        Self { out }
    }

    /// Writes a node: its id, and its entries as a listpack. Their ids lie above those of the node before.
    pub fn node(&mut self, id: StreamId, listpack: &[u8]) {
        self.out.text(&id.to_bytes());
        self.out.text(listpack);
    }

    /// Writes what is known of the whole, and begins `groups` groups.
    pub fn meta(&mut self, meta: &StreamMeta, groups: usize) {
        self.out.length(meta.len);
        id(self.out, meta.last_id);
        id(self.out, meta.first_id);
        id(self.out, meta.max_deleted_id);
        self.out.length(meta.entries_added);
        self.out.count(groups);
    }

    /// Begins a group of `pending` entries that were delivered and not acknowledged.
    pub fn group(&mut self, name: &[u8], last_id: StreamId, entries_read: Option<u64>, pending: usize) {
        self.out.text(name);
        id(self.out, last_id);
        self.out.length(entries_read.unwrap_or(UNKNOWN));
        self.out.count(pending);
    }

    /// Writes a pending entry: when it was delivered, in Unix milliseconds, and how often. Their ids rise.
    pub fn pending(&mut self, id: StreamId, delivered_at: u64, deliveries: u64) {
        self.out.raw(&id.to_bytes());
        self.out.raw(&delivered_at.to_le_bytes());
        self.out.length(deliveries);
    }

    /// Ends the group's pending entries and begins so many consumers.
    pub fn consumers(&mut self, count: usize) {
        self.out.count(count);
    }

    /// Writes a consumer: when it was last seen, in Unix milliseconds, and the pending entries that are its.
    pub fn consumer(&mut self, name: &[u8], seen_at: u64, owned: impl ExactSizeIterator<Item = StreamId>) {
        self.out.text(name);
        self.out.raw(&seen_at.to_le_bytes());
        self.out.count(owned.len());
        owned.for_each(|id| self.out.raw(&id.to_bytes()));
    }
}

fn id(out: &mut Output<'_>, id: StreamId) {
    out.length(id.ms);
    out.length(id.seq);
}
