//! The latest operations of a slot, kept so that an entry that missed some gets them one by one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringmaster_protocol::extension::Operation;
use ringmaster_protocol::slot::SLOT_COUNT;
use ringmaster_protocol::view::Version;

/// Bytes that a slot may keep even when the node's budget is used up, at most.
const SLOT_BYTES_MIN: usize = 4 << 10;

/// Bytes of operations in one answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What an operation costs beside its effects.
const OPERATION_BYTES: usize = 96;

/// A bound in bytes over all slots of a node.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    max: AtomicUsize,
    slot_min: AtomicUsize,
}

impl Budget {
    /// A bound of so many bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let slot_min = AtomicUsize::new(SLOT_BYTES_MIN);
        Self { used: AtomicUsize::new(0), max: AtomicUsize::new(max), slot_min }
    }

    /// Other bytes are the bound from now on: what all slots may keep when it is used up is within it.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
        self.slot_min.store(SLOT_BYTES_MIN.min(max / SLOT_COUNT), Ordering::Relaxed);
    }

    fn slot_min(&self) -> usize {
        self.slot_min.load(Ordering::Relaxed)
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sub(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether so many more are too many.
    pub(super) fn is_short_of(&self, bytes: usize) -> bool {
        self.used() + bytes > self.max.load(Ordering::Relaxed)
    }
}

/// What an operation costs to keep.
pub(super) fn cost(operation: &Operation) -> usize {
    OPERATION_BYTES + operation.effects.len()
}

/// The latest operations of one slot, each following the one before.
#[derive(Debug, Default)]
pub(super) struct Recent {
    operations: VecDeque<Operation>,
    bytes: usize,
}

impl Recent {
    /// Keeps an operation; drops the oldest where there is no room.
    pub(super) fn push(&mut self, operation: Operation, budget: &Budget) {
        if self.operations.back().is_some_and(|last| last.new != operation.previous) {
            self.clear(budget);
        }
        let bytes = cost(&operation);
        self.bytes += bytes;
        budget.add(bytes);
        self.operations.push_back(operation);
        while budget.is_short_of(0) && self.bytes > budget.slot_min() {
            let Some(oldest) = self.operations.pop_front() else { return };
            self.bytes -= cost(&oldest);
            budget.sub(cost(&oldest));
        }
    }

    /// The operations after version `after`, oldest first, as many as fit an answer; `None` if the first of them is not
    /// kept.
    pub(super) fn after(&self, after: Version) -> Option<Vec<Operation>> {
        let first = self.operations.iter().position(|operation| operation.previous == after)?;
        let mut bytes = 0;
        let fits = |operation: &&Operation| {
            bytes += cost(operation);
            bytes <= ANSWER_BYTES_MAX
        };
        let rest = self.operations.iter().skip(first);
        let all: Vec<Operation> = rest.clone().take_while(fits).cloned().collect();
        // One that is larger than an answer goes alone.
        Some(if all.is_empty() { rest.take(1).cloned().collect() } else { all })
    }

    /// Forgets all.
    pub(super) fn clear(&mut self, budget: &Budget) {
        budget.sub(self.bytes);
        *self = Self::default();
    }
}
