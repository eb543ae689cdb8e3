//! For how long a connection to a node is not read for the sake of one client, which takes a large reply slowly.
//!
//! Others wait behind that reply, so the time is bounded, over all of the reply. When it is used up the connection is read
//! on whatever the client takes, and what the client leaves is kept, up to the bound of its output.

use std::time::Duration;

use tokio::time::Instant;

/// The time that one reply has held its connection back.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    /// Before it is held back now.
    before: Duration,
    /// Since when it is.
    since: Option<Instant>,
}

impl HeldBack {
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
    fn the_time_of_one_reply_is_bounded_over_all_of_it() {
        let (begin, longest) = (Instant::now(), Duration::from_millis(100));
        let at = |millis| begin + Duration::from_millis(millis);
        let mut held_back = HeldBack::default();
        let mut until = |waits, now| held_back.until(waits, longest, at(now));
        assert_eq!(until(false, 0), None, "the client takes all");
        assert_eq!(until(true, 10), Some(at(110)));
        assert_eq!(until(true, 70), Some(at(110)));
        assert_eq!(until(false, 70), None, "it has caught up");
        assert_eq!(until(true, 200), Some(at(240)));
        assert_eq!(until(true, 240), None);
        assert_eq!(
            (until(false, 300), until(true, 300)),
            (None, None),
            "it was held back for as long as may be"
        );
        assert!(
            HeldBack::default().until(true, longest, at(300)).is_some(),
            "the next reply has its own time"
        );
    }
}
