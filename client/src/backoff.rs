//! When the next attempt may start.

use std::time::Duration;

use tokio::time::Instant;

use crate::retry::jittered;

/// Doubling waits between attempts.
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    wait: Duration,
    next_attempt: Instant,
}

impl Backoff {
    /// Waits of `min`, 2 `min`, 4 `min` … at most `max`.
    pub(crate) fn new(min: Duration, max: Duration) -> Backoff {
        Backoff { min, max, wait: min.min(max), next_attempt: Instant::now() }
    }

    /// An attempt failed at `now`.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.next_attempt = now + self.wait;
        self.wait = (self.wait * 2).min(self.max);
    }

    /// As [`Backoff::failed`], with a random wait between half and all of it: those who lost the same server do not
    /// come back together.
    pub(crate) fn failed_with_others(&mut self, now: Instant) {
        let half = self.wait / 2;
        self.failed(now);
        self.next_attempt = now + half + jittered(half);
    }

    /// The server answers: the next loss starts from the shortest wait, and reconnects at once.
    pub(crate) fn reset(&mut self) {
        self.wait = self.min.min(self.max);
    }

    /// Not before this.
    pub(crate) fn next_attempt(&self) -> Instant {
        self.next_attempt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_an_answer() {
        let [min, max] = [20, 50].map(Duration::from_millis);
        let (mut backoff, now) = (Backoff::new(min, max), Instant::now());
        let wait = |backoff: &mut Backoff| {
            backoff.failed(now);
            backoff.next_attempt() - now
        };
        let waits = [wait(&mut backoff), wait(&mut backoff), wait(&mut backoff), wait(&mut backoff)];
        assert_eq!(waits, [20, 40, 50, 50].map(Duration::from_millis));
        backoff.reset();
        assert_eq!(wait(&mut backoff), min);
    }
}
