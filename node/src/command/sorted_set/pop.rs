//! `ZPOPMIN`, `ZPOPMAX`, `ZMPOP`.

use std::ops::Range;

use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, Protocol};

use super::answer;
use crate::command::collected::Collected;
use crate::command::options::{at_least, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::SortedSet;

/// Which end of a sorted set is popped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extreme {
    Lowest,
    Highest,
}

impl Extreme {
    /// The ranks of `count` members at this end.
    fn ranks(self, set: SortedSet<'_>, count: usize) -> Range<usize> {
        let count = count.min(set.len());
        match self {
            Self::Lowest => 0..count,
            Self::Highest => set.len() - count..set.len(),
        }
    }
}

/// `ZPOPMIN key [count]`.
pub(super) fn zpopmin(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    pop(keyspace, args, reply, Extreme::Lowest)
}

/// `ZPOPMAX key [count]`.
pub(super) fn zpopmax(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    pop(keyspace, args, reply, Extreme::Highest)
}

fn pop(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    extreme: Extreme,
) -> CommandResult {
    let count = match args.len() {
        2 => 1,
        3 => at_least(args, 2, 0, CommandError::MustBePositive)?,
        _ => return Err(CommandError::Syntax),
    };
    let key = keyspace.key();
    let Some(set) = keyspace.sorted_set(key)? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = extreme.ranks(set, count);
    let members = set.range(ranks.clone(), extreme == Extreme::Highest);
    if args.len() == 3 && reply.protocol() == Protocol::Resp3 {
        answer::pairs(reply, members);
    } else {
        reply.array(2 * members.len());
        members.for_each(|(member, score)| answer::scored(reply, member, score));
    }
    take(keyspace, key, ranks, extreme);
    Ok(())
}

/// Pops one member of the set at `key` and replies with the key's name, it, and its score.
pub(super) fn pop_named(
    keyspace: &mut Keyspace<'_, '_>,
    reply: &mut Reply<'_>,
    key: Key<'_>,
    extreme: Extreme,
) {
    let Ok(Some(set)) = keyspace.sorted_set(key) else { return };
    let ranks = extreme.ranks(set, 1);
    reply.array(3);
    reply.bulk(key.bytes);
    set.range(ranks.clone(), false).for_each(|(member, score)| answer::scored(reply, member, score));
    take(keyspace, key, ranks, extreme);
}

/// Pops up to `count` members of the set at `key` and replies with the key's name and them.
pub(super) fn pop_many_named(
    keyspace: &mut Keyspace<'_, '_>,
    reply: &mut Reply<'_>,
    key: Key<'_>,
    (extreme, count): (Extreme, usize),
) {
    let Ok(Some(set)) = keyspace.sorted_set(key) else { return };
    let ranks = extreme.ranks(set, count);
    reply.array(2);
    reply.bulk(key.bytes);
    answer::pairs(reply, set.range(ranks.clone(), extreme == Extreme::Highest));
    take(keyspace, key, ranks, extreme);
}

/// Takes the members of `ranks` out of the set at `key`.
fn take(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, ranks: Range<usize>, extreme: Extreme) {
    if ranks.is_empty() {
        return;
    }
    let Ok(Some(set)) = keyspace.sorted_set(key) else { return };
    if ranks.len() == set.len() {
        keyspace.apply(key.slot, &Effect::Remove { key });
    } else {
        let members: Collected = set.range(ranks, false).map(|(member, _)| member).collect();
        keyspace.apply(key.slot, &Effect::RemoveScored { key, members: &members.slices() });
    }
    let event = if extreme == Extreme::Lowest { "zpopmin" } else { "zpopmax" };
    keyspace.notify_loss(Class::SortedSet, event, key);
}

/// `ZMPOP numkeys key… MIN|MAX [COUNT count]`.
pub(super) fn zmpop(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let wanted = many_options(args, 1)?;
    for &key in keyspace.keys() {
        if keyspace.sorted_set(key)?.is_some() {
            pop_many_named(keyspace, reply, key, wanted);
            return Ok(());
        }
    }
    reply.null_array();
    Ok(())
}

/// The options of `ZMPOP` and `BZMPOP`, whose number of keys is argument `numkeys`: the end and how many.
pub(super) fn many_options(args: Args<'_>, numkeys: usize) -> Result<(Extreme, usize), CommandError> {
    let keys = at_least(args, numkeys, 1, CommandError::text("ERR numkeys should be greater than 0"))?;
    let options = keys.saturating_add(numkeys + 1);
    let extreme = match args.get(options) {
        Some(word) if is(word, "MIN") => Extreme::Lowest,
        Some(word) if is(word, "MAX") => Extreme::Highest,
        _ => return Err(CommandError::Syntax),
    };
    let count = match args.get(options + 1) {
        None => 1,
        Some(option) if is(option, "COUNT") && args.len() > options + 2 => {
            at_least(args, options + 2, 1, CommandError::text("ERR count should be greater than 0"))?
        }
        Some(_) => return Err(CommandError::Syntax),
    };
    if args.len() > options + 3 {
        return Err(CommandError::Syntax);
    }
    Ok((extreme, count))
}
