//! The key that expires: it is there for its time, then it is gone, and what is gone never comes back.

use std::time::Duration;

use ringmaster_protocol::cluster_file::{Ack, ReadFrom};
use ringmaster_protocol::slot::HashSlot;

use super::Promises;
use crate::simulation::command::{Reply, Step};
use crate::simulation::history::{Call, History};

/// The clocks of nodes are not further apart, with what is rounded.
const SKEW: Duration = Duration::from_millis(40);

/// A number that was lent, and for how long.
struct Loan<'h> {
    call: &'h Call,
    value: u32,
    lasts: Duration,
}

/// What a call found.
struct Look<'h> {
    at: usize,
    call: &'h Call,
    answered: Duration,
    value: Option<u32>,
}

/// Checks what was seen of it; nothing is said where reads may be stale or writes may be lost.
pub(super) fn check(history: &History, slot: HashSlot, promises: Promises) -> Result<(), String> {
    if promises.ack == Ack::Head || promises.read_from == ReadFrom::Any {
        return Ok(());
    }
    let (loans, looks) = (loans(history, slot), looks(history, slot));
    for look in &looks {
        match look.value {
            Some(value) => {
                let loan = loans.iter().find(|loan| loan.value == value);
                let loan = loan.ok_or_else(|| format!("call {} saw {value}, which nobody lent", look.at))?;
                not_too_late(loan, look)?;
                not_again(loan, look, &looks)?;
            }
            None => not_too_early(look, &loans)?,
        }
    }
    Ok(())
}

fn loans(history: &History, slot: HashSlot) -> Vec<Loan<'_>> {
    let calls = history.calls.iter().filter(|call| call.slot == slot && !call.is_void());
    let loan = |call| match command_of(call) {
        Some(Step::Lend(value, millis)) => {
            Some(Loan { call, value: *value, lasts: Duration::from_millis(*millis) })
        }
        _ => None,
    };
    calls.filter_map(loan).collect()
}

fn command_of(call: &Call) -> Option<&Step> {
    call.command.0.first()
}

fn looks(history: &History, slot: HashSlot) -> Vec<Look<'_>> {
    let calls = history.calls.iter().enumerate().filter(|(_, call)| call.slot == slot);
    let look = |(at, call): (usize, &'_ Call)| match call.replies()?.first()? {
        Reply::Borrowed(value) => Some((at, call.certain_at()?, *value)),
        _ => None,
    };
    let found = calls.filter_map(|(at, call)| Some((call, look((at, call))?)));
    found.map(|(call, (at, answered, value))| Look { at, call, answered, value }).collect()
}

fn not_too_late(loan: &Loan<'_>, look: &Look<'_>) -> Result<(), String> {
    let ends = loan.call.certain_at().map(|lent| lent + loan.lasts + SKEW);
    match ends.filter(|ends| *ends < look.call.invoked.0) {
        Some(ends) => Err(format!("call {} saw {}, which was over at {ends:?}", look.at, loan.value)),
        None => Ok(()),
    }
}

/// Who looked after it was lent, and before this look, saw it too.
fn not_again(loan: &Loan<'_>, look: &Look<'_>, looks: &[Look<'_>]) -> Result<(), String> {
    let Some(lent) = loan.call.certain_at() else { return Ok(()) };
    let is_between = |other: &&Look<'_>| other.call.invoked.0 > lent && other.answered < look.call.invoked.0;
    match looks.iter().filter(is_between).find(|other| other.value != Some(loan.value)) {
        Some(other) => {
            Err(format!("call {} saw {}, call {} before it did not", look.at, loan.value, other.at))
        }
        None => Ok(()),
    }
}

/// What was lent for longer is there, unless something else was lent that may have been over by then.
fn not_too_early(look: &Look<'_>, loans: &[Loan<'_>]) -> Result<(), String> {
    let is_open = |loan: &&Loan<'_>| {
        let lent = loan.call.certain_at().is_some_and(|lent| lent < look.call.invoked.0);
        lent && look.answered + SKEW < loan.call.invoked.0 + loan.lasts
    };
    for loan in loans.iter().filter(is_open) {
        let may_replace = |other: &Loan<'_>| {
            other.value != loan.value
                && other.call.invoked.0 < look.answered
                && other.call.certain_at().is_none_or(|lent| lent > loan.call.invoked.0)
        };
        if !loans.iter().any(may_replace) {
            return Err(format!("call {} saw nothing, {} was lent for longer", look.at, loan.value));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::command::Command;
    use crate::simulation::proxy::Told;

    /// Calls of a step, sent, answered, and its reply.
    fn verdict(calls: &[(Step, u64, u64, Reply)]) -> Result<(), String> {
        let ms = Duration::from_millis;
        let call = |(step, sent, answered, reply): &(Step, u64, u64, Reply)| Call {
            client: 1,
            slot: HashSlot::default(),
            command: Command(vec![step.clone()]),
            invoked: (ms(*sent), 0),
            answered: Some((ms(*answered), Told::Done(vec![reply.clone()]))),
        };
        let history = History { calls: calls.iter().map(call).collect(), ..History::default() };
        check(&history, HashSlot::default(), Promises::ALL)
    }

    fn lent(value: u32, sent: u64) -> (Step, u64, u64, Reply) {
        (Step::Lend(value, 100), sent, sent + 10, Reply::Set(true))
    }

    fn saw(value: Option<u32>, sent: u64) -> (Step, u64, u64, Reply) {
        (Step::Borrowed, sent, sent + 1, Reply::Borrowed(value))
    }

    #[test]
    fn it_is_seen_for_its_time_and_not_longer() {
        assert!(verdict(&[lent(7, 0), saw(Some(7), 20), saw(None, 160)]).is_ok());
        assert!(verdict(&[lent(7, 0), saw(Some(7), 160)]).is_err());
        assert!(verdict(&[lent(7, 0), saw(None, 20)]).is_err());
        assert!(verdict(&[saw(Some(7), 20)]).is_err());
    }

    #[test]
    fn what_was_gone_never_comes_back() {
        assert!(verdict(&[lent(7, 0), saw(None, 105), saw(Some(7), 110)]).is_err());
        assert!(verdict(&[lent(7, 0), lent(8, 20), saw(Some(8), 40), saw(Some(7), 50)]).is_err());
        assert!(verdict(&[lent(7, 0), lent(8, 20), saw(Some(7), 25), saw(Some(8), 50)]).is_ok());
    }
}
