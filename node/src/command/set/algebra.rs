//! `SINTER`, `SUNION`, `SDIFF`, their `…STORE` forms and `SINTERCARD`.

use std::collections::HashSet;
use std::ops::ControlFlow;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::collected::Collected;
use crate::command::options::{at_least, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::{ELEMENTS_MAX, Effect};
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::{Set, Text};

/// `SINTER key…`.
pub(super) fn sinter(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(reply, &intersection(sets(keyspace, keyspace.keys())?, usize::MAX));
    Ok(())
}

/// `SUNION key…`.
pub(super) fn sunion(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(reply, &union(&sets(keyspace, keyspace.keys())?));
    Ok(())
}

/// `SDIFF key…`.
pub(super) fn sdiff(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(reply, &difference(&sets(keyspace, keyspace.keys())?));
    Ok(())
}

/// `SINTERSTORE destination key…`.
pub(super) fn sinterstore(
    keyspace: &mut Keyspace<'_, '_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let members = collected(&intersection(sets(keyspace, &keyspace.keys()[1..])?, usize::MAX));
    store(keyspace, reply, &members, "sinterstore");
    Ok(())
}

/// `SUNIONSTORE destination key…`.
pub(super) fn sunionstore(
    keyspace: &mut Keyspace<'_, '_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let members = collected(&union(&sets(keyspace, &keyspace.keys()[1..])?));
    store(keyspace, reply, &members, "sunionstore");
    Ok(())
}

/// `SDIFFSTORE destination key…`.
pub(super) fn sdiffstore(
    keyspace: &mut Keyspace<'_, '_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let members = collected(&difference(&sets(keyspace, &keyspace.keys()[1..])?));
    store(keyspace, reply, &members, "sdiffstore");
    Ok(())
}

/// `SINTERCARD numkeys key… [LIMIT limit]`.
pub(super) fn sintercard(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let count = at_least(args, 1, 1, CommandError::text("ERR numkeys should be greater than 0"))?;
    if count > args.len() - 2 {
        return Err(CommandError::text("ERR Number of keys can't be greater than number of args"));
    }
    let mut limit = 0;
    let mut index = 2 + count;
    while let Some(option) = args.get(index) {
        if !is(option, "LIMIT") || index + 1 == args.len() {
            return Err(CommandError::Syntax);
        }
        limit = at_least(args, index + 1, 0, CommandError::text("ERR LIMIT can't be negative"))?;
        index += 2;
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    reply.count(intersection(sets(keyspace, keyspace.keys())?, limit).len());
    Ok(())
}

/// The sets at `keys`; an absent one is `None`, and empty.
fn sets<'k>(keyspace: &'k Keyspace<'_, '_>, keys: &[Key<'_>]) -> Result<Vec<Option<Set<'k>>>, CommandError> {
    keys.iter().map(|key| keyspace.set(*key)).collect()
}

/// Members of all sets, at most `limit`.
fn intersection(sets: Vec<Option<Set<'_>>>, limit: usize) -> Vec<Text<'_>> {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<Set<'_>>>>() else { return Vec::new() };
    // The smallest first: it bounds the work, and most candidates fail at the next smallest.
    sets.sort_unstable_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return Vec::new() };
    let everywhere = |member: &Text<'_>| others.iter().all(|set| set.contains(member));
    smallest.iter().filter(everywhere).take(limit).collect()
}

/// Members of any set, each once.
fn union<'k>(sets: &[Option<Set<'k>>]) -> Vec<Text<'k>> {
    let present: Vec<Set<'_>> = sets.iter().flatten().copied().collect();
    match present[..] {
        [] => Vec::new(),
        [only] => only.iter().collect(),
        _ => present.iter().flat_map(|set| set.iter()).collect::<HashSet<_>>().into_iter().collect(),
    }
}

/// Members of the first set that are in no other.
fn difference<'k>(sets: &[Option<Set<'k>>]) -> Vec<Text<'k>> {
    let Some((Some(first), others)) = sets.split_first() else { return Vec::new() };
    let others: Vec<Set<'_>> = others.iter().flatten().copied().collect();
    let total: usize = others.iter().map(|set| set.len()).sum();
    // Either look each member up in every other set, or take all members of the others out: what is less.
    if first.len().saturating_mul(others.len()) <= total.saturating_add(first.len()) {
        return first.iter().filter(|member| !others.iter().any(|set| set.contains(member))).collect();
    }
    let mut rest: HashSet<Text<'_>> = first.iter().collect();
    let taken = others.iter().flat_map(|set| set.iter()).try_for_each(|member| {
        rest.remove(&member);
        if rest.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if taken.is_break() { Vec::new() } else { rest.into_iter().collect() }
}

fn answer(reply: &mut Reply<'_>, members: &[Text<'_>]) {
    reply.set(members.len());
    members.iter().for_each(|member| reply.bulk(member));
}

fn collected(members: &[Text<'_>]) -> Collected {
    members.iter().map(|member| &**member).collect()
}

/// Makes `members` what the command's first key holds; none of them: the key is gone.
fn store(keyspace: &mut Keyspace<'_, '_>, reply: &mut Reply<'_>, members: &Collected, event: &'static str) {
    let key = keyspace.key();
    keyspace.keys()[1..].iter().for_each(|source| keyspace.notify_miss(*source));
    let present = keyspace.replace(key);
    for members in members.slices().chunks(ELEMENTS_MAX) {
        keyspace.apply(key.slot, &Effect::AddMembers { key, members });
    }
    if !members.is_empty() {
        keyspace.notify(Class::Set, event, key);
    } else if present {
        keyspace.notify(Class::Generic, "del", key);
    }
    reply.count(members.len());
}
