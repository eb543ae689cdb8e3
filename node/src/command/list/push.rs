//! `LPUSH`, `RPUSH`, `LPUSHX`, `RPUSHX`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::CommandResult;
use crate::command::options::rest;
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
use crate::store::value::List;
use crate::store::value::list::End;

/// `LPUSH key value…`.
pub(super) fn lpush(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    push(keyspace, args, reply, End::Front, false)
}

/// `RPUSH key value…`.
pub(super) fn rpush(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    push(keyspace, args, reply, End::Back, false)
}

/// `LPUSHX key value…`.
pub(super) fn lpushx(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    push(keyspace, args, reply, End::Front, true)
}

/// `RPUSHX key value…`.
pub(super) fn rpushx(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    push(keyspace, args, reply, End::Back, true)
}

fn push(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    end: End,
    only_existing: bool,
) -> CommandResult {
    let key = keyspace.key();
    let before = keyspace.list(key)?.map(List::len);
    if only_existing && before.is_none() {
        reply.int(0);
        return Ok(());
    }
    let values = rest(args, 2);
    keyspace.apply(key.slot, &Effect::PushList { key, end, values: &values });
    keyspace.notify(Class::List, super::pushed(end), key);
    reply.count(before.unwrap_or(0) + values.len());
    Ok(())
}
