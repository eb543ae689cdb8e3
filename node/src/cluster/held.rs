//! The reorder buffer of a slot: operations that came before those that they follow, and questions that wait for an
//! operation.

use std::time::Duration;

use ringmaster_protocol::extension::Operation;
use ringmaster_protocol::view::{Epoch, Version};

use super::budget::Budget;

/// Time until the lowest of what is held is told that operations before it are missing.
pub(super) const BEHIND_AFTER: Duration = Duration::from_millis(5);

/// Time until what is held is told that they did not come.
pub(super) const GAP_AFTER: Duration = Duration::from_millis(50);

/// What an operation costs beside its effects.
const OPERATION_BYTES: usize = 96;

/// Names a question, so that its answer finds the one who asked. Its meaning is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something that waits for operations to come.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) ticket: Ticket,
    /// Epoch at which its connection is attached.
    pub(super) attached: Epoch,
    pub(super) arrived: Duration,
    pub(super) what: Waits,
}

#[derive(Debug)]
pub(super) enum Waits {
    /// An operation whose predecessor is missing.
    Operation(Operation),
    /// A question for this version.
    Version(Version),
}

impl Held {
    /// The version that it brings or waits for.
    pub(super) fn version(&self) -> Version {
        match &self.what {
            Waits::Operation(operation) => operation.new,
            Waits::Version(version) => *version,
        }
    }

    fn cost(&self) -> usize {
        match &self.what {
            Waits::Operation(operation) => OPERATION_BYTES + operation.effects.len(),
            Waits::Version(_) => size_of::<Self>(),
        }
    }
}

/// All that waits at one slot.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// Boxed: nearly always nothing is held, and that is asked with every operation.
    #[expect(clippy::box_collection, reason = "a thin pointer for the many that hold nothing")]
    held: Option<Box<Vec<Held>>>,
}

impl Buffer {
    /// Holds one more; gives it back where there is no room.
    pub(super) fn push(&mut self, held: Held, budget: &Budget) -> Result<(), Held> {
        if budget.is_short_of(held.cost()) {
            return Err(held);
        }
        budget.add(held.cost());
        self.held.get_or_insert_default().push(held);
        Ok(())
    }

    /// All, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().flat_map(|held| held.iter())
    }

    /// Takes out the one at this place.
    pub(super) fn take_at(&mut self, place: usize, budget: &Budget) -> Held {
        let all = self.held.get_or_insert_default();
        let held = all.remove(place);
        if all.is_empty() {
            self.held = None;
        }
        budget.sub(held.cost());
        held
    }

    /// The lowest of what is held: all behind it wait for what it waits for.
    fn lowest(&self) -> Option<&Held> {
        self.iter().min_by_key(|held| (held.version().n, held.version().changed))
    }

    /// Takes out who is to be told at `now` that operations are missing: the lowest, after a while.
    pub(super) fn take_due(&mut self, now: Duration, budget: &Budget) -> Option<Held> {
        let ticket = self.lowest().filter(|held| due_at(held) <= now)?.ticket;
        let place = self.iter().position(|held| held.ticket == ticket)?;
        Some(self.take_at(place, budget))
    }

    /// When [`Buffer::take_due`] has the next.
    pub(super) fn due_at(&self) -> Option<Duration> {
        self.lowest().map(due_at)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_none()
    }
}

/// An operation is told soon: operations that left the head before it are likely on their way, and if not the ring of
/// the entry before has them. A question waits for its operation as long as that may take.
fn due_at(held: &Held) -> Duration {
    match held.what {
        Waits::Operation(_) => held.arrived + BEHIND_AFTER,
        Waits::Version(_) => held.arrived + GAP_AFTER,
    }
}
