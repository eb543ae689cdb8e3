//! `HGET`, `HMGET`, `HLEN`, `HSTRLEN`, `HEXISTS`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;
use crate::store::value::Hash;

/// The value of the field that the command names second.
fn value<'k>(keyspace: &'k Keyspace<'_, '_>, args: Args<'_>) -> Result<Option<&'k [u8]>, CommandError> {
    Ok(keyspace.hash(keyspace.key())?.and_then(|hash| hash.get(&args[2])))
}

/// `HGET key field`.
pub(super) fn hget(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.bulk_or_null(value(keyspace, args)?);
    Ok(())
}

/// `HMGET key field…`.
pub(super) fn hmget(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let hash = keyspace.hash(keyspace.key())?;
    let fields = args.from(2);
    reply.array(fields.len());
    fields.iter().for_each(|field| reply.bulk_or_null(hash.and_then(|hash| hash.get(field))));
    Ok(())
}

/// `HLEN key`.
pub(super) fn hlen(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.count(keyspace.hash(keyspace.key())?.map_or(0, Hash::len));
    Ok(())
}

/// `HSTRLEN key field`.
pub(super) fn hstrlen(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    reply.count(value(keyspace, args)?.map_or(0, <[u8]>::len));
    Ok(())
}

/// `HEXISTS key field`.
pub(super) fn hexists(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    reply.int(i64::from(value(keyspace, args)?.is_some()));
    Ok(())
}
