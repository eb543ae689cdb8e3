//! Packing entries into nodes as Redis does, for who has entries and no nodes.

use super::StreamId;
use super::node::SAME_FIELDS;
use crate::rdb::listpack::Pack;

/// Most entries of a node (`stream-node-max-entries`).
const NODE_ENTRIES_MAX: u64 = 100;
/// Bytes of a node that is full (`stream-node-max-bytes`).
const NODE_BYTES_MAX: usize = 4096;

/// The node that is being filled.
#[derive(Debug)]
pub struct Packer {
    id: StreamId,
    body: Pack,
    entries: u64,
    /// The names of the fields of the node's first entry.
    names: Vec<Box<[u8]>>,
    names_bytes: usize,
}

impl Default for Packer {
    fn default() -> Self {
        Self { id: StreamId::default(), body: Pack::new(), entries: 0, names: Vec::new(), names_bytes: 0 }
    }
}

impl Packer {
    /// Takes an entry in; its id lies above the one before. Gives the node before, if the entry begins a new one.
    pub fn entry<'f>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) -> Option<(StreamId, Vec<u8>)> {
        let bytes: usize = fields.clone().map(|(name, value)| name.len() + value.len()).sum();
        let full = self.body.len() + self.names_bytes + bytes >= NODE_BYTES_MAX;
        let node = if full || self.entries >= NODE_ENTRIES_MAX { self.finish() } else { None };
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
        node
    }

    /// The last node, if there is an entry in it.
    pub fn finish(&mut self) -> Option<(StreamId, Vec<u8>)> {
        if self.entries == 0 {
            return None;
        }
        let mut node = Pack::new();
        node.integer(self.entries.cast_signed());
        node.integer(0);
        node.count(self.names.len());
        self.names.iter().for_each(|name| node.text(name));
        node.integer(0);
        node.append(&mut self.body);
        self.entries = 0;
        Some((self.id, node.take()))
    }
}
