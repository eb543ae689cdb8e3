//! `INCR`, `DECR`, `INCRBY`, `DECRBY`, `INCRBYFLOAT`: strings that are numbers.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::long_double::LongDouble;
use crate::command::options::integer;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `INCR key`.
pub(crate) fn incr(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    add(keyspace, 1, reply)
}

/// `DECR key`.
pub(crate) fn decr(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    add(keyspace, -1, reply)
}

/// `INCRBY key increment`.
pub(crate) fn incrby(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    add(keyspace, integer(args, 2)?, reply)
}

/// `DECRBY key decrement`.
pub(crate) fn decrby(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let decrement = integer(args, 2)?;
    let increment = decrement.checked_neg().ok_or(CommandError::text("ERR decrement would overflow"))?;
    add(keyspace, increment, reply)
}

fn add(keyspace: &mut Keyspace<'_, '_>, increment: i64, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    let (old, deadline) = match keyspace.find(key) {
        None => (0, None),
        Some(entry) => {
            let text = entry.as_string().ok_or(CommandError::WrongType)?;
            (parse_integer(text).ok_or(CommandError::NotInteger)?, entry.deadline())
        }
    };
    let overflow = CommandError::text("ERR increment or decrement would overflow");
    let new = old.checked_add(increment).ok_or(overflow)?;
    let mut digits = itoa::Buffer::new();
    let value = digits.format(new).as_bytes();
    keyspace.apply(key.slot, &Effect::SetString { key, value, deadline });
    keyspace.notify(Class::String, "incrby", key);
    reply.int(new);
    Ok(())
}

/// `INCRBYFLOAT key increment`.
pub(crate) fn incrbyfloat(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    let old = match keyspace.string(key)? {
        Some(text) => LongDouble::parse(text).ok_or(CommandError::NotFloat)?,
        None => LongDouble::ZERO,
    };
    let increment = LongDouble::parse(&args[2]).ok_or(CommandError::NotFloat)?;
    let infinite = CommandError::text("ERR increment would produce NaN or Infinity");
    let value = old.add(increment).filter(LongDouble::is_finite).ok_or(infinite)?.to_text();
    let deadline = keyspace.find(key).and_then(EntryRef::deadline);
    keyspace.apply(key.slot, &Effect::SetString { key, value: &value, deadline });
    keyspace.notify(Class::String, "incrbyfloat", key);
    reply.bulk(&value);
    Ok(())
}
