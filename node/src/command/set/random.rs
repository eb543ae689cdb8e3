//! `SPOP`, `SRANDMEMBER`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::collected::Collected;
use crate::command::options::{at_least, magnitude};
use crate::command::random::{self, Draw, Random};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
use crate::store::value::{Set, Text};

impl<'a> Draw<'a> for Set<'a> {
    type Element = Text<'a>;

    fn size(&self) -> usize {
        Set::len(*self)
    }

    fn all(&self) -> Vec<Text<'a>> {
        Set::iter(*self).collect()
    }

    fn draw(&self, random: u64) -> Option<Text<'a>> {
        self.pick(random)
    }

    fn name(element: Text<'a>) -> Text<'a> {
        element
    }
}

/// `SPOP key [count]`.
pub(super) fn spop(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match args.len() {
        2 => pop_one(keyspace, reply),
        3 => pop_many(keyspace, args, reply),
        _ => Err(CommandError::Syntax),
    }
}

fn pop_one(keyspace: &mut Keyspace<'_, '_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, random) = (keyspace.key(), keyspace.random());
    let Some(member) = keyspace.set(key)?.and_then(|set| set.pick(random)).map(|member| member.to_vec())
    else {
        reply.null();
        return Ok(());
    };
    keyspace.apply(key.slot, &Effect::RemoveMembers { key, members: &[&member] });
    keyspace.notify_loss(Class::Set, "spop", key);
    reply.bulk(&member);
    Ok(())
}

fn pop_many(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let count = at_least(args, 2, 0, CommandError::MustBePositive)?;
    let (key, mut random) = (keyspace.key(), Random::new(keyspace.random()));
    let Some(set) = keyspace.set(key)? else {
        reply.set(0);
        return Ok(());
    };
    if count >= set.len() {
        reply.set(set.len());
        set.iter().for_each(|member| reply.bulk(&member));
        keyspace.apply(key.slot, &Effect::Remove { key });
        keyspace.notify_loss(Class::Set, "spop", key);
        return Ok(());
    }
    let chosen = random::distinct(&set, count, &mut random);
    let popped: Collected = chosen.iter().map(|member| &**member).collect();
    let popped = popped.slices();
    if keyspace.apply(key.slot, &Effect::RemoveMembers { key, members: &popped }).changed {
        keyspace.notify_loss(Class::Set, "spop", key);
    }
    reply.set(popped.len());
    popped.iter().for_each(|member| reply.bulk(member));
    Ok(())
}

/// `SRANDMEMBER key [count]`. A negative count may name a member more than once, at most
/// [`random::REPEATED_MAX`] members in all.
pub(super) fn srandmember(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, mut random) = (keyspace.key(), Random::new(keyspace.random()));
    if args.len() == 2 {
        let picked = keyspace.set(key)?.and_then(|set| set.pick(random.number()));
        reply.bulk_or_null(picked.as_deref());
        return Ok(());
    }
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let count = magnitude(args, 2)?;
    let Some(set) = keyspace.set(key)? else {
        reply.array(0);
        return Ok(());
    };
    let chosen = random::choose(&set, count, &mut random)?;
    reply.array(chosen.len());
    chosen.iter().for_each(|member| reply.bulk(member));
    Ok(())
}
