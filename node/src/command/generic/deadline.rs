//! `TTL`, `PTTL`, `EXPIRETIME`, `PEXPIRETIME`, `PERSIST`: how long keys live.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::CommandResult;
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

const NO_KEY: i64 = -2;
const NO_DEADLINE: i64 = -1;

/// `TTL key`: seconds left, rounded to the nearest.
pub(crate) fn ttl(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let now = keyspace.now();
    answer(keyspace, reply, |deadline| seconds(deadline.saturating_sub(now)));
    Ok(())
}

/// `PTTL key`: milliseconds left.
pub(crate) fn pttl(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let now = keyspace.now();
    answer(keyspace, reply, |deadline| deadline.saturating_sub(now));
    Ok(())
}

/// `EXPIRETIME key`: the deadline in Unix seconds, rounded to the nearest.
pub(crate) fn expiretime(
    keyspace: &mut Keyspace<'_, '_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    answer(keyspace, reply, seconds);
    Ok(())
}

/// `PEXPIRETIME key`: the deadline in Unix milliseconds.
pub(crate) fn pexpiretime(
    keyspace: &mut Keyspace<'_, '_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    answer(keyspace, reply, |deadline| deadline);
    Ok(())
}

fn seconds(milliseconds: u64) -> u64 {
    milliseconds.saturating_add(500) / 1000
}

/// Answers what `of_deadline` makes of the key's deadline.
fn answer(keyspace: &Keyspace<'_, '_>, reply: &mut Reply<'_>, of_deadline: impl Fn(u64) -> u64) {
    let answer = match keyspace.find_untouched(keyspace.key()).map(EntryRef::deadline) {
        None => NO_KEY,
        Some(None) => NO_DEADLINE,
        Some(Some(deadline)) => i64::try_from(of_deadline(deadline)).unwrap_or(i64::MAX),
    };
    reply.int(answer);
}

/// `PERSIST key`.
pub(crate) fn persist(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    let volatile = keyspace.find(key).is_some_and(|entry| entry.deadline().is_some());
    if volatile {
        keyspace.apply(key.slot, &Effect::SetDeadline { key, deadline: None });
        keyspace.notify(Class::Generic, "persist", key);
    }
    reply.int(i64::from(volatile));
    Ok(())
}
