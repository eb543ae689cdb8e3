//! A stream: entries by ascending ids, each a list of fields, and groups that read them.
//!
//! Entries lie packed in [`Block`]s, ordered by the id of each block's first entry. Blocks begin where Redis begins
//! a node, since trimming by whole nodes and `XINFO` let clients see them.

mod block;
mod group;
mod id;
mod lag;
mod listpack;
mod tree;
mod trim;

use std::collections::BTreeMap;

pub use block::{BYTES_MAX, Block, ENTRIES_MAX, Entries, Entry, Fields};
pub use group::{Consumer, Delivery, Group, Pending};
pub use id::StreamId;
pub use listpack::Element;
pub use trim::{Cut, Limit};

use crate::store::heap::{allocated, boxed};

/// Longest names and values of one entry together, in bytes.
pub const ENTRY_BYTES_MAX: usize = 1 << 30;

/// Entries, groups, and what is remembered of deleted entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    blocks: BTreeMap<StreamId, Block>,
    /// By name. They are few, and a tree of them would be large.
    groups: Vec<(Box<[u8]>, Box<Group>)>,
    len: usize,
    /// The lowest entry's id, 0-0 if there is none.
    first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    added: u64,
    /// Bytes of all blocks.
    blocks_bytes: usize,
    /// Bytes of all groups, their names included, about.
    groups_bytes: usize,
}

impl Stream {
    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry. An empty stream stays: it has its last id and its groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The lowest entry's id, 0-0 if there is none.
    #[must_use]
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The id above which the next entry's must be.
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The highest id that was deleted by name, 0-0 if none was.
    #[must_use]
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// Entries that it ever had.
    #[must_use]
    pub fn added(&self) -> u64 {
        self.added
    }

    /// The blocks by their ids, ascending: what Redis keeps and dumps as listpacks.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = (StreamId, &Block)> {
        self.blocks.iter().map(|(id, block)| (*id, block))
    }

    /// Nodes that Redis's radix tree of the blocks would have. Looks at each block's id.
    #[must_use]
    pub fn tree_nodes(&self) -> usize {
        tree::nodes(self.blocks.keys().copied())
    }

    /// The entries from `first` to `last`, both included, from either end. Costs what it gives, and up to a block
    /// more at each end.
    pub fn range(&self, first: StreamId, last: StreamId) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        let blocks = (first <= last).then(|| self.blocks.range(self.block_of(first)..=last));
        let entries = blocks.into_iter().flatten().flat_map(|(own, block)| block.entries(*own));
        entries.filter(move |entry| !entry.deleted && first <= entry.id && entry.id <= last)
    }

    /// How many entries there are from `first` to `last`, both included, counted up to `max`.
    #[must_use]
    pub fn count(&self, first: StreamId, last: StreamId, max: usize) -> usize {
        if first > last {
            return 0;
        }
        let inside = |block: &Block, own: StreamId| {
            let entries = block.entries(own).filter(|entry| !entry.deleted);
            entries.filter(|entry| first <= entry.id && entry.id <= last).count()
        };
        let mut blocks = self.blocks.range(self.block_of(first)..=last).peekable();
        let mut count = 0;
        while let Some((own, block)) = blocks.next() {
            // A block between two others of the range lies in it as a whole.
            let whole = *own >= first && blocks.peek().is_some();
            count += if whole { block.live() } else { inside(block, *own) };
            if count >= max {
                return max;
            }
        }
        count
    }

    /// The id of the block where `id` is, if anywhere.
    fn block_of(&self, id: StreamId) -> StreamId {
        self.blocks.range(..=id).next_back().map_or(id, |(own, _)| *own)
    }

    /// The entry of `id`.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let (own, block) = self.blocks.range(..=id).next_back()?;
        block.entries(*own).find(|entry| entry.id == id && !entry.deleted)
    }

    /// The id of the highest entry, `None` if there is none.
    #[must_use]
    pub fn top(&self) -> Option<StreamId> {
        self.range(StreamId::MIN, StreamId::MAX).next_back().map(|entry| entry.id)
    }

    /// The groups by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, &**group))
    }

    /// The group `name`.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.place_of(name).ok().map(|place| &*self.groups[place].1)
    }

    /// Where the group `name` is, or would be.
    fn place_of(&self, name: &[u8]) -> Result<usize, usize> {
        self.groups.binary_search_by(|(own, _)| (**own).cmp(name))
    }

    /// Bytes that the stream has allocated, its own struct included, about. O(1).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let groups = allocated(self.groups.capacity() * size_of::<(Box<[u8]>, Box<Group>)>());
        let trees = tree_bytes::<(StreamId, Block)>(self.blocks.len());
        boxed::<Self>() + trees + self.blocks_bytes + groups + self.groups_bytes
    }
}

/// Bytes of a tree of `len` items of `T` that came in ascending order, about: its leaves are half full.
fn tree_bytes<T>(len: usize) -> usize {
    const LEAF_ITEMS: usize = 11;
    len.div_ceil(LEAF_ITEMS / 2 + 1) * allocated(LEAF_ITEMS * size_of::<T>() + 2 * size_of::<usize>())
}

/// Changes, each by an effect.
impl Stream {
    /// Appends an entry; returns whether `id` is above the last one.
    pub fn push(&mut self, id: StreamId, fields: &[(&[u8], &[u8])]) -> bool {
        if id <= self.last_id {
            return false;
        }
        let bytes = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.blocks_bytes += match self.blocks.last_entry() {
            Some(mut last) if !last.get().is_full_for(bytes) => {
                let (own, before) = (*last.key(), last.get().heap_bytes());
                last.get_mut().push(own, id, fields);
                last.get().heap_bytes() - before
            }
            last => {
                if let Some(mut last) = last {
                    self.blocks_bytes -= last.get_mut().close();
                }
                let block = Block::of(fields);
                let bytes = block.heap_bytes();
                self.blocks.insert(id, block);
                bytes
            }
        };
        self.len += 1;
        self.added = self.added.wrapping_add(1);
        self.last_id = id;
        if self.len == 1 {
            self.first_id = id;
        }
        true
    }

    /// Deletes entries by name; returns how many there were.
    pub fn delete(&mut self, ids: &[StreamId]) -> usize {
        let before = self.len;
        for id in ids {
            if self.delete_one(*id) {
                self.max_deleted_id = self.max_deleted_id.max(*id);
            }
        }
        if before > self.len {
            self.find_first();
        }
        before - self.len
    }

    fn delete_one(&mut self, id: StreamId) -> bool {
        let Some((own, block)) = self.blocks.range_mut(..=id).next_back() else { return false };
        let (own, before) = (*own, block.heap_bytes());
        if !block.delete(own, id) {
            return false;
        }
        self.blocks_bytes = self.blocks_bytes + block.heap_bytes() - before;
        if block.live() == 0 {
            self.blocks_bytes -= block.heap_bytes();
            self.blocks.remove(&own);
        }
        self.len -= 1;
        true
    }

    fn find_first(&mut self) {
        let first = self.range(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id);
        self.first_id = first.unwrap_or_default();
    }

    /// Sets what the stream remembers; returns whether that changes anything.
    pub fn set_ids(&mut self, last: StreamId, added: u64, max_deleted: StreamId) -> bool {
        let new = (last, added, max_deleted);
        let changed = new != (self.last_id, self.added, self.max_deleted_id);
        (self.last_id, self.added, self.max_deleted_id) = new;
        changed
    }

    /// Puts a whole block behind the others; returns whether it belongs there.
    pub fn push_block(&mut self, id: StreamId, block: Block) -> bool {
        let last = self.blocks.last_key_value().and_then(|(own, block)| block.entries(*own).next_back());
        if last.is_some_and(|last| last.id >= id) {
            return false;
        }
        self.len += block.live();
        self.blocks_bytes += block.heap_bytes();
        self.blocks.insert(id, block);
        self.find_first();
        true
    }

    /// Sets a group's progress; makes the group if there is none. Returns whether anything changed.
    pub fn set_group(&mut self, name: &[u8], last_id: StreamId, read: Option<i64>) -> bool {
        if let Err(place) = self.place_of(name) {
            let group = Box::new(Group::at(last_id, read));
            self.groups_bytes += allocated(name.len()) + group.heap_bytes();
            self.groups.insert(place, (name.into(), group));
            return true;
        }
        let set = |group: &mut Group| {
            let before = (group.last_id, group.read);
            (group.last_id, group.read) = (last_id, read);
            before != (last_id, read)
        };
        self.edit_group(name, set).unwrap_or(false)
    }

    /// Takes a group out; returns whether there was one.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        let Ok(place) = self.place_of(name) else { return false };
        let (name, group) = self.groups.remove(place);
        self.groups_bytes -= allocated(name.len()) + group.heap_bytes();
        if self.groups.is_empty() {
            self.groups = Vec::new();
        }
        true
    }

    /// Changes the group `name`; `None` if there is none.
    pub fn edit_group<R>(&mut self, name: &[u8], change: impl FnOnce(&mut Group) -> R) -> Option<R> {
        let place = self.place_of(name).ok()?;
        let group = &mut self.groups[place].1;
        let before = group.heap_bytes();
        let result = change(group);
        self.groups_bytes = self.groups_bytes + group.heap_bytes() - before;
        Some(result)
    }
}

#[cfg(test)]
mod tests;
