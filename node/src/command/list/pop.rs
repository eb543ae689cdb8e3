//! `LPOP`, `RPOP`, `LMPOP`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{end, popped, write_from};
use crate::command::options::{at_least, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::list::End;

/// `LPOP key [count]`.
pub(super) fn lpop(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    const ARITY: CommandError = CommandError::text("ERR wrong number of arguments for 'lpop' command");
    match args.len() {
        2 => pop_one(keyspace, reply, End::Front),
        3 => pop_many(keyspace, args, reply, End::Front),
        _ => Err(ARITY),
    }
}

/// `RPOP key [count]`.
pub(super) fn rpop(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    const ARITY: CommandError = CommandError::text("ERR wrong number of arguments for 'rpop' command");
    match args.len() {
        2 => pop_one(keyspace, reply, End::Back),
        3 => pop_many(keyspace, args, reply, End::Back),
        _ => Err(ARITY),
    }
}

fn pop_one(keyspace: &mut Keyspace<'_, '_>, reply: &mut Reply<'_>, end: End) -> CommandResult {
    let key = keyspace.key();
    let Some(list) = keyspace.list(key)? else {
        reply.null();
        return Ok(());
    };
    reply.bulk_or_null(list.at_end(end));
    keyspace.apply(key.slot, &Effect::PopList { key, end, count: 1 });
    keyspace.notify_loss(Class::List, popped(end), key);
    Ok(())
}

fn pop_many(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    end: End,
) -> CommandResult {
    let count = at_least(args, 2, 0, CommandError::MustBePositive)?;
    let key = keyspace.key();
    match keyspace.list(key)? {
        None => reply.null_array(),
        Some(list) => {
            write_from(reply, list, end, count);
            if keyspace.apply(key.slot, &Effect::PopList { key, end, count }).changed {
                keyspace.notify_loss(Class::List, popped(end), key);
            }
        }
    }
    Ok(())
}

/// `LMPOP numkeys key… LEFT|RIGHT [COUNT count]`.
pub(super) fn lmpop(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (end, count) = many_options(args, 1)?;
    for &key in keyspace.keys() {
        if keyspace.list(key)?.is_some() {
            pop_named(keyspace, reply, key, (end, count));
            return Ok(());
        }
    }
    reply.null_array();
    Ok(())
}

/// The options of `LMPOP` and `BLMPOP`, whose number of keys is argument `numkeys`: the end and how many.
pub(super) fn many_options(args: Args<'_>, numkeys: usize) -> Result<(End, usize), CommandError> {
    let keys = at_least(args, numkeys, 1, CommandError::text("ERR numkeys should be greater than 0"))?;
    let options = keys.saturating_add(numkeys + 1);
    let end = end(args.get(options).ok_or(CommandError::Syntax)?)?;
    let count = match args.get(options + 1) {
        None => 1,
        Some(option) if is(option, "COUNT") && args.len() > options + 2 => {
            at_least(args, options + 2, 1, CommandError::text("ERR count should be greater than 0"))?
        }
        Some(_) => return Err(CommandError::Syntax),
    };
    if args.len() > options + 3 {
        return Err(CommandError::Syntax);
    }
    Ok((end, count))
}

/// Pops up to `count` items of the list at `key` and replies with its name and them.
pub(super) fn pop_named(
    keyspace: &mut Keyspace<'_, '_>,
    reply: &mut Reply<'_>,
    key: Key<'_>,
    (end, count): (End, usize),
) {
    let Ok(Some(list)) = keyspace.list(key) else { return };
    reply.array(2);
    reply.bulk(key.bytes);
    write_from(reply, list, end, count);
    keyspace.apply(key.slot, &Effect::PopList { key, end, count });
    keyspace.notify_loss(Class::List, popped(end), key);
}
