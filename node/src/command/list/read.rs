//! `LLEN`, `LRANGE`, `LINDEX`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{place, range};
use crate::command::CommandResult;
use crate::command::options::integer;
use crate::store::keyspace::Keyspace;
use crate::store::value::List;

/// `LLEN key`.
pub(super) fn llen(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.count(keyspace.list(keyspace.key())?.map_or(0, List::len));
    Ok(())
}

/// `LRANGE key start stop`.
pub(super) fn lrange(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (first, last) = (integer(args, 2)?, integer(args, 3)?);
    let Some(list) = keyspace.list(keyspace.key())? else {
        reply.array(0);
        return Ok(());
    };
    let (start, len) = range(first, last, list.len());
    keyspace.weigh(len)?;
    reply.array(len);
    list.range(start, len).for_each(|item| reply.bulk(item));
    Ok(())
}

/// `LINDEX key index`.
pub(super) fn lindex(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let item = match keyspace.list(keyspace.key())? {
        None => None,
        Some(list) => place(integer(args, 2)?, list.len()).and_then(|index| list.get(index)),
    };
    reply.bulk_or_null(item);
    Ok(())
}
