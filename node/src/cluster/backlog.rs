//! The latest operations of all slots of a node, in the order in which they were applied, kept so that an entry that
//! missed some gets them one by one.
//!
//! ```text
//!        intact                                                  end        offsets rise for ever; what lies
//!  ▓▓▓▓▓▓▓▓│ record │ record │ … │ record │ … │ record │ record │           further behind is written over
//!              ▲───────── before ─────┘                                     a record names the one of its slot before it
//! ```
//! Each write of a chain comes by here, mostly at another slot than the one before. They are appended to a few shards,
//! whose ends stay near the processor: a buffer for each slot would have to be brought from memory for each write.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::prefetch;

/// Shards, so that threads seldom wait for each other; a power of two.
const SHARDS: usize = 16;

/// Bytes of the buffer that a shard begins with.
const CAPACITY_FIRST: usize = 64 << 10;

/// Bytes of a record's length and of the place of the one before it.
const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = LENGTH_BYTES + 8;

/// Where a record is: its shard, and its offset from the begin of all that was ever appended to it, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position(NonZeroU64);

/// A bound over all slots of a node, and what is kept within it.
#[derive(Debug)]
pub struct Backlog {
    shards: [Mutex<Shard>; SHARDS],
    /// Which shard the next slot without a record here begins in.
    next: AtomicUsize,
    /// Bytes that a shard may have: a power of two, or 0.
    shard_max: AtomicUsize,
}

/// Apart, so that no two are in one cache line.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard {
    number: usize,
    /// A power of two of bytes, or none.
    buffer: Box<[u8]>,
    /// Offset of what is appended next.
    end: u64,
    /// What lies before this offset was written over.
    intact: u64,
}

/// A record that is still there.
pub(super) struct Record {
    /// The record of its slot before it, which may be there no more.
    pub(super) before: Option<Position>,
    offset: u64,
    /// Bytes of its operation.
    pub(super) len: usize,
}

/// The largest power of two that is not above `bytes`; 0 for 0.
fn power_below(bytes: usize) -> usize {
    bytes.checked_ilog2().map_or(0, |log| 1 << log)
}

impl Position {
    fn new(shard: usize, offset: u64) -> Option<Self> {
        NonZeroU64::new(offset * SHARDS as u64 + shard as u64).map(Self)
    }

    fn offset(self) -> u64 {
        self.0.get() / SHARDS as u64
    }

    #[expect(clippy::cast_possible_truncation, reason = "below the number of shards")]
    fn shard(self) -> usize {
        (self.0.get() % SHARDS as u64) as usize
    }
}

impl Backlog {
    /// A bound of so many bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let shard = |number| Mutex::new(Shard { number, buffer: Box::default(), end: 1, intact: 1 });
        let backlog = Self {
            shards: std::array::from_fn(shard),
            next: AtomicUsize::new(0),
            shard_max: AtomicUsize::new(0),
        };
        backlog.set_max(max);
        backlog
    }

    /// Other bytes are the bound from now on. Each shard sees to it when it is written to.
    pub fn set_max(&self, max: usize) {
        self.shard_max.store(power_below(max / SHARDS), Ordering::Relaxed);
    }

    /// Keeps an operation of a slot behind that of this position, in the same shard; `None` if it is too large to be kept.
    #[inline]
    pub(super) fn push(&self, before: Option<Position>, operation: &[u8]) -> Option<Position> {
        let number =
            before.map_or_else(|| self.next.fetch_add(1, Ordering::Relaxed) % SHARDS, Position::shard);
        self.lock(number).push(before, operation, self.shard_max.load(Ordering::Relaxed))
    }

    /// The shard of a record, held.
    pub(super) fn shard(&self, position: Position) -> MutexGuard<'_, Shard> {
        self.lock(position.shard())
    }

    #[inline]
    fn lock(&self, number: usize) -> MutexGuard<'_, Shard> {
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    #[inline]
    fn push(&mut self, before: Option<Position>, operation: &[u8], max: usize) -> Option<Position> {
        let bytes = HEADER_BYTES + operation.len();
        let is_full = self.end + bytes as u64 > self.buffer.len() as u64;
        if (is_full && self.buffer.len() < max) || self.buffer.len() > max {
            self.resize(bytes, max);
        }
        let len = u32::try_from(operation.len()).ok().filter(|_| bytes <= self.buffer.len())?;
        let mut header = [0; HEADER_BYTES];
        header[..LENGTH_BYTES].copy_from_slice(&len.to_le_bytes());
        header[LENGTH_BYTES..].copy_from_slice(&before.map_or(0, |before| before.0.get()).to_le_bytes());
        let offset = self.end;
        self.write(offset, &header);
        self.write(offset + HEADER_BYTES as u64, operation);
        self.end += bytes as u64;
        self.prefetch();
        self.intact = self.intact.max(self.end.saturating_sub(self.buffer.len() as u64));
        Position::new(self.number, offset)
    }

    /// Where in the buffer an offset lies.
    #[expect(clippy::cast_possible_truncation, reason = "below the bytes of the buffer")]
    fn place(&self, offset: u64) -> usize {
        (offset & (self.buffer.len() as u64 - 1)) as usize
    }

    /// Brings the lines near that the next record is written to: other shards have theirs before.
    #[inline]
    fn prefetch(&self) {
        for ahead in [64, 128] {
            prefetch(self.buffer.as_ptr().wrapping_add(self.place(self.end + ahead)));
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let at = self.place(offset);
        let first = bytes.len().min(self.buffer.len() - at);
        self.buffer[at..at + first].copy_from_slice(&bytes[..first]);
        self.buffer[..bytes.len() - first].copy_from_slice(&bytes[first..]);
    }

    fn read(&self, offset: u64, out: &mut [u8]) {
        let at = self.place(offset);
        let first = out.len().min(self.buffer.len() - at);
        let (front, back) = out.split_at_mut(first);
        front.copy_from_slice(&self.buffer[at..at + first]);
        back.copy_from_slice(&self.buffer[..back.len()]);
    }

    /// Gets another buffer with the newest of what the old one has: one that takes so many bytes more, or one that is within
    /// the bound.
    #[cold]
    fn resize(&mut self, bytes: usize, max: usize) {
        let wish = (self.buffer.len() * 2).max(CAPACITY_FIRST).max(bytes.next_power_of_two());
        let mut other = Self { buffer: vec![0; wish.min(max)].into_boxed_slice(), intact: self.end, ..*self };
        let kept = (self.end - self.intact).min(other.buffer.len() as u64);
        other.intact = self.end - kept;
        let mut offset = other.intact;
        while offset < self.end {
            let from = self.place(offset);
            let left = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
            let len = left.min(self.buffer.len() - from);
            other.write(offset, &self.buffer[from..from + len]);
            offset += len as u64;
        }
        *self = other;
    }

    /// The record at a position of this shard, if it is still there.
    pub(super) fn record(&self, position: Position) -> Option<Record> {
        let offset = position.offset();
        if offset < self.intact {
            return None;
        }
        let mut header = [0; HEADER_BYTES];
        self.read(offset, &mut header);
        let (len, before) = header.split_at(LENGTH_BYTES);
        let len = u32::from_le_bytes(len.try_into().ok()?) as usize;
        let before = u64::from_le_bytes(before.try_into().ok()?);
        Some(Record { before: NonZeroU64::new(before).map(Position), offset, len })
    }

    /// Fills `out` with the first bytes of a record's operation.
    pub(super) fn read_operation(&self, record: &Record, out: &mut [u8]) {
        self.read(record.offset + HEADER_BYTES as u64, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(backlog: &Backlog, position: Position) -> Option<Vec<u8>> {
        let shard = backlog.shard(position);
        let record = shard.record(position)?;
        let mut out = vec![0; record.len];
        shard.read_operation(&record, &mut out);
        Some(out)
    }

    /// Pushes so many operations of a hundred bytes of one slot.
    fn push(backlog: &Backlog, from: u8, count: u8) -> Vec<Position> {
        let mut before = None;
        let mut next = |number: u8| {
            before = backlog.push(before, &[number; 100]);
            before.unwrap()
        };
        (from..from + count).map(&mut next).collect()
    }

    #[test]
    fn a_record_is_there_as_long_as_no_more_than_the_bound_came_behind_it() {
        let backlog = Backlog::new(SHARDS << 10);
        let positions = push(&backlog, 0, 100);
        let there = positions.iter().filter(|position| operation(&backlog, **position).is_some()).count();
        assert_eq!(there, 1024 / (HEADER_BYTES + 100));
        for (number, position) in positions.iter().enumerate().skip(100 - there) {
            assert_eq!(operation(&backlog, *position), Some(vec![u8::try_from(number).unwrap(); 100]));
            let before = backlog.shard(*position).record(*position).unwrap().before;
            assert_eq!(before, Some(positions[number - 1]));
        }
    }

    #[test]
    fn another_bound_keeps_the_newest_that_are_within_it() {
        let backlog = Backlog::new(SHARDS << 20);
        let positions = push(&backlog, 0, 50);
        backlog.set_max(SHARDS << 10);
        let more = backlog.push(positions.last().copied(), &[50; 100]).unwrap();
        let there = |position: &Position| operation(&backlog, *position).is_some();
        assert_eq!(positions.iter().filter(|position| there(position)).count(), 8, "and the one more");
        assert!(positions[42..].iter().all(there) && there(&more));
        backlog.set_max(0);
        assert!(backlog.push(Some(more), &[51; 100]).is_none() && !there(&more));
    }

    #[test]
    fn a_buffer_grows_and_loses_nothing_by_that() {
        let backlog = Backlog::new(SHARDS << 20);
        let mut positions = Vec::new();
        for number in 0..5000u32 {
            let last = positions.last().copied();
            positions.push(backlog.push(last, &number.to_le_bytes().repeat(20)).unwrap());
        }
        for (number, position) in (0u32..).zip(&positions) {
            assert_eq!(operation(&backlog, *position), Some(number.to_le_bytes().repeat(20)));
        }
        assert_eq!(backlog.shard(positions[0]).buffer.len(), 512 << 10);
    }

    #[test]
    fn what_is_larger_than_a_shard_is_not_kept_and_drops_nothing() {
        let backlog = Backlog::new(SHARDS << 20);
        let positions = push(&backlog, 0, 3);
        assert_eq!(backlog.push(positions.last().copied(), &vec![0; 1 << 20]), None);
        assert_eq!(operation(&backlog, positions[0]), Some(vec![0; 100]));
    }
}
