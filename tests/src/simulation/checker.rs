//! Whether what the clients saw can have come from one slot that executes one command at a time.

mod linear;

use std::collections::BTreeSet;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Version;

use super::command::{LIST_KEY, Reply, State, Step};
use super::history::{Call, History};

/// Checks one slot: its calls against what its members hold at the end.
///
/// # Errors
/// What is wrong, in words.
pub fn check(history: &History, slot: HashSlot, journal: &[Version], state: &State) -> Result<(), String> {
    check_list(history, slot, state.list(LIST_KEY))?;
    linear::check(history, slot, journal).map_err(|text| format!("slot {}: {text}", slot.number()))
}

/// The cheap part, with words that say what happened: unique numbers that were pushed.
fn check_list(history: &History, slot: HashSlot, list: &[u32]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let number = slot.number();
    if let Some(twice) = list.iter().find(|id| !seen.insert(**id)) {
        return Err(format!("slot {number}: push {twice} was applied twice: {list:?}"));
    }
    for (at, call) in history.calls.iter().enumerate().filter(|(_, call)| call.slot == slot) {
        let Some(replies) = call.replies() else { continue };
        for (step, reply) in call.command.0.iter().zip(replies) {
            match (step, reply) {
                (Step::Push(_, id), _) if !seen.contains(id) => {
                    return Err(format!("slot {number}: acknowledged push {id} of call {at} is lost"));
                }
                (_, Reply::List(read)) if !list.starts_with(read) => {
                    return Err(format!("slot {number}: call {at} read {read:?}, the list is {list:?}"));
                }
                _ => {}
            }
        }
    }
    check_void(history, slot, &seen)
}

/// What a client was told not to have been executed was not.
fn check_void(history: &History, slot: HashSlot, list: &BTreeSet<u32>) -> Result<(), String> {
    let pushed = |call: &Call| {
        call.command.0.iter().any(|step| matches!(step, Step::Push(_, id) if list.contains(id)))
    };
    let mut calls = history.calls.iter().enumerate();
    match calls.find(|(_, call)| call.slot == slot && call.is_void() && pushed(call)) {
        Some((at, _)) => {
            Err(format!("slot {}: call {at} was executed, against what was said", slot.number()))
        }
        None => Ok(()),
    }
}
