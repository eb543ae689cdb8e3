//! `GETBIT`, `SETBIT`: one bit.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use super::BAD_OFFSET;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::STRING_BYTES_MAX;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// The bit that `text` names, as its byte and the mask in it.
fn place(text: &[u8]) -> Result<(usize, u8), CommandError> {
    let offset = parse_integer(text).and_then(|offset| usize::try_from(offset).ok()).ok_or(BAD_OFFSET)?;
    let byte = offset >> 3;
    if byte >= STRING_BYTES_MAX {
        return Err(BAD_OFFSET);
    }
    Ok((byte, 0x80 >> (offset & 7)))
}

/// `GETBIT key offset`.
pub(super) fn getbit(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (byte, mask) = place(&args[2])?;
    let value = keyspace.string(keyspace.key())?.unwrap_or_default();
    reply.int(i64::from(value.get(byte).is_some_and(|byte| byte & mask != 0)));
    Ok(())
}

/// `SETBIT key offset value`: answers the bit that was there.
pub(super) fn setbit(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (byte, mask) = place(&args[2])?;
    let on = match parse_integer(&args[3]) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(CommandError::text("ERR bit is not an integer or out of range")),
    };
    let key = keyspace.key();
    let old = keyspace.string(key)?.and_then(|value| value.get(byte).copied());
    let was = old.is_some_and(|old| old & mask != 0);
    if old.is_none() || was != on {
        let new = old.unwrap_or(0) & !mask | if on { mask } else { 0 };
        keyspace.apply(key.slot, &Effect::WriteString { key, offset: byte, bytes: &[new] });
        keyspace.notify(Class::String, "setbit", key);
    }
    reply.int(i64::from(was));
    Ok(())
}
