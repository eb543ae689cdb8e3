//! `XDEL`, `XSETID`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{apply, argument};
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::StreamChange;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
use crate::store::value::stream::StreamId;

/// `XDEL key id…`: how many entries there were.
pub(super) fn xdel(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    if keyspace.stream(key)?.is_none() {
        reply.int(0);
        return Ok(());
    }
    let ids: Vec<StreamId> =
        args.from(2).iter().map(|text| argument::strict_id(text, 0)).collect::<Result<_, _>>()?;
    let deleted = apply(keyspace, key, StreamChange::Delete { ids: &ids }).count;
    if deleted > 0 {
        keyspace.notify(Class::Stream, "xdel", key);
    }
    reply.count(deleted);
    Ok(())
}

/// `XSETID key last-id [ENTRIESADDED count] [MAXDELETEDID id]`.
pub(super) fn xsetid(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    let options = SetId::parse(args)?;
    let stream = keyspace.stream(key)?.ok_or(CommandError::NoSuchKey)?;
    if stream.top().is_some_and(|top| options.last < top) {
        return Err(CommandError::text(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if !stream.is_empty() && options.added.is_some_and(|added| (stream.len() as u64) > added) {
        return Err(CommandError::text(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    let added = options.added.unwrap_or(stream.added());
    let kept = options.max_deleted == StreamId::MIN;
    let max_deleted = if kept { stream.max_deleted_id() } else { options.max_deleted };
    apply(keyspace, key, StreamChange::SetIds { last: options.last, added, max_deleted });
    keyspace.notify(Class::Stream, "xsetid", key);
    reply.ok();
    Ok(())
}

struct SetId {
    last: StreamId,
    added: Option<u64>,
    /// 0-0 leaves what there is.
    max_deleted: StreamId,
}

impl SetId {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let last = argument::strict_id(&args[2], 0)?;
        let (mut options, mut index) = (Self { last, added: None, max_deleted: StreamId::MIN }, 3);
        while let Some(option) = args.get(index) {
            match (option, args.get(index + 1)) {
                (_, Some(_)) if is(option, "ENTRIESADDED") => {
                    let added = u64::try_from(integer(args, index + 1)?);
                    options.added =
                        Some(added.map_err(|_| CommandError::text("ERR entries_added must be positive"))?);
                }
                (_, Some(text)) if is(option, "MAXDELETEDID") => {
                    options.max_deleted = argument::strict_id(text, 0)?;
                    if last < options.max_deleted {
                        return Err(CommandError::text(
                            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                        ));
                    }
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 2;
        }
        Ok(options)
    }
}
