//! `XLEN`, `XRANGE`, `XREVRANGE`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{answer, argument};
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;
use crate::store::value::Stream;

/// `XLEN key`.
pub(super) fn xlen(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.count(keyspace.stream(keyspace.key())?.map_or(0, Stream::len));
    Ok(())
}

/// `XRANGE key start end [COUNT count]`.
pub(super) fn xrange(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    range(keyspace, args, reply, false)
}

/// `XREVRANGE key end start [COUNT count]`.
pub(super) fn xrevrange(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    range(keyspace, args, reply, true)
}

fn range(keyspace: &Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>, reverse: bool) -> CommandResult {
    let (start_at, end_at) = if reverse { (3, 2) } else { (2, 3) };
    let (first, last) = (argument::start(&args[start_at])?, argument::end(&args[end_at])?);
    let (mut max, mut index) = (usize::MAX, 4);
    while let Some(option) = args.get(index) {
        if !is(option, "COUNT") || index + 1 >= args.len() {
            return Err(CommandError::Syntax);
        }
        // A negative count is as none at all of the entries.
        max = usize::try_from(integer(args, index + 1)?).unwrap_or(0);
        index += 2;
    }
    match keyspace.stream(keyspace.key())? {
        None => reply.array(0),
        Some(_) if max == 0 => reply.null_array(),
        Some(stream) => answer::entries(reply, stream, (first, last), max, reverse),
    }
    Ok(())
}
