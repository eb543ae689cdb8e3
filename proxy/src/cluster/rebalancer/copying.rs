//! Copying a slot to a node that is no entry of its chain yet.
//!
//! ```text
//! Report at the newcomer ─► Ring at the tail ─► StageMore ─► Ring ─► ... ─► little was missing: ready to be appended
//!                                │ Forgotten         │ At: they do not follow
//!                                └──────► Export ◄───┘ ─► Stage ─► Ring
//! ```
//! A newcomer that has the slot already, as after a clean restart, is asked two questions and copies nothing.

use ringmaster_protocol::extension::{Ask, Report, Say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

/// So few operations and bytes behind, a newcomer follows within milliseconds.
const NEAR: (usize, usize) = (64, 256 << 10);

/// Most rounds of catching up; a slot that is written faster is tried again later.
const ROUNDS_MAX: u8 = 64;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The tail of the chain.
    Source,
    /// The node that is to have the slot.
    Newcomer,
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This question.
    Ask(Side, Ask),
    /// A copy of the whole slot, as soon as it may be made.
    Copy,
    /// Nothing: it is done.
    Done,
    /// It did not work out; later again.
    Failed,
}

/// One slot on its way.
#[derive(Debug)]
pub(super) struct Copying {
    slot: HashSlot,
    born: Epoch,
    step: Step,
    rounds: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Look,
    Follow,
    /// With operations up to this version; whether that was all but nothing.
    More(Version, bool),
    Waiting,
    Export,
    Stage(Version),
}

impl Copying {
    /// Begins with the first question. `born`: the chain's.
    #[must_use]
    pub(super) fn begin(slot: HashSlot, born: Epoch) -> (Self, Next) {
        let ask = Ask::Report { slots: vec![slot] };
        (Self { slot, born, step: Step::Look, rounds: 0 }, Next::Ask(Side::Newcomer, ask))
    }

    /// Whether the whole slot is under way.
    #[must_use]
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.step, Step::Export | Step::Stage(_))
    }

    /// The whole slot may be copied now.
    pub(super) fn copy(&mut self) -> Next {
        self.step = Step::Export;
        Next::Ask(Side::Source, Ask::Export { slot: self.slot })
    }

    /// Goes on with an answer; the bytes of a whole slot are counted by `spend`.
    pub(super) fn said(&mut self, say: Say, spend: impl FnOnce(usize)) -> Next {
        match (self.step, say) {
            (Step::Look, Say::Reports(reports)) => self.looked(&reports),
            (Step::Follow, Say::Operations(operations)) if operations.is_empty() => Next::Done,
            (Step::Follow, Say::Operations(operations)) => {
                let last = operations[operations.len() - 1].new;
                let bytes: usize = operations.iter().map(|operation| operation.effects.len()).sum();
                self.step = Step::More(last, operations.len() <= NEAR.0 && bytes <= NEAR.1);
                Next::Ask(Side::Newcomer, Ask::StageMore { slot: self.slot, operations })
            }
            (Step::Follow, Say::Forgotten) | (Step::More(..), Say::At(_)) => self.wait(),
            (Step::More(_, true), Say::Done) => Next::Done,
            (Step::More(last, false) | Step::Stage(last), Say::Done) => self.follow(last),
            (Step::Export, Say::Contents(contents)) => {
                spend(contents.effects.len());
                self.step = Step::Stage(contents.history.version());
                Next::Ask(Side::Newcomer, Ask::Stage { slot: self.slot, contents })
            }
            _ => Next::Failed,
        }
    }

    fn looked(&mut self, reports: &[Report]) -> Next {
        match reports {
            [report] if report.slot == self.slot && report.born == self.born => {
                self.follow(report.history.version())
            }
            [_] => self.wait(),
            _ => Next::Failed,
        }
    }

    fn follow(&mut self, after: Version) -> Next {
        self.rounds += 1;
        if self.rounds > ROUNDS_MAX {
            return Next::Failed;
        }
        self.step = Step::Follow;
        Next::Ask(Side::Source, Ask::Ring { slot: self.slot, after })
    }

    fn wait(&mut self) -> Next {
        self.rounds += 1;
        if self.rounds > ROUNDS_MAX {
            return Next::Failed;
        }
        self.step = Step::Waiting;
        Next::Copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ringmaster_protocol::extension::{Contents, History, Operation};

    const SLOT: HashSlot = HashSlot::new(5).unwrap();

    fn at(n: u64) -> Version {
        Version { changed: Epoch(1), n }
    }

    fn report(born: u64, n: u64) -> Say {
        let history = History::of_parts(at(n), Vec::new(), false).unwrap();
        Say::Reports(vec![Report { slot: SLOT, born: Epoch(born), history, proven: Epoch(0) }])
    }

    fn operations(after: u64, count: u64) -> Say {
        let operation = |n| Operation { previous: at(n), new: at(n + 1), time: 0, effects: Bytes::new() };
        Say::Operations((after..after + count).map(operation).collect())
    }

    fn contents(n: u64) -> Say {
        let history = History::of_parts(at(n), Vec::new(), false).unwrap();
        let effects = Bytes::from_static(b"12345");
        Say::Contents(Contents { changed: Epoch(1), born: Epoch(1), history, time: 0, effects })
    }

    fn begin() -> Copying {
        Copying::begin(SLOT, Epoch(1)).0
    }

    fn ring_after(n: u64) -> Next {
        Next::Ask(Side::Source, Ask::Ring { slot: SLOT, after: at(n) })
    }

    #[test]
    fn a_newcomer_that_has_the_slot_copies_nothing() {
        let mut copying = begin();
        assert_eq!(copying.said(report(1, 7), |_| ()), ring_after(7));
        assert_eq!(copying.said(operations(7, 0), |_| ()), Next::Done);
    }

    #[test]
    fn one_that_is_behind_gets_what_is_missing() {
        let mut copying = begin();
        copying.said(report(1, 7), |_| ());
        let more = copying.said(operations(7, 100), |_| ());
        assert!(matches!(more, Next::Ask(Side::Newcomer, Ask::StageMore { .. })));
        assert_eq!(copying.said(Say::Done, |_| ()), ring_after(107));
        copying.said(operations(107, 3), |_| ());
        assert_eq!(copying.said(Say::Done, |_| ()), Next::Done);
    }

    #[test]
    fn one_of_another_birth_or_too_far_behind_gets_the_whole_slot() {
        for (born, ring) in [(9, None), (1, Some(Say::Forgotten))] {
            let mut copying = begin();
            let mut next = copying.said(report(born, 7), |_| ());
            if let Some(ring) = ring {
                next = copying.said(ring, |_| ());
            }
            assert_eq!(next, Next::Copy);
            assert_eq!(copying.copy(), Next::Ask(Side::Source, Ask::Export { slot: SLOT }));
            let mut spent = 0;
            let stage = copying.said(contents(9), |bytes| spent = bytes);
            assert!(matches!(stage, Next::Ask(Side::Newcomer, Ask::Stage { .. })));
            assert_eq!((spent, copying.is_whole()), (5, true));
            assert_eq!(copying.said(Say::Done, |_| ()), ring_after(9));
        }
    }

    #[test]
    fn what_is_refused_is_tried_later() {
        assert_eq!(begin().said(Say::Stale(Epoch(3)), |_| ()), Next::Failed);
        let mut copying = begin();
        copying.said(report(1, 7), |_| ());
        assert_eq!(copying.said(Say::Fenced(Epoch(3)), |_| ()), Next::Failed);
    }

    #[test]
    fn a_slot_that_is_written_too_fast_is_given_up_after_a_while() {
        let mut copying = begin();
        copying.said(report(1, 0), |_| ());
        let mut n = 0;
        let rounds = (0..).take_while(|_| {
            copying.said(operations(n, 100), |_| ());
            n += 100;
            copying.said(Say::Done, |_| ()) != Next::Failed
        });
        assert!(rounds.count() < usize::from(ROUNDS_MAX));
    }
}
