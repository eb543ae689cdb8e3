//! The commands of one slot, in the order in which they came.

use std::collections::VecDeque;
use std::time::Duration;

use ringmaster_protocol::view::Epoch;

use super::RETRY;
use super::operation::{Active, State};
use super::repair::Repair;

/// What is under way to one slot.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) commands: VecDeque<Active>,
    pub(super) repair: Option<Repair>,
    /// Rises when a command was refused: those behind it on the way will be, too, and none may overtake them.
    pub(super) tries: u64,
    /// When all of its commands were looked at.
    seen_whole_at: Duration,
}

/// Commands at the front of a line that are looked at whenever something happens in it; a few times as many as may be
/// under way.
pub(super) const FRONT: usize = 512;

impl Line {
    /// Whether it is time to look at all commands, not only those at the front.
    pub(super) fn is_to_be_seen_whole(&mut self, now: Duration) -> bool {
        let is_time = now >= self.seen_whole_at + RETRY;
        if is_time {
            self.seen_whole_at = now;
        }
        is_time
    }

    /// Commands under way among the first `of`.
    pub(super) fn under_way(&self, of: usize) -> usize {
        self.commands.iter().take(of).filter(|active| active.is_sent()).count()
    }

    /// Whether the command at `place` may be sent now, under a view of `epoch` whose chain was changed in `changed`.
    ///
    /// Commands of one client take effect in the order in which they came. Behind one that is under way only its like may
    /// follow, and only along the very same way, so that both are refused or neither.
    pub(super) fn may_send(&self, place: usize, (epoch, changed): (Epoch, Epoch)) -> bool {
        let active = &self.commands[place];
        // What was acknowledged early, or told to be of unknown outcome, is still on its way: what its client sent behind it
        // comes behind it.
        let client = active.command.client;
        let mut before = self
            .commands
            .range(..place)
            .filter(|other| other.command.client == client && (!other.is_told || other.version.is_some()));
        before.all(|other| {
            let follows = match other.state {
                State::Executing(_) => other.sent_at == epoch && other.sent_in == self.tries,
                State::Ready(_) => false,
                _ => other.changed == changed && (other.version.is_some() || !other.is_write()),
            };
            follows && other.command.kind == active.command.kind
        })
    }

    /// Whether the command at `place` may be answered: all that its client sent before it has been.
    pub(super) fn may_answer(&self, place: usize) -> bool {
        self.before(place).next().is_none()
    }

    /// What the client of the command at `place` sent before it and has no answer to.
    fn before(&self, place: usize) -> impl Iterator<Item = &Active> {
        let client = self.commands[place].command.client;
        self.commands.range(..place).filter(move |other| other.command.client == client && !other.is_told)
    }

    /// Whether something that the client of the command at `place` sent behind it is, or may be, executed.
    pub(super) fn is_followed(&self, place: usize) -> bool {
        let client = self.commands[place].command.client;
        let mut behind = self.commands.range(place + 1..);
        behind.any(|other| other.command.client == client && other.is_write() && other.is_sent())
    }

    /// Whether operations are being brought to the entry at this place.
    pub(super) fn is_repaired(&self, entry: usize) -> bool {
        self.repair.as_ref().is_some_and(|repair| repair.entry == entry)
    }
}
