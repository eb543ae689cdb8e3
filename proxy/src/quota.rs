//! How much of the proxy a user may have: commands and bytes a second, and commands under way at once, over all its
//! connections to this proxy.
//!
//! What is under way is counted a connection at a time ([`Meter`]): one up for each command that comes, and put right when
//! replies are written. So no answer costs anything for it but of who is bounded.
//!
//! A rate is kept without a lock: one number says when all that was taken is paid for, at the rate. Who is within a second of
//! now may go on, so a second's worth may come at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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
    /// Commands in a second.
    Commands(u64),
    /// Bytes of commands in a second.
    Bytes(u64),
    /// Commands under way.
    InFlight(usize),
}

impl Exceeded {
    /// The text of the error reply.
    pub(crate) fn text(self, user: &[u8]) -> String {
        let user = String::from_utf8_lossy(user);
        let bound = match self {
            Self::Commands(count) => format!("may send {count} commands a second to a proxy"),
            Self::Bytes(count) => format!("may send {count} bytes of commands a second to a proxy"),
            Self::InFlight(count) => format!("may have {count} commands under way at a proxy"),
        };
        format!("OVERLOADED user '{user}' {bound}; the command was not executed")
    }
}

/// The quota of one user.
#[derive(Debug)]
pub(crate) struct Quota {
    started: Instant,
    commands: Rate,
    bytes: Rate,
    /// Commands that may be under way; 0 for any number.
    in_flight_max: usize,
    in_flight: AtomicUsize,
}

impl Quota {
    fn new(limits: &UserLimits) -> Self {
        let (commands, bytes) = (Rate::new(limits.commands), Rate::new(limits.bytes.bytes()));
        let (in_flight_max, in_flight) = (limits.in_flight, AtomicUsize::new(0));
        Self { started: Instant::now(), commands, bytes, in_flight_max, in_flight }
    }

    /// Whether it matters what is under way.
    pub(crate) fn bounds_in_flight(&self) -> bool {
        self.in_flight_max > 0
    }

    /// How much is under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
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

/// What one connection of a user has under way.
#[derive(Debug)]
pub(crate) struct Meter {
    quota: Arc<Quota>,
    /// How much of the quota's count is this connection's.
    counted: usize,
}

impl Meter {
    /// A connection with nothing under way.
    pub(crate) fn new(quota: &Arc<Quota>) -> Self {
        Self { quota: Arc::clone(quota), counted: 0 }
    }

    /// Whether it counts for this quota.
    pub(crate) fn is_of(&self, quota: &Arc<Quota>) -> bool {
        Arc::ptr_eq(&self.quota, quota)
    }

    /// So many commands of the connection are under way.
    pub(crate) fn settle(&mut self, in_flight: usize) {
        let before = std::mem::replace(&mut self.counted, in_flight);
        let count = &self.quota.in_flight;
        if in_flight > before {
            count.fetch_add(in_flight - before, Ordering::Relaxed);
        } else if in_flight < before {
            count.fetch_sub(before - in_flight, Ordering::Relaxed);
        }
    }

    /// One more command.
    ///
    /// # Errors
    /// [`Exceeded::InFlight`]: then it is not counted.
    pub(crate) fn take(&mut self) -> Result<(), Exceeded> {
        let max = self.quota.in_flight_max;
        if self.quota.in_flight.fetch_add(1, Ordering::Relaxed) >= max {
            self.quota.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(Exceeded::InFlight(max));
        }
        self.counted += 1;
        Ok(())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.settle(0);
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
        let limits = |commands, bytes| UserLimits {
            commands,
            bytes: format!("{bytes}").parse().unwrap(),
            ..UserLimits::default()
        };
        let quota = Quota::new(&limits(2, 1000));
        assert_eq!(quota.take_at(0, 10), Ok(()));
        assert_eq!(quota.take_at(0, 2000), Err(Exceeded::Bytes(1000)));
        assert_eq!(quota.take_at(0, 10), Ok(()));
        assert_eq!(quota.take_at(0, 10), Err(Exceeded::Commands(2)));
        assert!(Exceeded::Commands(2).text(b"app").starts_with("OVERLOADED user 'app' may send 2 commands"));
    }

    #[test]
    fn what_is_under_way_is_counted_over_all_connections_until_it_is_answered_or_they_end() {
        let quota = Arc::new(Quota::new(&UserLimits { in_flight: 3, ..UserLimits::default() }));
        let (mut one, mut other) = (Meter::new(&quota), Meter::new(&quota));
        assert_eq!((one.take(), one.take(), other.take()), (Ok(()), Ok(()), Ok(())));
        assert_eq!((one.take(), other.take()), (Err(Exceeded::InFlight(3)), Err(Exceeded::InFlight(3))));
        one.settle(1);
        assert_eq!((other.take(), other.take()), (Ok(()), Err(Exceeded::InFlight(3))));
        drop(other);
        assert_eq!((one.take(), one.take()), (Ok(()), Ok(())));
        assert!(Exceeded::InFlight(3).text(b"app").contains("may have 3 commands under way"));
    }
}
