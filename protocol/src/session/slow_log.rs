//! `SLOWLOG`: the calls that took long.

use super::{Call, Outcome, SlowCall};
use crate::resp::number;
use crate::resp::reply::Reply;

/// How many entries are shown where the client does not say.
const SHOWN: usize = 10;

/// A subcommand of `SLOWLOG`.
pub(super) fn execute(subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    let observations = call.context.observations();
    match subcommand {
        "get" => get(call),
        "len" => call.reply.count(observations.map_or(0, super::Observations::slow_calls_len)),
        "reset" => {
            if let Some(observations) = observations {
                observations.forget_slow_calls();
            }
            call.reply.ok();
        }
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}

/// `SLOWLOG GET [count]`; -1 is all.
fn get(call: &mut Call<'_, '_>) {
    let most = match call.args.get(2).map(number::parse_integer) {
        _ if call.args.len() > 3 => return call.wrong_arguments("SLOWLOG"),
        None => SHOWN,
        Some(Some(-1)) => usize::MAX,
        Some(Some(count @ 0..)) => usize::try_from(count).unwrap_or(usize::MAX),
        Some(_) => return call.reply.error("ERR count should be greater than or equal to -1"),
    };
    let calls = call.context.observations().map(|observations| observations.slow_calls(most));
    let calls = calls.unwrap_or_default();
    call.reply.array(calls.len());
    calls.iter().for_each(|slow| entry(slow, call.reply));
}

fn entry(slow: &SlowCall, reply: &mut Reply<'_>) {
    reply.array(6);
    reply.int(slow.id.cast_signed());
    reply.int(slow.at.as_secs().cast_signed());
    reply.int(i64::try_from(slow.took.as_micros()).unwrap_or(i64::MAX));
    reply.array(slow.args.len());
    slow.args.iter().for_each(|arg| reply.bulk(arg));
    reply.bulk(slow.peer_address.as_bytes());
    reply.bulk(slow.name.as_bytes());
}
