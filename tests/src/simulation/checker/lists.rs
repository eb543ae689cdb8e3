//! The cheap part, with words that say what happened: unique numbers that were pushed to a list.

use std::collections::{BTreeMap, BTreeSet};

use ringmaster_protocol::cluster_file::{Ack, ReadFrom};
use ringmaster_protocol::slot::HashSlot;

use super::Promises;
use crate::simulation::command::{Reply, Step};
use crate::simulation::history::{Call, History};

/// Checks what was pushed and read against the list that the members hold at the end.
pub(super) fn check(
    history: &History,
    slot: HashSlot,
    list: &[u32],
    promises: Promises,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = list.iter().find(|id| !seen.insert(**id)) {
        return Err(format!("push {twice} was applied twice: {list:?}"));
    }
    let calls = || history.calls.iter().enumerate().filter(|(_, call)| call.slot == slot);
    for (at, call) in calls() {
        if call.is_void() && pushed(call).any(|id| seen.contains(&id)) {
            return Err(format!("call {at} was executed, against what was said"));
        }
        let is_lost = call.is_certain() && promises.ack == Ack::All;
        if let Some(id) = pushed(call).find(|id| is_lost && !seen.contains(id)) {
            return Err(format!("acknowledged push {id} of call {at} is lost"));
        }
        for read in read(call) {
            let prefix = read.iter().zip(list).take_while(|(one, other)| one == other).count();
            let others = &read[prefix..];
            let is_stale = promises.read_from == ReadFrom::Any && are_unknown(history, call, others);
            if !others.is_empty() && !is_stale {
                return Err(format!("call {at} read {read:?}, the list is {list:?}"));
            }
        }
    }
    in_order(calls().map(|(_, call)| call), list)
}

fn pushed(call: &Call) -> impl Iterator<Item = u32> {
    call.command.0.iter().filter_map(|step| if let Step::Push(_, id) = step { Some(*id) } else { None })
}

fn read(call: &Call) -> impl Iterator<Item = &Vec<u32>> {
    let replies = call.replies().unwrap_or_default().iter();
    replies.filter_map(|reply| if let Reply::List(list) = reply { Some(list) } else { None })
}

/// Whether nobody had been told that these pushes are done when the call was sent: any member may show what is on its
/// way, and what may be lost on it.
fn are_unknown(history: &History, call: &Call, ids: &[u32]) -> bool {
    let was_known = |other: &&Call| {
        other.certain_at().is_some_and(|at| at < call.invoked.0) && pushed(other).any(|id| ids.contains(&id))
    };
    !history.calls.iter().any(|other| was_known(&other))
}

/// What one client pushed stands in the order in which it was sent, whatever it was told of it.
fn in_order<'h>(calls: impl Iterator<Item = &'h Call>, list: &[u32]) -> Result<(), String> {
    let places: BTreeMap<u32, usize> = list.iter().copied().zip(0..).collect();
    let mut last: BTreeMap<u64, usize> = BTreeMap::new();
    for call in calls {
        for place in pushed(call).filter_map(|id| places.get(&id).copied()) {
            if last.insert(call.client, place).is_some_and(|before| before > place) {
                return Err(format!("the pushes of client {} stand in another order: {list:?}", call.client));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::command::Command;
    use crate::simulation::proxy::Told;
    use std::time::Duration;

    const ANY: Promises = Promises { ack: Ack::All, read_from: ReadFrom::Any };
    const HEAD: Promises = Promises { ack: Ack::Head, read_from: ReadFrom::Tail };

    fn call(step: Step, sent: u64, reply: Option<Reply>) -> Call {
        let answered = Duration::from_millis(sent + 1);
        Call {
            client: 1,
            slot: HashSlot::default(),
            command: Command(vec![step]),
            invoked: (Duration::from_millis(sent), 0),
            answered: Some((answered, reply.map_or(Told::Maybe, |reply| Told::Done(vec![reply])))),
        }
    }

    fn pushed(id: u32, sent: u64) -> Call {
        call(Step::Push(3, id), sent, Some(Reply::Number(1)))
    }

    fn read(list: &[u32], sent: u64) -> Call {
        call(Step::Range(3), sent, Some(Reply::List(list.to_vec())))
    }

    fn verdict(calls: Vec<Call>, list: &[u32], promises: Promises) -> Result<(), String> {
        check(&History { calls, ..History::default() }, HashSlot::default(), list, promises)
    }

    #[test]
    fn what_was_acknowledged_is_there_once_and_in_order() {
        let both = || vec![pushed(1, 0), pushed(2, 5)];
        assert!(verdict(both(), &[1, 2], Promises::ALL).is_ok());
        assert!(verdict(both(), &[1, 2, 1], Promises::ALL).is_err());
        assert!(verdict(both(), &[2, 1], Promises::ALL).is_err());
        assert!(verdict(both(), &[1], Promises::ALL).is_err());
        assert!(verdict(both(), &[1], HEAD).is_ok(), "the newest may be lost");
        assert!(verdict(both(), &[2, 1], HEAD).is_err());
    }

    #[test]
    fn what_may_have_been_done_is_done_in_its_place_or_not_at_all() {
        let unknown = || vec![call(Step::Push(3, 1), 0, None), pushed(2, 5)];
        assert!(verdict(unknown(), &[2], Promises::ALL).is_ok());
        assert!(verdict(unknown(), &[1, 2], Promises::ALL).is_ok());
        assert!(verdict(unknown(), &[2, 1], Promises::ALL).is_err());
    }

    #[test]
    fn any_member_may_show_what_is_lost_but_not_miss_what_it_shows_more_of() {
        let lost = || vec![pushed(1, 0), call(Step::Push(3, 2), 5, None), pushed(3, 20)];
        let with = |read: Call| lost().into_iter().chain([read]).collect::<Vec<_>>();
        assert!(verdict(with(read(&[1, 2], 8)), &[1, 3], Promises::ALL).is_err());
        assert!(verdict(with(read(&[1, 2], 8)), &[1, 3], ANY).is_ok());
        assert!(verdict(with(read(&[3], 30)), &[1, 3], ANY).is_err(), "a history that was not");
        assert!(verdict(with(read(&[], 30)), &[1, 3], ANY).is_ok(), "stale");
    }
}
