//! `STRLEN`, `APPEND`, `GETRANGE`, `SUBSTR`, `SETRANGE`: parts of a string.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::integer;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::STRING_BYTES_MAX;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// `STRLEN key`.
pub(crate) fn strlen(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.count(keyspace.string(keyspace.key())?.map_or(0, <[u8]>::len));
    Ok(())
}

/// `APPEND key value`.
pub(crate) fn append(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    let offset = keyspace.string(key)?.map(<[u8]>::len);
    if args[2].is_empty() && offset.is_some() {
        keyspace.notify(Class::String, "append", key);
        reply.count(offset.unwrap_or(0));
        return Ok(());
    }
    reply.count(write(keyspace, key, offset.unwrap_or(0), &args[2])?);
    keyspace.notify(Class::String, "append", key);
    Ok(())
}

/// `SETRANGE key offset value`.
pub(crate) fn setrange(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let offset = integer(args, 2)?;
    let offset = usize::try_from(offset).map_err(|_| CommandError::text("ERR offset is out of range"))?;
    let key = keyspace.key();
    let len = keyspace.string(key)?.map_or(0, <[u8]>::len);
    if args[3].is_empty() {
        reply.count(len);
        return Ok(());
    }
    reply.count(write(keyspace, key, offset, &args[3])?.max(len));
    keyspace.notify(Class::String, "setrange", key);
    Ok(())
}

/// Writes `bytes` at `offset`; returns the offset after them.
fn write(
    keyspace: &mut Keyspace<'_, '_>,
    key: Key<'_>,
    offset: usize,
    bytes: &[u8],
) -> Result<usize, CommandError> {
    let end = offset.saturating_add(bytes.len());
    if end > STRING_BYTES_MAX {
        return Err(CommandError::StringTooLong);
    }
    keyspace.apply(key.slot, &Effect::WriteString { key, offset, bytes });
    Ok(end)
}

/// `GETRANGE key start end`, and `SUBSTR`, its old name.
pub(crate) fn getrange(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (start, end) = (integer(args, 2)?, integer(args, 3)?);
    let value = keyspace.string(keyspace.key())?.unwrap_or_default();
    reply.bulk(part(value, start, end));
    Ok(())
}

/// The bytes from `start` to `end`, that one included; negative numbers count from the end.
fn part(value: &[u8], start: i64, end: i64) -> &[u8] {
    let len = i64::try_from(value.len()).unwrap_or(i64::MAX);
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let from_end = |index: i64| if index < 0 { index.saturating_add(len).max(0) } else { index };
    let (start, end) = (from_end(start), from_end(end).min(len - 1));
    match (usize::try_from(start), usize::try_from(end)) {
        (Ok(start), Ok(end)) if start <= end => &value[start..=end],
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_part_keeps_within_the_string() {
        for (start, end, expected) in [
            (0, -1, "hello"),
            (1, 2, "el"),
            (-3, -2, "ll"),
            (-1, -3, ""),
            (3, 1, ""),
            (4, 100, "o"),
            (5, 9, ""),
            (i64::MIN, i64::MAX, "hello"),
            (i64::MIN, i64::MIN, "h"),
        ] {
            assert_eq!(part(b"hello", start, end), expected.as_bytes(), "{start} {end}");
        }
        assert_eq!(part(b"", 0, -1), b"");
    }
}
