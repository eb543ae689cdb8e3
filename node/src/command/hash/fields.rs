//! `HSET`, `HMSET`, `HSETNX`, `HDEL`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use smallvec::SmallVec;

use crate::command::options::rest;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `HSET key field value…`.
pub(super) fn hset(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    const ARITY: CommandError = CommandError::text("ERR wrong number of arguments for 'hset' command");
    reply.count(set_fields(keyspace, args, ARITY)?);
    Ok(())
}

/// `HMSET key field value…`.
pub(super) fn hmset(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    const ARITY: CommandError = CommandError::text("ERR wrong number of arguments for 'hmset' command");
    set_fields(keyspace, args, ARITY)?;
    reply.ok();
    Ok(())
}

/// Sets the fields; returns how many are new. `arity` is the error of a field without a value.
fn set_fields(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    arity: CommandError,
) -> Result<usize, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(arity);
    }
    let key = keyspace.key();
    keyspace.hash(key)?;
    let pair = |at: usize| (&args[at], &args[at + 1]);
    let mut fields: SmallVec<[(&[u8], &[u8]); 8]> = SmallVec::new();
    fields.push(pair(2));
    fields.extend((4..args.len()).step_by(2).map(pair));
    let added = keyspace.apply(key.slot, &Effect::SetFields { key, fields: &fields }).count;
    keyspace.notify(Class::Hash, "hset", key);
    Ok(added)
}

/// `HSETNX key field value`.
pub(super) fn hsetnx(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    let present = keyspace.hash(key)?.is_some_and(|hash| hash.get(&args[2]).is_some());
    if !present {
        keyspace.apply(key.slot, &Effect::SetFields { key, fields: &[(&args[2], &args[3])] });
        keyspace.notify(Class::Hash, "hset", key);
    }
    reply.int(i64::from(!present));
    Ok(())
}

/// `HDEL key field…`.
pub(super) fn hdel(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    if keyspace.hash(key)?.is_none() {
        reply.int(0);
        return Ok(());
    }
    let fields = rest(args, 2);
    let removed = keyspace.apply(key.slot, &Effect::RemoveFields { key, fields: &fields }).count;
    if removed > 0 {
        keyspace.notify_loss(Class::Hash, "hdel", key);
    }
    reply.count(removed);
    Ok(())
}
