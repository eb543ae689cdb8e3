//! `LSET`, `LINSERT`, `LREM`, `LTRIM`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{place, range};
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `LSET key index value`.
pub(super) fn lset(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    let len = keyspace.list(key)?.ok_or(CommandError::NoSuchKey)?.len();
    let index = place(integer(args, 2)?, len).ok_or(CommandError::IndexOutOfRange)?;
    keyspace.apply(key.slot, &Effect::SetListItem { key, index, value: &args[3] });
    keyspace.notify(Class::List, "lset", key);
    reply.ok();
    Ok(())
}

/// `LINSERT key BEFORE|AFTER pivot value`.
pub(super) fn linsert(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let behind = match &args[2] {
        side if is(side, "BEFORE") => 0,
        side if is(side, "AFTER") => 1,
        _ => return Err(CommandError::Syntax),
    };
    let key = keyspace.key();
    let Some(list) = keyspace.list(key)? else {
        reply.int(0);
        return Ok(());
    };
    let len = list.len();
    let Some(pivot) = list.iter().position(|item| *item == args[3]) else {
        reply.int(-1);
        return Ok(());
    };
    keyspace.apply(key.slot, &Effect::InsertListItem { key, index: pivot + behind, value: &args[4] });
    keyspace.notify(Class::List, "linsert", key);
    reply.count(len + 1);
    Ok(())
}

/// `LREM key count value`.
pub(super) fn lrem(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let count = integer(args, 2)?;
    let key = keyspace.key();
    if keyspace.list(key)?.is_none() {
        reply.int(0);
        return Ok(());
    }
    let removed = keyspace.apply(key.slot, &Effect::RemoveListItems { key, value: &args[3], count });
    if removed.count > 0 {
        keyspace.notify_loss(Class::List, "lrem", key);
    }
    reply.count(removed.count);
    Ok(())
}

/// `LTRIM key start stop`.
pub(super) fn ltrim(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (first, last) = (integer(args, 2)?, integer(args, 3)?);
    let key = keyspace.key();
    if let Some(list) = keyspace.list(key)? {
        let (start, len) = range(first, last, list.len());
        keyspace.apply(key.slot, &Effect::TrimList { key, start, len });
        keyspace.notify_loss(Class::List, "ltrim", key);
    }
    reply.ok();
    Ok(())
}
