//! Writing a stream: entries, then what is known of the whole, then groups.

use super::node::SAME_FIELDS;
use super::read::UNKNOWN;
use super::{StreamId, StreamMeta};
use crate::rdb::listpack::Pack;
use crate::rdb::object;
use crate::rdb::wire::{Output, Room};

/// Most entries of a node (`stream-node-max-entries`).
const NODE_ENTRIES_MAX: u64 = 100;
/// Bytes of a node that is full (`stream-node-max-bytes`).
const NODE_BYTES_MAX: usize = 4096;

/// Writes one stream: [`StreamWriter::entry`] for each entry, [`StreamWriter::meta`], then for each group
/// [`StreamWriter::group`] and for each of its consumers [`StreamWriter::consumer`].
#[derive(Debug)]
pub struct StreamWriter<'w, 'o> {
    out: &'w mut Output<'o>,
    nodes: Room,
    count: u64,
    /// The node's id.
    id: StreamId,
    /// The entries of the node, and how many they are.
    body: Pack,
    entries: u64,
    /// The names of the fields of the node's first entry.
    names: Vec<Box<[u8]>>,
    names_bytes: usize,
}

impl<'w, 'o> StreamWriter<'w, 'o> {
    /// Begins a stream.
    pub fn begin(out: &'w mut Output<'o>) -> Self {
        out.raw(&[object::STREAM]);
        let nodes = out.room();
        let (id, body) = (StreamId::default(), Pack::new());
        Self { out, nodes, count: 0, id, body, entries: 0, names: Vec::new(), names_bytes: 0 }
    }

    /// Writes an entry; its id lies above the one before. Fields and values are walked up to three times.
    pub fn entry<'f>(&mut self, id: StreamId, fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone) {
        let bytes: usize = fields.clone().map(|(name, value)| name.len() + value.len()).sum();
        let full = self.body.len() + self.names_bytes + bytes >= NODE_BYTES_MAX;
        if self.entries > 0 && (full || self.entries >= NODE_ENTRIES_MAX) {
            self.end_node();
        }
        if self.entries == 0 {
            self.id = id;
            self.names = fields.clone().map(|(name, _)| name.into()).collect();
            self.names_bytes = self.names.iter().map(|name| name.len()).sum();
        }
        let same = fields.clone().map(|(name, _)| name).eq(self.names.iter().map(|name| &**name));
        self.body.integer(if same { SAME_FIELDS } else { 0 });
        self.body.integer(id.ms.wrapping_sub(self.id.ms).cast_signed());
        self.body.integer(id.seq.wrapping_sub(self.id.seq).cast_signed());
        let count = fields.clone().count();
        if !same {
            self.body.count(count);
        }
        for (name, value) in fields {
            if !same {
                self.body.text(name);
            }
            self.body.text(value);
        }
        self.body.count(if same { count + 3 } else { 2 * count + 4 });
        self.entries += 1;
    }

    fn end_node(&mut self) {
        if self.entries == 0 {
            return;
        }
        let mut node = Pack::new();
        node.integer(self.entries.cast_signed());
        node.integer(0);
        node.count(self.names.len());
        self.names.iter().for_each(|name| node.text(name));
        node.integer(0);
        node.append(&mut self.body);
        self.out.text(&self.id.to_bytes());
        self.out.text(&node.take());
        (self.count, self.entries) = (self.count + 1, 0);
    }

    /// Ends the entries and begins `groups` groups.
    pub fn meta(&mut self, meta: &StreamMeta, groups: usize) {
        self.end_node();
        self.out.fill(&self.nodes, self.count);
        self.out.length(meta.len);
        id(self.out, meta.last_id);
        id(self.out, meta.first_id);
        id(self.out, meta.max_deleted_id);
        self.out.length(meta.entries_added);
        self.out.count(groups);
    }

    /// Begins a group of `consumers` consumers. `pending` is each entry that was delivered and not acknowledged,
    /// ids rising: id, time of delivery in Unix milliseconds, number of deliveries.
    pub fn group(
        &mut self,
        name: &[u8],
        last_id: StreamId,
        entries_read: Option<u64>,
        pending: impl ExactSizeIterator<Item = (StreamId, u64, u64)>,
        consumers: usize,
    ) {
        self.out.text(name);
        id(self.out, last_id);
        self.out.length(entries_read.unwrap_or(UNKNOWN));
        self.out.count(pending.len());
        for (id, delivered_at, deliveries) in pending {
            self.out.raw(&id.to_bytes());
            self.out.raw(&delivered_at.to_le_bytes());
            self.out.length(deliveries);
        }
        self.out.count(consumers);
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
