//! What concerns all clients of a proxy at once, and seldom: those who monitor, and a pause.
//!
//! Connections look at one word once a batch. Only while it says that there is something, a command costs more. Both are
//! of this proxy: others go on as they do.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::session::{Session, monitor};

use crate::downstream::directory::Card;

const MONITORED: u8 = 1;
const WRITES_PAUSED: u8 = 2;
const ALL_PAUSED: u8 = 4;

/// What there is to attend to.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    word: AtomicU8,
    /// By the ids of their sessions.
    monitors: Mutex<Vec<(u64, Arc<Card>)>>,
    /// The end of the pause since the Unix epoch; zero without one.
    pause_end: Mutex<Duration>,
}

impl Attention {
    /// Whether there is something.
    #[inline]
    pub(crate) fn is_needed(&self) -> bool {
        self.word.load(Ordering::Acquire) != 0
    }

    /// Whether somebody monitors.
    pub(crate) fn is_monitored(&self) -> bool {
        self.word.load(Ordering::Acquire) & MONITORED != 0
    }

    fn set(&self, flags: u8, on: bool) {
        if on {
            self.word.fetch_or(flags, Ordering::AcqRel);
        } else {
            self.word.fetch_and(!flags, Ordering::AcqRel);
        }
    }

    /// The client `id` is told of every command from now on.
    pub(crate) fn enter_monitor(&self, id: u64, card: &Arc<Card>) {
        let mut monitors = lock(&self.monitors);
        monitors.push((id, Arc::clone(card)));
        self.set(MONITORED, true);
    }

    /// The client `id` is told no more.
    pub(crate) fn leave_monitor(&self, id: u64) {
        let mut monitors = lock(&self.monitors);
        monitors.retain(|(of, _)| *of != id);
        self.set(MONITORED, !monitors.is_empty());
    }

    /// Tells the others who monitor of a command of `session` that came `at`, since the Unix epoch.
    pub(crate) fn tell(&self, at: Duration, session: &Session, (spec, args): (&Spec, Args<'_>)) {
        if monitor::is_told(spec) {
            let line = monitor::line(at, session.database, &session.peer_address, (spec, args));
            let monitors = lock(&self.monitors);
            monitors.iter().filter(|(id, _)| *id != session.id).for_each(|(_, card)| card.post(&line));
        }
    }

    /// Begins a pause until `end`, since the Unix epoch, or adds to the one that there is: the later end, and all
    /// commands rather than those that write.
    pub(crate) fn pause(&self, end: Duration, all: bool) {
        let mut known = lock(&self.pause_end);
        *known = end.max(*known);
        self.set(WRITES_PAUSED | if all { ALL_PAUSED } else { 0 }, true);
    }

    /// Ends the pause.
    pub(crate) fn unpause(&self) {
        let mut known = lock(&self.pause_end);
        *known = Duration::ZERO;
        self.set(WRITES_PAUSED | ALL_PAUSED, false);
    }

    /// How long a command is to wait at `now`, since the Unix epoch; `None` if it may go on. A pause that is over ends
    /// here.
    pub(crate) fn holds_back(&self, writes: bool, now: Duration) -> Option<Duration> {
        let word = self.word.load(Ordering::Acquire);
        if word & ALL_PAUSED == 0 && !(writes && word & WRITES_PAUSED != 0) {
            return None;
        }
        let mut end = lock(&self.pause_end);
        let rest = end.checked_sub(now).filter(|rest| !rest.is_zero());
        if rest.is_none() {
            *end = Duration::ZERO;
            self.set(WRITES_PAUSED | ALL_PAUSED, false);
        }
        rest
    }

    /// Whether anything is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.word.load(Ordering::Acquire) & (WRITES_PAUSED | ALL_PAUSED) != 0
    }
}

/// A panic elsewhere leaves these values whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_add_up_and_end_in_time() {
        let (attention, at) = (Attention::default(), Duration::from_millis);
        attention.pause(at(100), false);
        assert_eq!(attention.holds_back(true, at(90)), Some(at(10)));
        assert_eq!(attention.holds_back(false, at(90)), None);
        attention.pause(at(50), true);
        assert_eq!(attention.holds_back(false, at(90)), Some(at(10)));
        assert_eq!(attention.holds_back(false, at(100)), None);
        assert!(!attention.is_needed());
        attention.pause(at(300), true);
        attention.unpause();
        assert!(!attention.is_paused() && attention.holds_back(true, at(200)).is_none());
    }
}
