//! `HINCRBY`, `HINCRBYFLOAT`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::long_double::LongDouble;
use crate::command::options::integer;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `HINCRBY key field increment`.
pub(super) fn hincrby(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let increment = integer(args, 3)?;
    let key = keyspace.key();
    let old = match keyspace.hash(key)?.and_then(|hash| hash.get(&args[2])) {
        None => 0,
        Some(value) => parse_integer(value).ok_or(CommandError::text("ERR hash value is not an integer"))?,
    };
    let overflow = CommandError::text("ERR increment or decrement would overflow");
    let sum = old.checked_add(increment).ok_or(overflow)?;
    let mut digits = itoa::Buffer::new();
    let value = digits.format(sum).as_bytes();
    set_value(keyspace, &args[2], value);
    keyspace.notify(Class::Hash, "hincrby", keyspace.key());
    reply.int(sum);
    Ok(())
}

/// `HINCRBYFLOAT key field increment`.
pub(super) fn hincrbyfloat(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let increment = LongDouble::parse(&args[3]).ok_or(CommandError::NotFloat)?;
    if !increment.is_finite() {
        return Err(CommandError::text("ERR value is NaN or Infinity"));
    }
    let key = keyspace.key();
    let old = match keyspace.hash(key)?.and_then(|hash| hash.get(&args[2])) {
        None => LongDouble::ZERO,
        Some(value) => LongDouble::parse(value).ok_or(CommandError::text("ERR hash value is not a float"))?,
    };
    let unnatural = CommandError::text("ERR increment would produce NaN or Infinity");
    let sum = old.add(increment).ok_or(unnatural)?;
    let value = sum.to_text();
    set_value(keyspace, &args[2], &value);
    keyspace.notify(Class::Hash, "hincrbyfloat", keyspace.key());
    reply.bulk(&value);
    Ok(())
}

/// Sets a field's value; it expires when it did.
fn set_value(keyspace: &mut Keyspace<'_, '_>, field: &[u8], value: &[u8]) {
    let key = keyspace.key();
    let hash = keyspace.hash(key).ok().flatten();
    let deadline = hash.and_then(|hash| hash.deadline(field));
    keyspace.apply(key.slot, &Effect::SetFields { key, fields: &[(field, value)] });
    if deadline.is_some() {
        keyspace.apply(key.slot, &Effect::SetFieldDeadlines { key, deadline, fields: &[field] });
    }
}
