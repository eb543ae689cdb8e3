//! `CLIENT PAUSE`: until when commands wait, and which.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::Attention;

/// What is paused.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    state: Mutex<State>,
    /// Told when the pause ends early, or is changed.
    changed: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// In Unix milliseconds; 0 without a pause.
    end: u64,
    all: bool,
}

impl Pause {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a pause until `end`, or adds to the one that there is: the later end, and all commands rather than
    /// those that write.
    pub(crate) fn begin(&self, end: u64, all: bool, attention: &Attention) {
        let mut state = self.state();
        *state = State { end: state.end.max(end), all: state.all || all };
        attention.set_paused(true, state.all);
    }

    /// Ends the pause.
    pub(crate) fn finish(&self, attention: &Attention) {
        *self.state() = State::default();
        attention.set_paused(false, false);
        self.changed.notify_waiters();
    }

    /// Milliseconds that the pause lasts at `now`; when it is over, ends it.
    pub(crate) fn rest(&self, now: u64, attention: &Attention) -> u64 {
        let rest = self.state().end.saturating_sub(now);
        if rest == 0 {
            self.finish(attention);
        }
        rest
    }

    /// Comes when the pause ends early.
    pub(crate) fn ended(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_add_up_and_end_in_time() {
        let (pause, attention) = (Pause::default(), Attention::default());
        pause.begin(100, false, &attention);
        assert!(attention.look().holds_back(true) && !attention.look().holds_back(false));
        pause.begin(50, true, &attention);
        assert!(attention.look().holds_back(false));
        assert_eq!((pause.rest(90, &attention), pause.rest(100, &attention)), (10, 0));
        assert!(attention.look().is_nothing());
    }
}
