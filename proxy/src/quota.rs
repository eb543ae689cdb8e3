//! How much of the proxy a user may have: commands and bytes a second, over all its connections to this proxy.
//!
//! A rate is kept without a lock: one number says when all that was taken is paid for, at the rate. Who is within a second of
//! now may go on, so a second's worth may come at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ringmaster_protocol::cluster_file::{ClusterFile, UserLimits};

/// What may be taken in advance, in nanoseconds.
const AHEAD: u64 = 1_000_000_000;

/// The quotas of users that have one, by name.
pub(crate) type Quotas = HashMap<Vec<u8>, Arc<Quota>>;

/// Those of a cluster.yaml.
pub(crate) fn quotas_of(file: &ClusterFile) -> Quotas {
    let limited = file.users.iter().filter(|user| user.limits != UserLimits::default());
    limited.map(|user| (user.name.clone().into_bytes(), Arc::new(Quota::new(&user.limits)))).collect()
}

/// What a user may not have more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    Commands(u64),
    Bytes(u64),
}

impl Exceeded {
    /// The text of the error reply.
    pub(crate) fn text(self, user: &[u8]) -> String {
        let user = String::from_utf8_lossy(user);
        let (count, what) = match self {
            Self::Commands(count) => (count, "commands"),
            Self::Bytes(count) => (count, "bytes of commands"),
        };
        format!(
            "OVERLOADED user '{user}' may send {count} {what} a second to a proxy; the command was not executed"
        )
    }
}

/// The quota of one user.
#[derive(Debug)]
pub(crate) struct Quota {
    started: Instant,
    commands: Rate,
    bytes: Rate,
}

impl Quota {
    fn new(limits: &UserLimits) -> Self {
        let (commands, bytes) = (Rate::new(limits.commands), Rate::new(limits.bytes.bytes()));
        Self { started: Instant::now(), commands, bytes }
    }

    /// Takes a command of so many bytes.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Exceeded> {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX / 2);
        self.take_at(now, bytes as u64)
    }

    fn take_at(&self, now: u64, bytes: u64) -> Result<(), Exceeded> {
        if !self.bytes.take(now, bytes) {
            return Err(Exceeded::Bytes(self.bytes.per_second));
        }
        if !self.commands.take(now, 1) {
            return Err(Exceeded::Commands(self.commands.per_second));
        }
        Ok(())
    }
}

/// So many units a second, 0 for any number.
#[derive(Debug)]
struct Rate {
    per_second: u64,
    /// When what was taken is paid for, in nanoseconds of the quota's clock.
    paid_at: AtomicU64,
}

impl Rate {
    fn new(per_second: u64) -> Self {
        Self { per_second, paid_at: AtomicU64::new(0) }
    }

    /// Takes `units` if that is within the rate. What alone is more than a second's worth is taken when nothing is owed.
    fn take(&self, now: u64, units: u64) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let cost = u128::from(units) * u128::from(AHEAD) / u128::from(self.per_second);
        let cost = u64::try_from(cost).unwrap_or(u64::MAX / 4);
        let taken = self.paid_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid_at| {
            let from = paid_at.max(now);
            let until = from.saturating_add(cost);
            (until <= now.saturating_add(AHEAD) || from == now).then_some(until)
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = AHEAD;

    #[test]
    fn a_second_s_worth_may_come_at_once_and_then_the_rate_counts() {
        let rate = Rate::new(10);
        let taken = |now| (0..100).filter(|_| rate.take(now, 1)).count();
        assert_eq!(taken(5 * SECOND), 10);
        assert_eq!(taken(5 * SECOND + SECOND / 2), 5);
        assert_eq!(taken(5 * SECOND + SECOND / 2), 0);
        assert_eq!(taken(60 * SECOND), 10);
    }

    #[test]
    fn what_is_more_than_a_second_s_worth_is_taken_and_paid_for() {
        let rate = Rate::new(100);
        assert!(rate.take(0, 1000));
        assert!(!rate.take(SECOND, 1) && !rate.take(8 * SECOND, 1));
        assert!(rate.take(10 * SECOND, 1));
        assert!(Rate::new(0).take(0, u64::MAX));
        assert!(Rate::new(1).take(0, u64::MAX));
    }

    #[test]
    fn the_first_bound_that_is_met_is_told() {
        let limits = |commands, bytes| UserLimits { commands, bytes: format!("{bytes}").parse().unwrap() };
        let quota = Quota::new(&limits(2, 1000));
        assert_eq!(quota.take_at(0, 10), Ok(()));
        assert_eq!(quota.take_at(0, 2000), Err(Exceeded::Bytes(1000)));
        assert_eq!(quota.take_at(0, 10), Ok(()));
        assert_eq!(quota.take_at(0, 10), Err(Exceeded::Commands(2)));
        assert!(Exceeded::Commands(2).text(b"app").starts_with("OVERLOADED user 'app' may send 2 commands"));
    }
}
