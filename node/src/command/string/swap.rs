//! `SETNX`, `SETEX`, `PSETEX`, `GETSET`, `GETDEL`, `GETEX`: a value set or read on a condition of its own.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::is;
use crate::command::unit::Unit;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `SETNX key value`.
pub(crate) fn setnx(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    let absent = keyspace.find(key).is_none();
    if absent {
        keyspace.apply(key.slot, &Effect::SetString { key, value: &args[2], deadline: None });
        keyspace.notify(Class::String, "set", key);
    }
    reply.int(i64::from(absent));
    Ok(())
}

/// `SETEX key seconds value`.
pub(crate) fn setex(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let invalid = CommandError::text("ERR invalid expire time in 'setex' command");
    let deadline = Unit::Seconds.deadline(&args[2], keyspace.now(), &invalid)?;
    super::set_or_remove(keyspace, keyspace.key(), &args[3], Some(deadline), true);
    reply.ok();
    Ok(())
}

/// `PSETEX key milliseconds value`.
pub(crate) fn psetex(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let invalid = CommandError::text("ERR invalid expire time in 'psetex' command");
    let deadline = Unit::Milliseconds.deadline(&args[2], keyspace.now(), &invalid)?;
    super::set_or_remove(keyspace, keyspace.key(), &args[3], Some(deadline), true);
    reply.ok();
    Ok(())
}

/// `GETSET key value`.
pub(crate) fn getset(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    reply.bulk_or_null(keyspace.string(key)?);
    keyspace.notify_miss(key);
    keyspace.apply(key.slot, &Effect::SetString { key, value: &args[2], deadline: None });
    keyspace.notify(Class::String, "set", key);
    Ok(())
}

/// `GETDEL key`.
pub(crate) fn getdel(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    let value = keyspace.string(key)?;
    reply.bulk_or_null(value);
    if value.is_some() {
        keyspace.apply(key.slot, &Effect::Remove { key });
        keyspace.notify(Class::Generic, "del", key);
    } else {
        keyspace.notify_miss(key);
    }
    Ok(())
}

/// What `GETEX` does to the deadline.
enum Change<'a> {
    Nothing,
    Persist,
    In(Unit, &'a [u8]),
}

/// `GETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST]`.
pub(crate) fn getex(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let invalid = CommandError::text("ERR invalid expire time in 'getex' command");
    let change = getex_options(args)?;
    let key = keyspace.key();
    let Some(value) = keyspace.string(key)? else {
        keyspace.notify_miss(key);
        reply.null();
        return Ok(());
    };
    reply.bulk(value);
    let effect = match change {
        Change::Nothing => return Ok(()),
        Change::Persist if keyspace.find(key).and_then(EntryRef::deadline).is_none() => return Ok(()),
        Change::Persist => Effect::SetDeadline { key, deadline: None },
        Change::In(unit, amount) => match unit.deadline(amount, keyspace.now(), &invalid)? {
            deadline if deadline <= keyspace.now() => Effect::Remove { key },
            deadline => Effect::SetDeadline { key, deadline: Some(deadline) },
        },
    };
    keyspace.apply(key.slot, &effect);
    let event = match effect {
        Effect::Remove { .. } => "del",
        Effect::SetDeadline { deadline: None, .. } => "persist",
        _ => "expire",
    };
    keyspace.notify(Class::Generic, event, key);
    Ok(())
}

/// An option may be repeated; the last one counts.
fn getex_options(args: Args<'_>) -> Result<Change<'_>, CommandError> {
    let (mut change, mut index) = (Change::Nothing, 2);
    while let Some(option) = args.get(index) {
        let unit = Unit::of_option(option);
        change = match (unit, args.get(index + 1)) {
            (None, _) if is(option, "PERSIST") && !matches!(change, Change::In(..)) => Change::Persist,
            (Some(unit), Some(amount)) => match change {
                Change::Nothing => Change::In(unit, amount),
                Change::In(before, _) if before == unit => Change::In(unit, amount),
                _ => return Err(CommandError::Syntax),
            },
            _ => return Err(CommandError::Syntax),
        };
        index += 1 + usize::from(unit.is_some());
    }
    Ok(change)
}
