//! `ZREM`, `ZREMRANGEBYRANK`, `ZREMRANGEBYSCORE`, `ZREMRANGEBYLEX`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use smallvec::SmallVec;

use super::interval::{Interval, Measure};
use crate::command::CommandResult;
use crate::command::collected::Collected;
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `ZREM key member…`.
pub(super) fn zrem(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    if keyspace.sorted_set(key)?.is_none() {
        reply.int(0);
        return Ok(());
    }
    let members: SmallVec<[&[u8]; 4]> = args.iter().skip(2).collect();
    let applied = keyspace.apply(key.slot, &Effect::RemoveScored { key, members: &members });
    if applied.count > 0 {
        keyspace.notify_loss(Class::SortedSet, "zrem", key);
    }
    reply.count(applied.count);
    Ok(())
}

/// `ZREMRANGEBYRANK key start stop`.
pub(super) fn zremrangebyrank(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    remove(keyspace, args, reply, Measure::Rank)
}

/// `ZREMRANGEBYSCORE key min max`.
pub(super) fn zremrangebyscore(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    remove(keyspace, args, reply, Measure::Score)
}

/// `ZREMRANGEBYLEX key min max`.
pub(super) fn zremrangebylex(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    remove(keyspace, args, reply, Measure::Member)
}

fn remove(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    measure: Measure,
) -> CommandResult {
    let interval = Interval::parse(args, measure, 2, false)?;
    let key = keyspace.key();
    let Some(set) = keyspace.sorted_set(key)? else {
        reply.int(0);
        return Ok(());
    };
    let ranks = interval.ranks(set, false);
    let (count, all) = (ranks.len(), ranks.len() == set.len());
    keyspace.weigh(if all { 0 } else { count })?;
    if all {
        keyspace.apply(key.slot, &Effect::Remove { key });
    } else if count > 0 {
        let members: Collected = set.range(ranks, false).map(|(member, _)| member).collect();
        keyspace.apply(key.slot, &Effect::RemoveScored { key, members: &members.slices() });
    }
    if count > 0 {
        let event = match measure {
            Measure::Rank => "zremrangebyrank",
            Measure::Score => "zremrangebyscore",
            Measure::Member => "zremrangebylex",
        };
        keyspace.notify_loss(Class::SortedSet, event, key);
    }
    reply.count(count);
    Ok(())
}
