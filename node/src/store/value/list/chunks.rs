//! A large list: a queue of chunks, cheap at both ends whatever its length.

use std::collections::VecDeque;

use super::End;
use super::chunk::{CHUNK_BYTES, Chunk};
use super::items::{Frame, Items};
use crate::store::heap::{allocated, boxed};
use crate::store::reclaim;

/// Room of a new chunk in bytes, at least.
const CHUNK_ROOM: usize = 1024;

/// A list of so many times a chunk's size gives a new chunk its full size at once: it need not grow, and what it does
/// not use is a small part of the list.
const SPARE_SHARE: usize = 8;

/// Chunks that are dropped at once; more are left to the reclaimer.
const DROPPED_MAX: usize = 64;

/// Places for chunks that a list keeps.
const PLACES_KEPT: usize = 16;

/// Byte strings in order.
#[derive(Clone, Default)]
pub struct Chunks {
    /// None is empty.
    chunks: VecDeque<Chunk>,
    len: usize,
    /// What the chunks' buffers take.
    buffer_bytes: usize,
}

impl Chunks {
    /// The items of a block.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut list = Self::default();
        Items::new(bytes).for_each(|item| list.push(End::Back, item));
        list
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory that the list takes. O(1).
    pub(super) fn heap_bytes(&self) -> usize {
        boxed::<Self>() + allocated(self.chunks.capacity() * size_of::<Chunk>()) + self.buffer_bytes
    }

    /// The chunk of the item at `index`, which is at most the length, and its place in it.
    fn place(&self, mut index: usize) -> (usize, usize) {
        if index > self.len / 2 {
            let mut behind = self.len - index;
            for (at, chunk) in self.chunks.iter().enumerate().rev() {
                if behind <= chunk.len() {
                    return (at, chunk.len() - behind);
                }
                behind -= chunk.len();
            }
        }
        for (at, chunk) in self.chunks.iter().enumerate() {
            if index < chunk.len() {
                return (at, index);
            }
            index -= chunk.len();
        }
        (self.chunks.len(), 0)
    }

    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let (at, index) = self.place(index);
        self.chunks.get(at)?.items().nth(index)
    }

    pub(super) fn at_end(&self, end: End) -> Option<&[u8]> {
        match end {
            End::Front => self.chunks.front()?.items().next(),
            End::Back => self.chunks.back()?.items().next_back(),
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.chunks.iter().flat_map(Chunk::items)
    }

    /// The items from `start` on, which is at most the length.
    pub(super) fn from(&self, start: usize) -> impl Iterator<Item = &[u8]> {
        let (at, index) = self.place(start);
        self.chunks.range(at..).flat_map(Chunk::items).skip(index)
    }

    /// Adds `value` at `end`.
    #[inline]
    pub(super) fn push(&mut self, end: End, value: &[u8]) {
        let outermost = match end {
            End::Front => self.chunks.front_mut(),
            End::Back => self.chunks.back_mut(),
        };
        self.len += 1;
        if let Some(chunk) = outermost
            && chunk.takes(value)
        {
            self.buffer_bytes += chunk.push(end, value);
            return;
        }
        let mut chunk = Chunk::with_room((self.buffer_bytes / SPARE_SHARE).clamp(CHUNK_ROOM, CHUNK_BYTES));
        chunk.push(end, value);
        self.buffer_bytes += chunk.heap_bytes();
        match end {
            End::Front => self.chunks.push_front(chunk),
            End::Back => self.chunks.push_back(chunk),
        }
    }

    /// Drops `count` items at `end`, at most the length.
    pub(super) fn pop(&mut self, end: End, count: usize) {
        self.len -= count;
        let (mut left, mut whole) = (count, 0);
        let outermost = |whole: usize, chunks: &VecDeque<Chunk>| match end {
            End::Front => whole,
            End::Back => chunks.len() - 1 - whole,
        };
        while left > 0 {
            let at = outermost(whole, &self.chunks);
            let chunk = &mut self.chunks[at];
            if left < chunk.len() {
                let before = chunk.heap_bytes();
                chunk.pop(end, left);
                self.buffer_bytes = self.buffer_bytes + chunk.heap_bytes() - before;
                break;
            }
            left -= chunk.len();
            whole += 1;
        }
        if whole > 0 {
            self.drop_chunks(end, whole);
        }
    }

    fn drop_chunks(&mut self, end: End, count: usize) {
        let dropped: Vec<Chunk> = match end {
            End::Front => self.chunks.drain(..count).collect(),
            End::Back => self.chunks.drain(self.chunks.len() - count..).collect(),
        };
        let bytes = dropped.iter().map(Chunk::heap_bytes).sum();
        self.buffer_bytes -= bytes;
        if dropped.len() > DROPPED_MAX {
            reclaim::drop_later(dropped, bytes);
        }
        if self.chunks.capacity() > PLACES_KEPT && self.chunks.capacity() / 4 > self.chunks.len() {
            self.chunks.shrink_to(self.chunks.len() * 2);
        }
    }

    /// Replaces the item at `index`, or puts one before it unless `replaced`.
    pub(super) fn edit(&mut self, index: usize, value: &[u8], replaced: bool) {
        let (at, index) = self.place(index);
        if at == self.chunks.len() {
            return self.push(End::Back, value);
        }
        let items = self.chunks[at].items();
        let mut range = items.range(index);
        if !replaced {
            range.end = range.start;
            self.len += 1;
        }
        let frame = Frame::of(value);
        let item = [frame.before(), value, frame.behind()].concat();
        let (before, behind) = (&items.bytes()[..range.start], &items.bytes()[range.end..]);
        let runs = if before.len() + item.len() + behind.len() <= CHUNK_BYTES {
            vec![[before, &item, behind].concat()]
        } else {
            vec![before.to_vec(), item, behind.to_vec()]
        };
        self.put_in_place(at, &runs);
    }

    /// Puts chunks of `runs` in the place of the chunk at `at`.
    fn put_in_place(&mut self, at: usize, runs: &[Vec<u8>]) {
        let mut filled = runs.iter().filter(|run| !run.is_empty()).map(|run| Chunk::of(run));
        self.buffer_bytes -= self.chunks[at].heap_bytes();
        let first = filled.next().unwrap_or_default();
        self.buffer_bytes += first.heap_bytes();
        self.chunks[at] = first;
        for (behind, chunk) in (at + 1..).zip(filled) {
            self.buffer_bytes += chunk.heap_bytes();
            self.chunks.insert(behind, chunk);
        }
    }

    /// Removes up to `limit` items equal to `value`, from `end` on; returns how many.
    pub(super) fn remove(&mut self, value: &[u8], end: End, limit: usize) -> usize {
        let mut left = limit;
        for step in 0..self.chunks.len() {
            let at = if end == End::Front { step } else { self.chunks.len() - 1 - step };
            if left == 0 {
                break;
            }
            if let Some((kept, removed)) = without(self.chunks[at].items(), value, end, left) {
                self.put_in_place(at, &[kept]);
                left -= removed;
            }
        }
        self.len -= limit - left;
        self.mend();
        limit - left
    }

    /// Takes empty chunks out and joins small neighbours.
    fn mend(&mut self) {
        let mut mended = VecDeque::<Chunk>::with_capacity(self.chunks.len());
        for chunk in std::mem::take(&mut self.chunks) {
            match mended.back_mut() {
                _ if chunk.len() == 0 => {}
                Some(last) if last.items().bytes().len() + chunk.items().bytes().len() <= CHUNK_BYTES / 2 => {
                    *last = Chunk::of(&[last.items().bytes(), chunk.items().bytes()].concat());
                }
                _ => mended.push_back(chunk),
            }
        }
        self.buffer_bytes = mended.iter().map(Chunk::heap_bytes).sum();
        self.chunks = mended;
    }
}

/// What is left of `items` without up to `limit` that are equal to `value`, from `end` on, and how many those are;
/// `None` if there are none.
pub(super) fn without(items: Items<'_>, value: &[u8], end: End, limit: usize) -> Option<(Vec<u8>, usize)> {
    let equal = items.filter(|item| *item == value).count();
    let removed = equal.min(limit);
    if removed == 0 {
        return None;
    }
    // Of the equal ones, those from `first` on and before `behind` go.
    let first = if end == End::Front { 0 } else { equal - removed };
    let (mut kept, mut met) = (Vec::with_capacity(items.bytes().len()), 0);
    for item in items {
        let is_equal = item == value;
        let goes = is_equal && (first..first + removed).contains(&met);
        met += usize::from(is_equal);
        if !goes {
            let frame = Frame::of(item);
            [frame.before(), item, frame.behind()].iter().for_each(|part| kept.extend_from_slice(part));
        }
    }
    Some((kept, removed))
}
