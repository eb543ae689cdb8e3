//! What clients are told, and when a command is over.
//!
//! With `ack: head` a write is answered when its head has executed it, and goes down the chain behind that. What is lost
//! on the way with the head is lost for good: it is not executed again behind what came later.

use super::operation::State;
use super::{Action, GIVEN_UP, Moment, Told, Work};

impl Work<'_, '_> {
    pub(super) fn try_answer(&mut self, place: usize) {
        let Moment { now, lease, .. } = self.moment;
        if !self.line.may_answer(place) {
            return;
        }
        let active = &mut self.line.commands[place];
        if self.chains.may_answer(self.slot, active.changed, now, lease) {
            let told = Told::Reply(std::mem::take(&mut active.reply));
            self.tell(place, told);
            (self.line.commands[place].version, self.line.commands[place].operation) = (None, None);
        } else if self.chain_changed() != Some(self.line.commands[place].changed) {
            self.restart(place, now);
        }
    }

    pub(super) fn tell(&mut self, place: usize, told: Told) {
        let active = &mut self.line.commands[place];
        if !std::mem::replace(&mut active.is_told, true) && !active.is_tick {
            self.out.push(Action::Answer { operation: active.id, told });
        }
    }

    /// Ends a command of which nobody can say whether it was executed.
    pub(super) fn give_up(&mut self, place: usize, why: &'static str) {
        self.tell(place, Told::Maybe(why));
        self.forget(place);
    }

    /// Nothing of the command is brought down the chain any more.
    pub(super) fn forget(&mut self, place: usize) {
        let active = &mut self.line.commands[place];
        (active.version, active.operation, active.state) = (None, None, State::Finished);
    }

    /// Whether the line is rid of the command: answered, and nothing of it is to be brought down the chain. Tells those
    /// that have waited too long.
    pub(super) fn is_over(&mut self, place: usize) -> bool {
        let waited = self.moment.now.saturating_sub(self.line.commands[place].begun);
        if waited >= self.chains.limits.failover_wait && !self.line.commands[place].is_told {
            self.tell_late(place);
        }
        let active = &self.line.commands[place];
        active.is_told && (active.version.is_none() && active.wire().is_none() || waited >= GIVEN_UP)
    }

    fn tell_late(&mut self, place: usize) {
        let active = &self.line.commands[place];
        let is_maybe =
            active.is_write() && (active.version.is_some() || matches!(active.state, State::Executing(_)));
        match active.state {
            // The connection's own bound decides.
            State::Executing(_) => {}
            _ if is_maybe => self.tell(place, Told::Maybe("its chain does not answer")),
            _ => self.tell(place, Told::NotExecuted("its chain cannot serve it at present")),
        }
    }

    /// With `ack: head`: answers a write that its head has executed, while it goes down the chain.
    pub(super) fn acknowledge_early(&mut self, place: usize) {
        let Moment { now, lease, .. } = self.moment;
        let active = &self.line.commands[place];
        let is_at_head =
            matches!(active.state, State::Passing(..) | State::Blocked(_) | State::Confirming(..));
        let is_executed = is_at_head && active.is_write() && active.version.is_some() && !active.is_told;
        if is_executed
            && self.line.may_answer(place)
            && self.chains.may_answer(self.slot, active.changed, now, lease)
        {
            self.tell(place, Told::Reply(active.reply.clone()));
        }
    }
}
