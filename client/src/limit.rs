//! How long commands may take.

use std::time::Duration;

use tokio::time::Instant;

/// As good as never, and still a time that can be reckoned with.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// A limit for each command, and one for all together.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    each: Duration,
    until: Option<Instant>,
}

impl Limit {
    /// `each` command may take so long.
    pub(crate) fn of_each(each: Duration) -> Limit {
        Limit { each: each.min(NEVER), until: None }
    }

    /// With another limit for each.
    pub(crate) fn each(self, each: Duration) -> Limit {
        Limit { each: each.min(NEVER), ..self }
    }

    /// With an end for all; an earlier one holds on.
    pub(crate) fn until(self, deadline: Instant) -> Limit {
        Limit { until: Some(self.until.map_or(deadline, |until| until.min(deadline))), ..self }
    }

    /// How long of `wait` a server may let us wait from `now` on: so that its reply comes before the end for all.
    pub(crate) fn wait(self, wait: Duration, now: Instant) -> Duration {
        let Some(until) = self.until else { return wait.min(NEVER) };
        let left = until.saturating_duration_since(now);
        wait.min(left - self.each.min(left / 2))
    }

    /// The end of a command that lets the server wait for `wait` from `now` on.
    pub(crate) fn end_of_wait(self, wait: Duration, now: Instant) -> Instant {
        let end = now + wait.min(NEVER) + self.each;
        self.until.map_or(end, |until| until.min(end))
    }

    /// Whether the end for all has passed.
    pub(crate) fn is_over(self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }

    /// The end of a command that begins now.
    pub(crate) fn deadline(self) -> Instant {
        let end = Instant::now() + self.each;
        self.until.map_or(end, |until| until.min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_end_holds() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let limit = Limit::of_each(10 * second);
        assert!(limit.deadline() >= now + 10 * second);
        assert_eq!(limit.until(now + second).until(now + 2 * second).deadline(), now + second);
        assert!(limit.until(now + 20 * second).each(second).deadline() < now + 10 * second);
        assert!(limit.until(now).is_over() && !limit.is_over() && !limit.until(now + 9 * second).is_over());
        assert!(Limit::of_each(Duration::MAX).deadline() >= now + NEVER);
    }

    #[test]
    fn a_wait_in_the_server_leaves_time_for_its_reply() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let limit = Limit::of_each(10 * second);
        assert_eq!(
            (limit.wait(60 * second, now), limit.end_of_wait(60 * second, now)),
            (60 * second, now + 70 * second)
        );
        let hurried = limit.until(now + 40 * second);
        assert_eq!(
            (hurried.wait(60 * second, now), hurried.wait(5 * second, now)),
            (30 * second, 5 * second)
        );
        assert_eq!(hurried.end_of_wait(60 * second, now), now + 40 * second);
        assert_eq!(limit.until(now + second).wait(60 * second, now), second / 2);
        assert_eq!(limit.until(now).wait(second, now), Duration::ZERO);
    }
}
