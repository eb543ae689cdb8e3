//! Whether a command is sent again: by the kind of its failure, within a budget, after a random wait.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::{error::Error, request::Outcome};

/// What a retry takes from the budget; a command that went well puts 1 back.
const RETRY_COST: u32 = 10;

/// How often and when a command is sent again by itself.
///
/// Sent again is what is known not to have been applied: it was not sent ([`Error::NotSent`]), or the server
/// refused it for the moment ([`Error::is_retry_safe`]). What may have been applied is sent again only if the
/// caller said that twice does no harm: [`Command::idempotent`](crate::Command::idempotent),
/// [`Client::idempotent`](crate::Client::idempotent). With several servers each attempt goes to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Most attempts of one command, the first included. Range 1.., default 3; 1 never sends again.
    pub attempts_max: u32,
    /// Longest that one attempt may take. Default `None`: as long as the command may.
    pub attempt_timeout: Option<Duration>,
    /// The wait before the second attempt is random between 0 and this; the range doubles with each further
    /// attempt. Default 10 ms.
    pub wait_min: Duration,
    /// Longest such range. Default 500 ms.
    pub wait_max: Duration,
    /// Retries that may follow one another when everything fails, of all commands of a client together. A tenth
    /// of a retry is earned back by each command that goes well, so in the long run at most one command in ten
    /// is sent again, and a cluster in trouble is not pushed further. Default 100.
    pub budget: u32,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            attempts_max: 3,
            attempt_timeout: None,
            wait_min: Duration::from_millis(10),
            wait_max: Duration::from_millis(500),
            budget: 100,
        }
    }
}

impl Retry {
    /// Nothing is sent again.
    #[must_use]
    pub fn never() -> Retry {
        Retry { attempts_max: 1, ..Retry::default() }
    }

    /// Longest wait before the attempt that follows `attempts` ones.
    pub(crate) fn wait_before(&self, attempts: u32) -> Duration {
        let doubled = self.wait_min.checked_mul(1 << attempts.saturating_sub(1).min(16));
        doubled.unwrap_or(self.wait_max).min(self.wait_max)
    }
}

/// A random time up to `longest`, so that those who failed together do not come back together.
pub(crate) fn jittered(longest: Duration) -> Duration {
    longest.mul_f64(rand::random::<f64>())
}

/// True when all of what was sent in one piece may be sent again.
pub(crate) fn may_repeat(outcomes: &[Outcome], idempotent: bool) -> bool {
    outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(|error| may_repeat_after(error, idempotent)))
}

/// True when what ended in `error` may be sent again.
pub(crate) fn may_repeat_after(error: &Error, idempotent: bool) -> bool {
    match error {
        // Another attempt would be refused for the same reason.
        Error::NotSent(error) => error.kind() != std::io::ErrorKind::InvalidInput,
        Error::MaybeApplied(_) | Error::Timeout => idempotent,
        Error::Server(error) if error.code() == "MAYBE" => idempotent,
        error => error.is_retry_safe(),
    }
}

/// True when the server had its say on all of what was sent in one piece, and is not in trouble.
pub(crate) fn went_well(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| match outcome {
        Ok(_) => true,
        Err(error @ Error::Server(refusal)) => refusal.code() != "MAYBE" && !error.is_retry_safe(),
        Err(_) => false,
    })
}

/// What may be sent again, of all commands of a client.
pub(crate) struct Budget {
    tokens: AtomicU32,
    max: u32,
}

impl Budget {
    /// Full, with room for `retries`.
    pub(crate) fn new(retries: u32) -> Budget {
        let max = retries.saturating_mul(RETRY_COST);
        Budget { tokens: AtomicU32::new(max), max }
    }

    /// A command went well.
    pub(crate) fn earn(&self) {
        // Nearly always full: then this is a read of a line that nobody writes.
        if self.tokens.load(Ordering::Relaxed) < self.max {
            self.tokens.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes one retry; false when there is none left.
    pub(crate) fn spend(&self) -> bool {
        let take = |tokens: u32| tokens.checked_sub(RETRY_COST);
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{error::ServerError, value::Value};

    fn lost() -> io::Error {
        io::ErrorKind::ConnectionReset.into()
    }

    fn server(text: &str) -> Outcome {
        Err(Error::Server(ServerError::from_reply(text.as_bytes())))
    }

    #[test]
    fn what_may_have_been_applied_is_sent_again_only_with_leave() {
        for outcome in [Err(Error::MaybeApplied(lost())), Err(Error::Timeout), server("MAYBE lost")] {
            let outcomes = [outcome];
            assert!(!may_repeat(&outcomes, false) && may_repeat(&outcomes, true), "{outcomes:?}");
        }
    }

    #[test]
    fn what_was_not_applied_is_sent_again_and_a_final_answer_is_not() {
        assert!(may_repeat(&[Err(Error::NotSent(lost()))], false));
        assert!(may_repeat(&[server("TRYAGAIN later")], false));
        for outcome in [Ok(Value::Null), server("WRONGTYPE no"), Err(Error::refused("too many"))] {
            assert!(!may_repeat(&[outcome], true));
        }
    }

    #[test]
    fn a_pipeline_of_which_something_went_well_is_not_sent_again() {
        assert!(!may_repeat(&[Ok(Value::Null), Err(Error::NotSent(lost()))], true));
    }

    #[test]
    fn only_a_server_that_works_fills_the_budget() {
        assert!(went_well(&[Ok(Value::Null), server("WRONGTYPE no")]));
        for outcome in [
            server("MAYBE lost"),
            server("OVERLOADED wait"),
            Err(Error::Timeout),
            Err(Error::MaybeApplied(lost())),
            Err(Error::refused("too many")),
        ] {
            assert!(!went_well(&[Ok(Value::Null), outcome]));
        }
    }

    #[test]
    fn the_budget_is_spent_and_earned_back_slowly() {
        let budget = Budget::new(2);
        assert!(budget.spend() && budget.spend() && !budget.spend());
        (0..RETRY_COST - 1).for_each(|_| budget.earn());
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend() && !budget.spend());
        (0..1000).for_each(|_| budget.earn());
        assert!(budget.spend() && budget.spend() && !budget.spend());
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = Retry::default();
        let waits: Vec<u128> = (1..9).map(|attempts| retry.wait_before(attempts).as_millis()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 500, 500]);
        assert_eq!(retry.wait_before(u32::MAX), retry.wait_max);
        assert!((0..100).all(|_| jittered(retry.wait_max) <= retry.wait_max));
    }
}
