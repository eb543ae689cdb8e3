//! A block: up to a hundred entries, or four kilobytes of them, in one allocation.
//!
//! ```text
//! list: | live | deleted | master fields | name … | 0 | entry … |
//! entry: | flags | ms and seq beyond the block's id | names, values or only values | elements of the entry |
//! ```
//! An entry whose fields are named as the first one's has its values only. A deleted entry is marked and stays
//! until its block goes. That is the node of Redis's streams, byte for byte.

use super::id::StreamId;
use super::listpack::{self, Appender, Element, HEADER_BYTES};
use crate::store::heap::allocated;

/// Entries of a block, live and deleted (`stream-node-max-entries`).
pub const ENTRIES_MAX: usize = 100;

/// Bytes that a block does not reach unless by its first entry (`stream-node-max-bytes`).
pub const BYTES_MAX: usize = 4096;

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// Entries with ids close to one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    list: Vec<u8>,
}

/// What stands before a block's entries.
#[derive(Clone, Copy)]
struct Head {
    live: i64,
    deleted: i64,
    deleted_at: usize,
    fields: usize,
    names_at: usize,
    entries_at: usize,
}

impl Block {
    /// A block of one entry whose id is the block's.
    pub(super) fn of(fields: &[(&[u8], &[u8])]) -> Self {
        let mut list = Vec::new();
        let mut appender = Appender::open(&mut list);
        appender.integer(1);
        appender.integer(0);
        appender.integer(fields.len().cast_signed() as i64);
        fields.iter().for_each(|(name, _)| appender.text(name));
        appender.integer(0);
        append(appender, true, (0, 0), fields);
        Self { list }
    }

    /// A block of a listpack with the id `id`, if it is one: whole, with the entries that it claims, their ids
    /// ascending and none below `id`.
    #[must_use]
    pub fn from_listpack(id: StreamId, list: &[u8]) -> Option<Self> {
        if !listpack::is_sound(list) {
            return None;
        }
        let block = Self { list: list.to_vec() };
        let head = block.head()?;
        let (mut at, mut last) = (head.entries_at, None);
        let (mut live, mut deleted) = (0, 0);
        while at + 1 < list.len() {
            let (entry, next) = block.entry(&head, id, at)?;
            if last.is_some_and(|last| last >= entry.id) || entry.id < id {
                return None;
            }
            (if entry.deleted { deleted += 1 } else { live += 1 });
            (at, last) = (next, Some(entry.id));
        }
        (live == head.live && deleted == head.deleted && live + deleted > 0).then_some(block)
    }

    /// The block as a listpack.
    #[must_use]
    pub fn as_listpack(&self) -> &[u8] {
        &self.list
    }

    /// Entries that are not deleted.
    #[must_use]
    pub fn live(&self) -> usize {
        self.head().map_or(0, |head| usize::try_from(head.live).unwrap_or(0))
    }

    /// Entries that are deleted, still in the block.
    #[must_use]
    pub fn deleted(&self) -> usize {
        self.head().map_or(0, |head| usize::try_from(head.deleted).unwrap_or(0))
    }

    /// Whether an entry of so many bytes (names and values) begins a new block.
    pub(super) fn is_full_for(&self, bytes: usize) -> bool {
        self.list.len() + bytes >= BYTES_MAX || self.live() + self.deleted() >= ENTRIES_MAX
    }

    /// Appends an entry above all others; `own` is the block's id.
    pub(super) fn push(&mut self, own: StreamId, id: StreamId, fields: &[(&[u8], &[u8])]) {
        let Some(head) = self.head() else { return };
        let same = fields.len() == head.fields && self.are_named(head.names_at, fields);
        listpack::replace_integer(&mut self.list, HEADER_BYTES, head.live + 1);
        let difference = |high: u64, low: u64| high.wrapping_sub(low).cast_signed();
        let beyond = (difference(id.ms, own.ms), difference(id.seq, own.seq));
        append(Appender::open(&mut self.list), same, beyond, fields);
    }

    fn are_named(&self, mut at: usize, fields: &[(&[u8], &[u8])]) -> bool {
        fields.iter().all(|(name, _)| match listpack::read(&self.list, at) {
            Some((element, next)) => {
                at = next;
                element.is(name)
            }
            None => false,
        })
    }

    /// Gives back the room that appended entries would take; returns how many bytes that is.
    pub(super) fn close(&mut self) -> usize {
        let before = self.heap_bytes();
        self.list.shrink_to_fit();
        before - self.heap_bytes()
    }

    /// Marks the entry of `id` as deleted; `own` is the block's id. Returns whether it was there.
    pub(super) fn delete(&mut self, own: StreamId, id: StreamId) -> bool {
        let place = self.entries(own).find(|entry| entry.id == id && !entry.deleted).map(|entry| entry.at);
        place.is_some_and(|at| self.mark(&[at]) == 1)
    }

    /// Marks up to `count` entries from the lowest on as deleted; returns how many.
    pub(super) fn delete_lowest(&mut self, own: StreamId, count: usize) -> usize {
        let live = self.entries(own).filter(|entry| !entry.deleted);
        let places: Vec<usize> = live.map(|entry| entry.at).take(count).collect();
        self.mark(&places)
    }

    /// Marks the entries at these places, which ascend.
    fn mark(&mut self, places: &[usize]) -> usize {
        // From the last to the first: a number that changes its size moves nothing that stands before it.
        for at in places.iter().rev() {
            if let Some((flags, _)) = listpack::read_integer(&self.list, *at) {
                listpack::replace_integer(&mut self.list, *at, flags | DELETED);
            }
        }
        let (count, Some(head)) = (places.len().cast_signed() as i64, self.head()) else { return 0 };
        listpack::replace_integer(&mut self.list, head.deleted_at, head.deleted + count);
        listpack::replace_integer(&mut self.list, HEADER_BYTES, head.live - count);
        places.len()
    }

    /// Bytes that the block has allocated.
    pub(super) fn heap_bytes(&self) -> usize {
        allocated(self.list.capacity())
    }

    /// All entries, the deleted included, lowest id first; `own` is the block's id.
    #[must_use]
    pub fn entries(&self, own: StreamId) -> Entries<'_> {
        let head = self.head();
        let entries_at = head.map_or(self.list.len(), |head| head.entries_at);
        Entries { block: self, head, own, from: entries_at, to: self.list.len() - 1 }
    }

    #[inline]
    fn head(&self) -> Option<Head> {
        let (live, deleted_at) = listpack::read_integer(&self.list, HEADER_BYTES)?;
        let (deleted, at) = listpack::read_integer(&self.list, deleted_at)?;
        let (fields, names_at) = listpack::read_integer(&self.list, at)?;
        let fields = usize::try_from(fields).ok()?;
        let (zero, entries_at) = listpack::read_integer(&self.list, self.skip(names_at, fields)?)?;
        (zero == 0).then_some(Head { live, deleted, deleted_at, fields, names_at, entries_at })
    }

    /// Where the element that is `count` elements behind the one at `at` begins.
    #[inline]
    fn skip(&self, mut at: usize, count: usize) -> Option<usize> {
        for _ in 0..count {
            (_, at) = listpack::read(&self.list, at)?;
        }
        Some(at)
    }

    /// The entry at `at` and where the next begins.
    #[inline]
    fn entry(&self, head: &Head, own: StreamId, at: usize) -> Option<(Entry<'_>, usize)> {
        let (flags, next) = listpack::read_integer(&self.list, at)?;
        let (ms, next) = listpack::read_integer(&self.list, next)?;
        let (seq, next) = listpack::read_integer(&self.list, next)?;
        let id = StreamId::new(own.ms.wrapping_add_signed(ms), own.seq.wrapping_add_signed(seq));
        let shared = flags & SAME_FIELDS != 0;
        let (len, values_at, names_at) = if shared {
            (head.fields, next, Some(head.names_at))
        } else {
            let (len, next) = listpack::read_integer(&self.list, next)?;
            (usize::try_from(len).ok()?, next, None)
        };
        let elements = if shared { len } else { len.checked_mul(2)? };
        let (count, end) = listpack::read_integer(&self.list, self.skip(values_at, elements)?)?;
        let overhead = if shared { 3 } else { 4 };
        (usize::try_from(count) == Ok(elements + overhead)).then_some(())?;
        let fields = Fields { list: &self.list, names_at, values_at, left: len };
        Some((Entry { id, deleted: flags & DELETED != 0, at, fields }, end))
    }
}

/// Appends one entry and closes the list.
fn append(mut appender: Appender<'_>, same: bool, (ms, seq): (i64, i64), fields: &[(&[u8], &[u8])]) {
    let len = fields.len().cast_signed() as i64;
    appender.integer(if same { SAME_FIELDS } else { 0 });
    appender.integer(ms);
    appender.integer(seq);
    if !same {
        appender.integer(len);
    }
    for (name, value) in fields {
        if !same {
            appender.text(name);
        }
        appender.text(value);
    }
    appender.integer(if same { len + 3 } else { 2 * len + 4 });
    appender.close();
}

/// An entry of a stream, to read.
#[derive(Clone, Copy)]
pub struct Entry<'b> {
    /// Its id.
    pub id: StreamId,
    /// Whether it is deleted and only its place remains.
    pub deleted: bool,
    /// Its place in its block.
    at: usize,
    fields: Fields<'b>,
}

impl<'b> Entry<'b> {
    /// Names and values, in the order in which they were added.
    #[must_use]
    pub fn fields(&self) -> Fields<'b> {
        self.fields
    }
}

/// Names and values of an entry.
#[derive(Clone, Copy)]
pub struct Fields<'b> {
    list: &'b [u8],
    /// Where the next name is, if not before its value.
    names_at: Option<usize>,
    values_at: usize,
    left: usize,
}

impl<'b> Iterator for Fields<'b> {
    type Item = (Element<'b>, Element<'b>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (name, behind_name) = listpack::read(self.list, self.names_at.unwrap_or(self.values_at))?;
        match &mut self.names_at {
            Some(names_at) => *names_at = behind_name,
            None => self.values_at = behind_name,
        }
        let (value, behind_value) = listpack::read(self.list, self.values_at)?;
        self.values_at = behind_value;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// The entries of a block, from both ends.
pub struct Entries<'b> {
    block: &'b Block,
    head: Option<Head>,
    own: StreamId,
    from: usize,
    to: usize,
}

impl<'b> Iterator for Entries<'b> {
    type Item = Entry<'b>;

    fn next(&mut self) -> Option<Entry<'b>> {
        if self.from >= self.to {
            return None;
        }
        let (entry, next) = self.block.entry(self.head.as_ref()?, self.own, self.from)?;
        self.from = next;
        Some(entry)
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        let list = &self.block.list;
        let mut at = listpack::before(list, self.to)?;
        let (count, _) = listpack::read_integer(list, at)?;
        for _ in 0..count {
            at = listpack::before(list, at)?;
        }
        let (entry, _) = self.block.entry(self.head.as_ref()?, self.own, at)?;
        self.to = at;
        Some(entry)
    }
}
