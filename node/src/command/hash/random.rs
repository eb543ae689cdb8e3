//! `HRANDFIELD key [count [WITHVALUES]]`.

use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::{Args, Protocol};

use crate::command::options::{is, magnitude};
use crate::command::random::{self, Draw, Random};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;
use crate::store::value::{Hash, Text};

impl<'a> Draw<'a> for Hash<'a> {
    type Element = (&'a [u8], &'a [u8]);

    fn size(&self) -> usize {
        Hash::len(*self)
    }

    fn all(&self) -> Vec<Self::Element> {
        Hash::iter(*self).collect()
    }

    fn draw(&self, random: u64) -> Option<Self::Element> {
        self.pick(random)
    }

    fn name((field, _): Self::Element) -> Text<'a> {
        Text::bytes(field)
    }

    fn bytes((field, value): Self::Element) -> usize {
        field.len() + value.len()
    }
}

/// `HRANDFIELD`. A negative count may name a field more than once, at most [`random::REPEATED_MAX`] in all.
pub(super) fn hrandfield(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, mut random) = (keyspace.key(), Random::new(keyspace.random()));
    if args.len() == 2 {
        let picked = keyspace.hash(key)?.and_then(|hash| hash.pick(random.number()));
        reply.bulk_or_null(picked.map(|(field, _)| field));
        return Ok(());
    }
    let count = magnitude(args, 2)?;
    let with_values = match args.get(3) {
        None => false,
        Some(option) if args.len() == 4 && is(option, "WITHVALUES") => true,
        Some(_) => return Err(CommandError::Syntax),
    };
    if with_values && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(CommandError::text("ERR value is out of range"));
    }
    let chosen = match keyspace.hash(key)? {
        None => Vec::new(),
        Some(hash) => random::choose(&hash, count, &mut random)?,
    };
    write(reply, &chosen, with_values);
    Ok(())
}

/// Fields, or pairs: in RESP3 each an array of its own, in RESP2 one after the other.
fn write(reply: &mut Reply<'_>, chosen: &[(&[u8], &[u8])], with_values: bool) {
    let nested = with_values && reply.protocol() == Protocol::Resp3;
    reply.array(if with_values && !nested { 2 * chosen.len() } else { chosen.len() });
    for (field, value) in chosen {
        if nested {
            reply.array(2);
        }
        reply.bulk(field);
        if with_values {
            reply.bulk(value);
        }
    }
}
