//! `ZRANDMEMBER key [count [WITHSCORES]]`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::answer;
use crate::command::options::{is, magnitude};
use crate::command::random::{self, Draw, Random};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;
use crate::store::value::{SortedSet, Text};

impl<'a> Draw<'a> for SortedSet<'a> {
    type Element = (&'a [u8], f64);

    fn size(&self) -> usize {
        SortedSet::len(*self)
    }

    fn all(&self) -> Vec<Self::Element> {
        SortedSet::iter(*self).collect()
    }

    fn draw(&self, random: u64) -> Option<Self::Element> {
        self.pick(random)
    }

    fn name((member, _): Self::Element) -> Text<'a> {
        Text::bytes(member)
    }
}

/// `ZRANDMEMBER`. A negative count may name a member more than once, at most [`random::REPEATED_MAX`] in all.
pub(super) fn zrandmember(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, mut random) = (keyspace.key(), Random::new(keyspace.random()));
    if args.len() == 2 {
        let picked = keyspace.sorted_set(key)?.and_then(|set| set.pick(random.number()));
        reply.bulk_or_null(picked.map(|(member, _)| member));
        return Ok(());
    }
    let count = magnitude(args, 2)?;
    let with_scores = match args.get(3) {
        None => false,
        Some(option) if args.len() == 4 && is(option, "WITHSCORES") => true,
        Some(_) => return Err(CommandError::Syntax),
    };
    if with_scores && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(CommandError::text("ERR value is out of range"));
    }
    let chosen = match keyspace.sorted_set(key)? {
        None => Vec::new(),
        Some(set) => random::choose(&set, count, &mut random)?,
    };
    answer::members(reply, with_scores, chosen.into_iter());
    Ok(())
}
