//! `BZPOPMIN`, `BZPOPMAX`, `BZMPOP`: they take members, or wait for some.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::pop::{Extreme, many_options, pop_many_named, pop_named};
use crate::command::CommandError;
use crate::command::options::timeout_millis;
use crate::store::keyspace::Keyspace;
use crate::store::value::Kind;
use crate::waiting::{Attempt, Stage, Wish};

type Parsed = Result<Box<dyn Wish>, CommandError>;

struct FromSortedSet {
    extreme: Extreme,
    /// How many, with `BZMPOP`.
    count: Option<usize>,
    timeout_millis: u64,
}

/// `BZPOPMIN key… timeout`.
pub(super) fn bzpopmin(args: Args<'_>) -> Parsed {
    pop(args, Extreme::Lowest)
}

/// `BZPOPMAX key… timeout`.
pub(super) fn bzpopmax(args: Args<'_>) -> Parsed {
    pop(args, Extreme::Highest)
}

fn pop(args: Args<'_>, extreme: Extreme) -> Parsed {
    let timeout_millis = timeout_millis(args, args.len() - 1)?;
    Ok(Box::new(FromSortedSet { extreme, count: None, timeout_millis }))
}

/// `BZMPOP timeout numkeys key… MIN|MAX [COUNT count]`.
pub(super) fn bzmpop(args: Args<'_>) -> Parsed {
    let (extreme, count) = many_options(args, 2)?;
    Ok(Box::new(FromSortedSet { extreme, count: Some(count), timeout_millis: timeout_millis(args, 1)? }))
}

impl Wish for FromSortedSet {
    fn attempt(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        stage: Stage,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError> {
        for &key in keyspace.keys() {
            match (keyspace.sorted_set(key), self.count) {
                (Ok(None), _) => continue,
                (Err(error), _) if stage == Stage::First => return Err(error),
                (Err(_), _) => continue,
                (Ok(Some(_)), None) => pop_named(keyspace, reply, key, self.extreme),
                (Ok(Some(_)), Some(count)) => pop_many_named(keyspace, reply, key, (self.extreme, count)),
            }
            return Ok(Attempt::Served);
        }
        Ok(Attempt::Nothing)
    }

    fn timeout_millis(&self) -> Option<u64> {
        Some(self.timeout_millis)
    }

    fn give_up(&self, reply: &mut Reply<'_>) {
        reply.null_array();
    }

    fn kind(&self) -> Kind {
        Kind::SortedSet
    }
}
