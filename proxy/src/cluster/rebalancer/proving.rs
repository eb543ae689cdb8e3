//! R11: Proving that a joining entry has all that the tail could have shown.
//!
//! ```text
//! Version at the tail: v ─► Prove at the joiner ─ Done ─────────────────────────────► proven at v
//!                                │ At(w)
//!                                └─► Ring at the tail after w ─► Apply each ─ Done ─► proven at v or later
//!                                        │ Forgotten
//!                                        └─► Export ─► Import ─ Done ───────────────► proven at v or later
//! ```
//! All of it goes over connections attached at the view that is held: from the first question on the tail serves only
//! those who know the joiner.

use std::collections::VecDeque;

use ringmaster_protocol::extension::{Ask, Operation, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

use super::copying::{Next, Side};

/// A joining entry that lacks more than this is removed and gets its copy while it is no entry: a joining one holds up
/// the slot.
const COPY_BYTES_MAX: usize = 1 << 20;

/// Most rounds until it is given up for now.
const ROUNDS_MAX: u8 = 16;

/// One joining entry.
#[derive(Debug)]
pub(super) struct Proving {
    slot: HashSlot,
    /// Of the joining entry.
    since: Epoch,
    step: Step,
    /// The tail's version, once it is asked under the view that is held.
    version: Version,
    rounds: u8,
    /// Whether it lacks too much.
    is_too_far: bool,
}

#[derive(Debug)]
enum Step {
    Version,
    Prove,
    Ring,
    /// The rest, after the one that reaches this version.
    Apply(VecDeque<Operation>, Version),
    Export,
    Import,
}

impl Proving {
    /// Begins with the first question.
    #[must_use]
    pub(super) fn begin(slot: HashSlot, since: Epoch) -> (Self, Next) {
        let proving = Self {
            slot,
            since,
            step: Step::Version,
            version: Version::default(),
            rounds: 0,
            is_too_far: false,
        };
        (proving, Next::Ask(Side::Source, Ask::Version { slot }))
    }

    /// Whether the entry lacks so much that it is to be removed.
    #[must_use]
    pub(super) fn is_too_far(&self) -> bool {
        self.is_too_far
    }

    /// Goes on with an answer. [`Next::Done`]: the entry is proven.
    pub(super) fn said(&mut self, say: Say) -> Next {
        let (slot, since) = (self.slot, self.since);
        match (std::mem::replace(&mut self.step, Step::Version), say) {
            (Step::Version, Say::At(version)) => {
                (self.step, self.version) = (Step::Prove, version);
                self.rounds += 1;
                if self.rounds > ROUNDS_MAX {
                    return Next::Failed;
                }
                Next::Ask(Side::Newcomer, Ask::Prove { slot, since, version })
            }
            (Step::Prove | Step::Import, Say::Done) => Next::Done,
            (Step::Prove, Say::At(after)) => self.ring(after),
            (Step::Ring, Say::Operations(operations)) => self.apply(operations.into()),
            (Step::Ring, Say::Forgotten) => {
                self.step = Step::Export;
                Next::Ask(Side::Source, Ask::Export { slot })
            }
            // An answer is bounded: the last operation may not be the tail's last. Both numbers are of the tail's history.
            (Step::Apply(rest, last), Say::Done) if rest.is_empty() && last.n < self.version.n => {
                self.ring(last)
            }
            (Step::Apply(rest, _), Say::Done) if rest.is_empty() => Next::Done,
            (Step::Apply(rest, _), Say::Done) => self.apply(rest),
            (Step::Export, Say::Contents(contents)) if contents.effects.len() > COPY_BYTES_MAX => {
                self.is_too_far = true;
                Next::Failed
            }
            (Step::Export, Say::Contents(contents)) => {
                self.step = Step::Import;
                Next::Ask(Side::Newcomer, Ask::Import { slot, since, contents })
            }
            (Step::Apply(..) | Step::Import, Say::Behind(_) | Say::Gap(_) | Say::At(_)) => self.again(),
            _ => Next::Failed,
        }
    }

    /// Nothing to apply means that the two are equal, which only PROVE can tell the entry.
    fn apply(&mut self, mut operations: VecDeque<Operation>) -> Next {
        let Some(operation) = operations.pop_front() else { return self.again() };
        self.step = Step::Apply(operations, operation.new);
        Next::Ask(Side::Newcomer, Ask::Apply { slot: self.slot, since: self.since, operation })
    }

    fn ring(&mut self, after: Version) -> Next {
        self.step = Step::Ring;
        Next::Ask(Side::Source, Ask::Ring { slot: self.slot, after })
    }

    fn again(&mut self) -> Next {
        self.step = Step::Version;
        Next::Ask(Side::Source, Ask::Version { slot: self.slot })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ringmaster_protocol::extension::{Contents, History};

    const SLOT: HashSlot = HashSlot::new(5).unwrap();

    fn at(n: u64) -> Version {
        Version { changed: Epoch(1), n }
    }

    fn begun() -> Proving {
        let (mut proving, first) = Proving::begin(SLOT, Epoch(2));
        assert_eq!(first, Next::Ask(Side::Source, Ask::Version { slot: SLOT }));
        let prove = Ask::Prove { slot: SLOT, since: Epoch(2), version: at(9) };
        assert_eq!(proving.said(Say::At(at(9))), Next::Ask(Side::Newcomer, prove));
        proving
    }

    fn contents(len: usize) -> Say {
        let history = History::of_parts(at(9), Vec::new(), false).unwrap();
        let effects = Bytes::from(vec![0; len]);
        Say::Contents(Contents { changed: Epoch(2), born: Epoch(1), history, time: 0, effects })
    }

    #[test]
    fn an_equal_entry_is_proven_at_once() {
        assert_eq!(begun().said(Say::Done), Next::Done);
    }

    #[test]
    fn one_that_is_behind_gets_each_operation_in_order() {
        let mut proving = begun();
        assert_eq!(
            proving.said(Say::At(at(7))),
            Next::Ask(Side::Source, Ask::Ring { slot: SLOT, after: at(7) })
        );
        let operation = |n| Operation { previous: at(n), new: at(n + 1), time: 0, effects: Bytes::new() };
        let applies = |next: Next, n: u64| {
            let Next::Ask(Side::Newcomer, Ask::Apply { operation, .. }) = next else { panic!("{next:?}") };
            assert_eq!(operation.new, at(n));
        };
        applies(proving.said(Say::Operations(vec![operation(7), operation(8)])), 8);
        applies(proving.said(Say::Done), 9);
        assert_eq!(proving.said(Say::Done), Next::Done);
        let mut proving = begun();
        proving.said(Say::At(at(7)));
        applies(proving.said(Say::Operations(vec![operation(7)])), 8);
        let rest = Next::Ask(Side::Source, Ask::Ring { slot: SLOT, after: at(8) });
        assert_eq!(proving.said(Say::Done), rest, "an answer that was cut is no proof");
    }

    #[test]
    fn one_that_others_have_brought_further_is_asked_again() {
        let mut proving = begun();
        proving.said(Say::At(at(9)));
        assert_eq!(
            proving.said(Say::Operations(Vec::new())),
            Next::Ask(Side::Source, Ask::Version { slot: SLOT })
        );
    }

    #[test]
    fn a_small_slot_is_copied_and_a_large_one_is_too_far() {
        let mut proving = begun();
        proving.said(Say::At(at(1)));
        proving.said(Say::Forgotten);
        assert!(matches!(proving.said(contents(10)), Next::Ask(Side::Newcomer, Ask::Import { .. })));
        assert_eq!(proving.said(Say::Done), Next::Done);
        let mut proving = begun();
        proving.said(Say::At(at(1)));
        proving.said(Say::Forgotten);
        assert_eq!(proving.said(contents(COPY_BYTES_MAX + 1)), Next::Failed);
        assert!(proving.is_too_far());
    }

    #[test]
    fn a_refusal_proves_nothing() {
        assert_eq!(begun().said(Say::Stale(Epoch(3))), Next::Failed);
        assert_eq!(Proving::begin(SLOT, Epoch(2)).0.said(Say::Fenced(Epoch(4))), Next::Failed);
    }
}
