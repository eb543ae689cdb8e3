//! The latest operations of a slot, kept so that an entry that missed some gets them one by one.
//!
//! ```text
//!          start                        end
//! | free    | length | operation | … |    free |      a record: 4 bytes of length, the operation as it goes over
//!                                                    the wire, padding to 4 bytes; it may go on at the begin
//! ```
//! Each write of a chain comes by here, mostly at another slot than the one before: so a slot has one buffer that is
//! written over again and again, and no object for each operation.

use ringmaster_protocol::extension::{Operation, Passing};
use ringmaster_protocol::view::Version;

use super::budget::Budget;

/// Bytes of operations in one answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Bytes that a slot may keep, but for an operation that is larger: they are moved when there are to be more.
const SLOT_BYTES_MAX: usize = 16 << 20;

/// Bytes of the smallest buffer.
const CAPACITY_MIN: usize = 256;

/// Bytes of a record's length.
const LENGTH_BYTES: usize = 4;

/// Bytes of the longest version: two varints.
const VERSION_BYTES_MAX: usize = 20;

/// The latest operations of one slot, each following the one before.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Recent {
    /// A power of two of bytes, or none.
    buffer: Box<[u8]>,
    /// Where the oldest record begins.
    start: u32,
    /// Bytes of all records.
    used: u32,
    /// Version after the newest.
    last: Version,
}

/// Bytes of a record of an operation of so many.
fn record_bytes(operation: usize) -> usize {
    LENGTH_BYTES + operation.next_multiple_of(LENGTH_BYTES)
}

/// The largest power of two that is not above `bytes`; 0 for 0.
fn power_below(bytes: usize) -> usize {
    bytes.checked_ilog2().map_or(0, |log| 1 << log)
}

#[expect(clippy::cast_possible_truncation, reason = "no message, and so no buffer, has 2^32 bytes")]
fn place(bytes: usize) -> u32 {
    bytes as u32
}

impl Recent {
    /// Keeps an operation; drops the oldest where there is no room.
    #[inline]
    pub(super) fn push(&mut self, operation: &Passing<'_>, budget: &Budget) {
        if self.last != operation.previous {
            (self.start, self.used) = (0, 0);
        }
        self.last = operation.new;
        let encoded = operation.encoded();
        let bytes = record_bytes(encoded.len());
        let is_over = self.buffer.len() > budget.slot_min() && budget.is_short_of(0);
        if (is_over || bytes > self.free()) && !self.make_room(bytes, budget) {
            // What was before it is of no use without it.
            (self.start, self.used) = (0, 0);
            return;
        }
        let end = self.start as usize + self.used as usize;
        self.write(end, &place(encoded.len()).to_le_bytes());
        self.write(end + LENGTH_BYTES, encoded);
        self.used += place(bytes);
    }

    fn free(&self) -> usize {
        self.buffer.len() - self.used as usize
    }

    /// Where in the buffer the place lies that is so far behind its begin.
    fn wrapped(&self, at: usize) -> usize {
        at & (self.buffer.len() - 1)
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let at = self.wrapped(at);
        let first = bytes.len().min(self.buffer.len() - at);
        self.buffer[at..at + first].copy_from_slice(&bytes[..first]);
        self.buffer[..bytes.len() - first].copy_from_slice(&bytes[first..]);
    }

    fn read(&self, at: usize, out: &mut [u8]) {
        let at = self.wrapped(at);
        let first = out.len().min(self.buffer.len() - at);
        let (front, back) = out.split_at_mut(first);
        front.copy_from_slice(&self.buffer[at..at + first]);
        back.copy_from_slice(&self.buffer[..back.len()]);
    }

    /// Bytes of the operation of the record at `at`.
    fn len_at(&self, at: usize) -> usize {
        let mut len = [0; LENGTH_BYTES];
        self.read(at, &mut len);
        u32::from_le_bytes(len) as usize
    }

    fn drop_oldest(&mut self) {
        let bytes = record_bytes(self.len_at(self.start as usize));
        self.start = place(self.wrapped(self.start as usize + bytes));
        self.used -= place(bytes);
    }

    /// Makes room for a record, if it can have any.
    #[inline(never)]
    fn make_room(&mut self, bytes: usize, budget: &Budget) -> bool {
        let least = budget.slot_min();
        if self.buffer.len() > least && budget.is_short_of(0) {
            self.resize((self.buffer.len() / 2).max(power_below(least)), budget);
        }
        if bytes > self.free() {
            self.grow(bytes, budget);
        }
        if bytes > self.buffer.len() {
            return false;
        }
        while bytes > self.free() {
            self.drop_oldest();
        }
        true
    }

    /// Gets a larger buffer, for so many bytes more or at least for them alone, if it may.
    fn grow(&mut self, bytes: usize, budget: &Budget) {
        let alone = bytes.next_power_of_two().max(CAPACITY_MIN.min(power_below(budget.slot_min())));
        let all = (self.used as usize + bytes).next_power_of_two().min(SLOT_BYTES_MAX);
        let has = self.buffer.len();
        let may = |capacity: &usize| {
            *capacity > has && (*capacity <= budget.slot_min() || !budget.is_short_of(*capacity - has))
        };
        if let Some(capacity) = [all.max(alone), alone].into_iter().find(may) {
            self.resize(capacity, budget);
        }
    }

    /// Moves the newest operations, as many as fit, to a buffer of so many bytes.
    fn resize(&mut self, capacity: usize, budget: &Budget) {
        while self.used as usize > capacity {
            self.drop_oldest();
        }
        let mut buffer = vec![0; capacity].into_boxed_slice();
        if self.used > 0 {
            self.read(self.start as usize, &mut buffer[..self.used as usize]);
        }
        budget.sub(self.buffer.len());
        budget.add(capacity);
        (self.buffer, self.start) = (buffer, 0);
    }

    /// The operations after version `after`, oldest first, as many as fit an answer; `None` if the first of them is not
    /// kept.
    pub(super) fn after(&self, after: Version) -> Option<Vec<Operation>> {
        let end = self.start as usize + self.used as usize;
        let mut at = self.start as usize;
        while at < end && !self.follows(at, after) {
            at += record_bytes(self.len_at(at));
        }
        let mut operations = Vec::new();
        let mut room = ANSWER_BYTES_MAX;
        while at < end {
            let bytes = self.len_at(at);
            // One that is larger than an answer goes alone.
            if bytes > room && !operations.is_empty() {
                break;
            }
            operations.extend(self.operation_at(at));
            room = room.saturating_sub(bytes);
            at += record_bytes(bytes);
        }
        (!operations.is_empty()).then_some(operations)
    }

    /// Whether the operation at `at` is the one after this version.
    fn follows(&self, at: usize, after: Version) -> bool {
        let mut begin = [0; VERSION_BYTES_MAX];
        let begin = &mut begin[..VERSION_BYTES_MAX.min(self.len_at(at))];
        self.read(at + LENGTH_BYTES, begin);
        Passing::previous_of(begin) == Some(after)
    }

    fn operation_at(&self, at: usize) -> Option<Operation> {
        let mut encoded = vec![0; self.len_at(at)];
        self.read(at + LENGTH_BYTES, &mut encoded);
        Passing::read(&encoded).map(|operation| operation.kept())
    }

    /// Addresses of what the next push writes to, to prefetch.
    #[inline]
    pub(super) fn next_lines(&self) -> Option<[*const u8; 2]> {
        if self.buffer.is_empty() {
            return None;
        }
        let end = self.wrapped(self.start as usize + self.used as usize);
        let line = |at: usize| self.buffer.as_ptr().wrapping_add(self.wrapped(at));
        Some([line(end), line(end + 64)])
    }

    /// Forgets all.
    pub(super) fn clear(&mut self, budget: &Budget) {
        budget.sub(self.buffer.len());
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ringmaster_protocol::slot::SLOT_COUNT;
    use ringmaster_protocol::view::Epoch;
    use std::collections::VecDeque;

    fn at(n: u64) -> Version {
        Version { changed: Epoch(3), n }
    }

    /// All operations since the last gap.
    #[derive(Default)]
    struct Model(VecDeque<Operation>);

    impl Model {
        fn push(&mut self, operation: &Operation) {
            if self.0.back().is_some_and(|last| last.new != operation.previous) {
                self.0.clear();
            }
            self.0.push_back(operation.clone());
        }
    }

    struct Slot {
        recent: Recent,
        model: Model,
        n: u64,
    }

    impl Slot {
        fn new() -> Self {
            Self { recent: Recent::default(), model: Model::default(), n: 0 }
        }

        fn push(&mut self, effects: usize, gap: u64, budget: &Budget) {
            self.n += gap;
            let effects = vec![u8::try_from(self.n % 251).unwrap(); effects].into();
            let operation = Operation { previous: at(self.n), new: at(self.n + 1), time: 1 << 41, effects };
            self.n += 1;
            self.recent.push(&operation.passing(&mut Vec::new()), budget);
            self.model.push(&operation);
        }

        /// What is kept are the newest operations of the model, and no fewer than fit `least` bytes.
        fn check(&self, least: usize) {
            let bytes =
                |operation: &Operation| record_bytes(operation.passing(&mut Vec::new()).encoded().len());
            let (mut room, mut is_kept) = (power_below(least), true);
            for (age, operation) in self.model.0.iter().enumerate().rev() {
                room = room.saturating_sub(bytes(operation));
                let found = self.recent.after(operation.previous);
                assert!(found.is_some() || room == 0, "one of the newest is lost");
                assert!(found.is_none() || is_kept, "one is kept behind one that is not");
                is_kept = found.is_some();
                let expected = || self.model.0.iter().skip(age).cloned().collect::<Vec<_>>();
                assert!(found.is_none_or(|found| found == expected()[..found.len()]));
            }
            assert_eq!(self.recent.after(at(self.n)), None, "nothing is after the newest");
        }
    }

    proptest! {
        #[test]
        fn the_newest_are_kept_in_order(
            pushes in proptest::collection::vec((0usize..3, 0usize..400, 0u64..30, prop::bool::weighted(0.1)), 1..80),
            max in 0usize..20_000,
        ) {
            let budget = Budget::new(max * SLOT_COUNT);
            budget.set_max(max * SLOT_COUNT);
            let mut slots = [Slot::new(), Slot::new(), Slot::new()];
            for (slot, effects, gap, is_short) in pushes {
                // Others take what there is, and give it back.
                let others = if is_short { 2 * max * SLOT_COUNT } else { 0 };
                budget.add(others);
                slots[slot].push(effects, if gap == 0 { 1 } else { 0 }, &budget);
                slots[slot].check(budget.slot_min());
                budget.sub(others);
                prop_assert_eq!(budget.used(), slots.iter().map(|slot| slot.recent.buffer.len()).sum::<usize>());
            }
            slots.iter_mut().for_each(|slot| slot.recent.clear(&budget));
            prop_assert_eq!(budget.used(), 0);
        }
    }

    #[test]
    fn a_slot_keeps_its_least_where_all_others_have_taken_the_rest_and_more_where_they_have_not() {
        let (mut slot, budget) = (Slot::new(), Budget::new(1 << 20));
        budget.add(1 << 20);
        (0..1000).for_each(|_| slot.push(100, 0, &budget));
        slot.check(budget.slot_min());
        assert_eq!(slot.recent.buffer.len(), budget.slot_min());
        budget.sub(1 << 20);
        (0..1000).for_each(|_| slot.push(100, 0, &budget));
        assert_eq!(slot.recent.after(at(1000)).unwrap().len(), 1000);
        budget.add(1 << 20);
        (0..100).for_each(|_| slot.push(100, 0, &budget));
        assert_eq!(slot.recent.buffer.len(), budget.slot_min(), "it gives back what others need");
        slot.check(budget.slot_min());
    }

    #[test]
    fn one_that_is_larger_than_an_answer_goes_alone_and_one_without_room_ends_what_is_kept() {
        let (mut slot, budget) = (Slot::new(), Budget::new(8 << 20));
        [10, 2 << 20, 10, 10].into_iter().for_each(|bytes| slot.push(bytes, 0, &budget));
        let lens = |slot: &Slot, n| slot.recent.after(at(n)).map(|all| all.len());
        assert_eq!((lens(&slot, 0), lens(&slot, 1), lens(&slot, 2)), (Some(1), Some(1), Some(2)));
        slot.push(9 << 20, 0, &budget);
        slot.push(10, 0, &budget);
        assert_eq!((lens(&slot, 2), lens(&slot, 4), lens(&slot, 5)), (None, None, Some(1)));
    }
}
