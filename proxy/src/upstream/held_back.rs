//! For how long a connection to a node is not read for the sake of one client, which takes a large reply slowly.
//!
//! Others wait behind that reply, so the time is bounded, over all such replies of a while: one client may ask for many. When
//! it is used up the connection is read on whatever the client takes, and what the client leaves is kept, up to the bound of
//! its output.

use std::time::Duration;

use tokio::time::Instant;

/// The time that large replies have held their connection back.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    /// Since when it is counted.
    counted: Option<Instant>,
    /// Before it is held back now.
    before: Duration,
    /// Since when it is.
    since: Option<Instant>,
}

impl HeldBack {
    /// A large reply begins. The time is counted anew where it was for as long as `period`.
    pub(super) fn begin(&mut self, period: Duration, now: Instant) {
        self.before += self.since.take().map_or(Duration::ZERO, |since| now - since);
        if self.counted.is_none_or(|counted| counted + period <= now) {
            *self = Self { counted: Some(now), ..Self::default() };
        }
    }

    /// Until when it is not read, if it is not read now; `waits` tells whether the client has much to take, `longest` how
    /// long that may matter in all.
    pub(super) fn until(&mut self, waits: bool, longest: Duration, now: Instant) -> Option<Instant> {
        if !waits {
            self.before += self.since.take().map_or(Duration::ZERO, |since| now - since);
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let until = since + longest.saturating_sub(self.before);
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_all_large_replies_of_a_period_is_bounded() {
        let (begin, longest) = (Instant::now(), Duration::from_millis(100));
        let at = |millis| begin + Duration::from_millis(millis);
        let mut held_back = HeldBack::default();
        held_back.begin(Duration::from_secs(1), begin);
        let mut until = |waits, now| held_back.until(waits, longest, at(now));
        assert_eq!(until(false, 0), None, "the client takes all");
        assert_eq!(until(true, 10), Some(at(110)));
        assert_eq!(until(true, 70), Some(at(110)));
        assert_eq!(until(false, 70), None, "it has caught up");
        assert_eq!(until(true, 200), Some(at(240)));
        held_back.begin(Duration::from_secs(1), at(220));
        let mut until = |waits, now| held_back.until(waits, longest, at(now));
        assert_eq!(until(true, 220), Some(at(240)), "the next reply has what the one before has left");
        assert_eq!(until(true, 240), None);
        assert_eq!(until(true, 300), None, "it was held back for as long as may be");
        held_back.begin(Duration::from_secs(1), at(1000));
        assert_eq!(held_back.until(true, longest, at(1000)), Some(at(1100)), "another period");
    }
}
