//! Which other members have no memory left, as proxies have said lately.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringmaster_protocol::heartbeat::FULL_MAX;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Incarnation, View};

/// How long it is believed: a few heartbeats.
const BELIEVED: Duration = Duration::from_millis(300);

/// The members that are full. Bounded by [`FULL_MAX`].
#[derive(Debug, Default)]
pub(crate) struct Full {
    is_any: AtomicBool,
    until: Mutex<BTreeMap<Incarnation, Duration>>,
}

impl Full {
    /// Whether there may be one.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.is_any.load(Ordering::Relaxed)
    }

    /// A proxy says which members are full. What this node has left it knows better itself.
    pub(crate) fn note(&self, now: Duration, members: &[Incarnation], own: Incarnation) {
        if members.is_empty() && !self.is_any() {
            return;
        }
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.retain(|_, end| *end > now);
        for member in members.iter().filter(|member| **member != own) {
            if until.len() < FULL_MAX || until.contains_key(member) {
                until.insert(*member, now + BELIEVED);
            }
        }
        self.is_any.store(!until.is_empty(), Ordering::Relaxed);
    }

    /// Whether an entry of the slot's chain is full.
    pub(crate) fn names(&self, now: Duration, view: &View, slot: HashSlot) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |member| view.member(member).incarnation;
        let entries = &view.chain(slot).entries;
        entries.iter().any(|entry| until.get(&of(entry.member)).is_some_and(|end| *end > now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn what_is_said_is_believed_for_a_while_and_not_of_oneself() {
        let (full, own, other) = (Full::default(), Incarnation(1), Incarnation(2));
        full.note(ms(0), &[own], own);
        assert!(!full.is_any());
        full.note(ms(0), &[own, other], own);
        assert!(full.is_any());
        full.note(ms(299), &[], own);
        assert!(full.is_any());
        full.note(ms(300), &[], own);
        assert!(!full.is_any());
    }
}
