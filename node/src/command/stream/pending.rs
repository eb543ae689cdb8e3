//! `XACK`, `XPENDING`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{answer, apply, argument, group, no_group};
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::StreamChange;
use crate::store::keyspace::Keyspace;
use crate::store::value::stream::{Group, StreamId};

/// `XACK key group id…`: how many were pending.
pub(super) fn xack(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, name) = (keyspace.key(), &args[2]);
    if group(keyspace, key, name)?.is_none() {
        reply.int(0);
        return Ok(());
    }
    let ids: Vec<StreamId> =
        args.from(3).iter().map(|text| argument::strict_id(text, 0)).collect::<Result<_, _>>()?;
    reply.count(apply(keyspace, key, StreamChange::Acknowledge { group: name, ids: &ids }).count);
    Ok(())
}

/// `XPENDING key group [[IDLE min] start end count [consumer]]`.
pub(super) fn xpending(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, name) = (keyspace.key(), &args[2]);
    let wanted = Wanted::parse(args)?;
    let group = group(keyspace, key, name)?.ok_or_else(|| no_group(key.bytes, name))?;
    match wanted {
        None => summary(reply, group),
        Some(wanted) => wanted.write(reply, group, keyspace.now()),
    }
    Ok(())
}

fn summary(reply: &mut Reply<'_>, group: &Group) {
    let range = || group.pending_range(StreamId::MIN, StreamId::MAX).map(|(id, ..)| id);
    reply.array(4);
    reply.count(group.pending_len());
    let (Some(first), Some(last)) = (range().next(), range().next_back()) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    answer::id(reply, first);
    answer::id(reply, last);
    let busy = || group.consumers().filter(|consumer| !consumer.pending().is_empty());
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(i64::try_from(consumer.pending().len()).unwrap_or(i64::MAX));
    }
}

/// Pending entries that are asked for.
struct Wanted<'a> {
    least_idle: i64,
    first: StreamId,
    last: StreamId,
    max: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    /// `None` where only a summary is asked for.
    fn parse(args: Args<'a>) -> Result<Option<Self>, CommandError> {
        match args.len() {
            3 => return Ok(None),
            6..=9 => {}
            _ => return Err(CommandError::Syntax),
        }
        let (mut least_idle, mut index) = (0, 3);
        if is(&args[3], "IDLE") {
            least_idle = integer(args, 4)?;
            index = 5;
            if args.len() < 8 {
                return Err(CommandError::Syntax);
            }
        }
        let max = usize::try_from(integer(args, index + 2)?).unwrap_or(0);
        let (first, last) = (argument::start(&args[index])?, argument::end(&args[index + 1])?);
        Ok(Some(Self { least_idle, first, last, max, consumer: args.get(index + 3) }))
    }

    fn write(&self, reply: &mut Reply<'_>, group: &Group, now: u64) {
        let idle = |time: u64| now.cast_signed().wrapping_sub(time.cast_signed());
        let long_enough = |time: u64| self.least_idle == 0 || idle(time) >= self.least_idle;
        let mut found = Vec::new();
        if let Some(name) = self.consumer {
            let ids = group.consumer(name).map(|consumer| consumer.pending_range(self.first, self.last));
            let entries = ids.into_iter().flatten().filter_map(|id| Some((id, group.pending(id)?, name)));
            found.extend(entries.filter(|(_, pending, _)| long_enough(pending.time)).take(self.max));
        } else {
            let entries = group.pending_range(self.first, self.last);
            let entries = entries.map(|(id, pending, owner)| (id, pending, owner.name()));
            found.extend(entries.filter(|(_, pending, _)| long_enough(pending.time)).take(self.max));
        }
        reply.array(found.len());
        for (id, pending, name) in found {
            reply.array(4);
            answer::id(reply, id);
            reply.bulk(name);
            reply.int(idle(pending.time).max(0));
            reply.int(pending.count.cast_signed());
        }
    }
}
