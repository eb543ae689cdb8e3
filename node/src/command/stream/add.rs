//! `XADD`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use smallvec::SmallVec;

use super::argument::Wanted;
use super::trim::Options;
use super::{answer, apply};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::StreamChange;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
use crate::store::value::Stream;
use crate::store::value::stream::{ENTRY_BYTES_MAX, StreamId};

/// `XADD key [NOMKSTREAM] [MAXLEN|MINID [~|=] limit [LIMIT count]] *|id field value …`.
pub(super) fn xadd(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    let options = Options::parse(args, true)?;
    let arity = CommandError::text("ERR wrong number of arguments for 'xadd' command");
    let (wanted, index) = options.wanted.ok_or(arity.clone())?;
    let fields = args.from(index);
    if fields.len() < 2 || fields.len() % 2 == 1 {
        return Err(arity);
    }
    if wanted == Wanted::Exact(StreamId::MIN) {
        return Err(CommandError::text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let Some(last) =
        keyspace.stream(key)?.map(Stream::last_id).or((!options.only_existing).then_some(StreamId::MIN))
    else {
        reply.null();
        return Ok(());
    };
    let id = next_id(wanted, last, keyspace.now())?;
    let fields: SmallVec<[(&[u8], &[u8]); 8]> =
        (0..fields.len() / 2).map(|pair| (&fields[2 * pair], &fields[2 * pair + 1])).collect();
    if fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > ENTRY_BYTES_MAX {
        return Err(CommandError::text("ERR Elements are too large to be stored"));
    }
    apply(keyspace, key, StreamChange::Append { id, fields: &fields });
    keyspace.notify(Class::Stream, "xadd", key);
    options.trim(keyspace, key)?;
    answer::id(reply, id);
    Ok(())
}

/// The id of the entry behind `last` at `now`.
fn next_id(wanted: Wanted, last: StreamId, now: u64) -> Result<StreamId, CommandError> {
    if last == StreamId::MAX {
        return Err(CommandError::text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let id = match wanted {
        Wanted::Generated => last.generated(now),
        Wanted::NextOf(ms) if ms == last.ms => last.seq.checked_add(1).map(|seq| StreamId::new(ms, seq)),
        Wanted::NextOf(ms) => Some(StreamId::new(ms, 0)),
        Wanted::Exact(id) => Some(id),
    };
    id.filter(|id| *id > last).ok_or(CommandError::text(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    ))
}
