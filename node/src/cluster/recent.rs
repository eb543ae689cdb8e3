//! The latest operations of a slot, as the [`Backlog`] of its node has them.

use ringmaster_protocol::extension::{Operation, Passing};
use ringmaster_protocol::view::Version;

use super::backlog::{Backlog, Position, Record, Shard};

/// Bytes of operations in one answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Bytes of the longest version: two varints.
const VERSION_BYTES_MAX: usize = 20;

/// The latest operations of one slot, each following the one before.
#[derive(Debug, Default)]
pub(super) struct Recent {
    newest: Option<Position>,
    /// Version after the newest.
    last: Version,
}

impl Recent {
    /// Keeps an operation. What was before it is of no use where it does not follow.
    #[inline]
    pub(super) fn push(&mut self, operation: &Passing<'_>, backlog: &Backlog) {
        let before = self.newest.filter(|_| self.last == operation.previous);
        *self = Self { newest: backlog.push(before, operation.encoded()), last: operation.new };
    }

    /// The operations after version `after`, oldest first, as many as fit an answer; `None` if the first of them is not
    /// kept.
    pub(super) fn after(&self, after: Version, backlog: &Backlog) -> Option<Vec<Operation>> {
        let shard = backlog.shard(self.newest?);
        let mut records = Vec::new();
        let mut next = self.newest;
        loop {
            let record = shard.record(next?)?;
            next = record.before;
            let is_first = follows(&shard, &record, after);
            records.push(record);
            if is_first {
                break;
            }
        }
        let mut room = ANSWER_BYTES_MAX;
        let mut operations = Vec::new();
        for record in records.iter().rev() {
            // One that is larger than an answer goes alone.
            if record.len > room && !operations.is_empty() {
                break;
            }
            operations.extend(operation(&shard, record));
            room = room.saturating_sub(record.len);
        }
        Some(operations)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Whether the operation of a record is the one after this version.
fn follows(shard: &Shard, record: &Record, after: Version) -> bool {
    let mut begin = [0; VERSION_BYTES_MAX];
    let begin = &mut begin[..VERSION_BYTES_MAX.min(record.len)];
    shard.read_operation(record, begin);
    Passing::previous_of(begin) == Some(after)
}

fn operation(shard: &Shard, record: &Record) -> Option<Operation> {
    let mut encoded = vec![0; record.len];
    shard.read_operation(record, &mut encoded);
    Passing::read(&encoded).map(|operation| operation.kept())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
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

    #[derive(Default)]
    struct Slot {
        recent: Recent,
        model: Model,
        n: u64,
    }

    impl Slot {
        fn push(&mut self, effects: usize, gap: u64, backlog: &Backlog) {
            self.n += gap;
            let effects = vec![u8::try_from(self.n % 251).unwrap(); effects].into();
            let operation = Operation { previous: at(self.n), new: at(self.n + 1), time: 1 << 41, effects };
            self.n += 1;
            self.recent.push(&operation.passing(&mut Vec::new()), backlog);
            self.model.push(&operation);
        }

        /// What is kept are the newest operations of the model, in their order: how many.
        fn check(&self, backlog: &Backlog) -> usize {
            let (mut kept, mut is_kept) = (0, true);
            for (age, operation) in self.model.0.iter().enumerate().rev() {
                let found = self.recent.after(operation.previous, backlog);
                assert!(found.is_none() || is_kept, "one is kept behind one that is not");
                is_kept = found.is_some();
                kept += usize::from(is_kept);
                let expected = || self.model.0.iter().skip(age).cloned().collect::<Vec<_>>();
                assert!(found.is_none_or(|found| !found.is_empty() && found == expected()[..found.len()]));
            }
            assert_eq!(self.recent.after(at(self.n), backlog), None, "nothing is after the newest");
            kept
        }
    }

    proptest! {
        #[test]
        fn the_newest_are_kept_in_order(
            pushes in proptest::collection::vec((0usize..20, 0usize..400, 0u64..30, 0usize..200), 1..120),
            max in 0usize..40_000,
        ) {
            let backlog = Backlog::new(max);
            let mut slots: Vec<Slot> = std::iter::repeat_with(Slot::default).take(20).collect();
            for (slot, effects, gap, bound) in pushes {
                slots[slot].push(effects, u64::from(gap == 0), &backlog);
                slots[slot].check(&backlog);
                if bound < 10 {
                    backlog.set_max(bound * 5000);
                }
            }
            for slot in &mut slots {
                slot.check(&backlog);
                slot.recent.clear();
                prop_assert_eq!(slot.recent.after(at(0), &backlog), None);
            }
        }
    }

    #[test]
    fn as_many_are_kept_as_the_bound_has_room_for() {
        let (mut slot, backlog) = (Slot::default(), Backlog::new(16 << 20));
        (0..1000).for_each(|_| slot.push(100, 0, &backlog));
        assert_eq!(slot.check(&backlog), 1000);
        backlog.set_max(16 << 10);
        slot.push(100, 0, &backlog);
        assert!((5..=10).contains(&slot.check(&backlog)));
    }

    #[test]
    fn one_that_is_larger_than_an_answer_goes_alone_and_one_without_room_ends_what_is_kept() {
        let (mut slot, backlog) = (Slot::default(), Backlog::new(64 << 20));
        [10, 2 << 20, 10, 10].into_iter().for_each(|bytes| slot.push(bytes, 0, &backlog));
        let lens = |slot: &Slot, n| slot.recent.after(at(n), &backlog).map(|all| all.len());
        assert_eq!((lens(&slot, 0), lens(&slot, 1), lens(&slot, 2)), (Some(1), Some(1), Some(2)));
        slot.push(5 << 20, 0, &backlog);
        slot.push(10, 0, &backlog);
        assert_eq!((lens(&slot, 2), lens(&slot, 4), lens(&slot, 5)), (None, None, Some(1)));
    }
}
