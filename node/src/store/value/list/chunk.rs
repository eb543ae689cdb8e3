//! A run of a large list's items in one buffer, with room at the end where items come.

use super::End;
use super::items::{Items, framed_len, write_framed};
use crate::store::heap::allocated;

/// Most bytes of a chunk of more than one item.
pub(super) const CHUNK_BYTES: usize = 4096;

/// A buffer of which less than a quarter is used gives the rest back, above this size.
const SLACK_BYTES: usize = 256;

#[derive(Clone, Default)]
pub(super) struct Chunk {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    count: usize,
}

impl Chunk {
    /// The items of a block.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut chunk = Self { buffer: bytes.into(), start: 0, end: bytes.len(), count: 0 };
        chunk.count = chunk.items().count();
        chunk
    }

    /// An empty chunk with room.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self { buffer: vec![0; allocated(bytes)].into_boxed_slice(), ..Self::default() }
    }

    #[inline]
    pub(super) fn items(&self) -> Items<'_> {
        Items::new(&self.buffer[self.start..self.end])
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Bytes that the buffer takes.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        allocated(self.buffer.len())
    }

    /// Whether `item` may come in.
    #[inline]
    pub(super) fn takes(&self, item: &[u8]) -> bool {
        self.count == 0 || self.end - self.start + framed_len(item) <= CHUNK_BYTES
    }

    /// Adds an item that it takes. Returns how many bytes more the buffer takes now.
    #[inline]
    pub(super) fn push(&mut self, end: End, item: &[u8]) -> usize {
        let (mut grown, len) = (0, framed_len(item));
        let room = match end {
            End::Front => self.start,
            End::Back => self.buffer.len() - self.end,
        };
        if room < len {
            let before = self.heap_bytes();
            self.make_room(end, len);
            grown = self.heap_bytes() - before;
        }
        let at = match end {
            End::Front => {
                self.start -= len;
                self.start
            }
            End::Back => {
                self.end += len;
                self.end - len
            }
        };
        write_framed(item, &mut self.buffer[at..at + len]);
        self.count += 1;
        grown
    }

    /// Moves the items away from `end`, into a larger buffer if this one is small and would soon be full again.
    fn make_room(&mut self, end: End, len: usize) {
        let used = self.end - self.start;
        let needed = used + len;
        let tight = self.buffer.len() < CHUNK_BYTES && self.buffer.len() < needed / 2 * 3;
        if self.buffer.len() < needed || tight {
            self.move_to(end, allocated(needed.max(CHUNK_BYTES.min(2 * needed))));
        } else {
            let start = if end == End::Front { self.buffer.len() - used } else { 0 };
            self.buffer.copy_within(self.start..self.end, start);
            (self.start, self.end) = (start, start + used);
        }
    }

    /// Moves the items into a buffer of `capacity`, with the room at `end`.
    fn move_to(&mut self, end: End, capacity: usize) {
        let used = self.end - self.start;
        let start = if end == End::Front { capacity - used } else { 0 };
        let mut buffer = vec![0; capacity].into_boxed_slice();
        buffer[start..start + used].copy_from_slice(self.items().bytes());
        (self.buffer, self.start, self.end) = (buffer, start, start + used);
    }

    /// Drops `count` items at `end`, fewer than it has.
    #[inline]
    pub(super) fn pop(&mut self, end: End, count: usize) {
        match end {
            End::Front => self.start += self.items().front_bytes(count),
            End::Back => self.end -= self.items().back_bytes(count),
        }
        self.count -= count;
        let used = self.end - self.start;
        if self.buffer.len() > SLACK_BYTES && used < self.buffer.len() / 4 {
            self.move_to(End::Back, allocated(used));
        }
    }
}
