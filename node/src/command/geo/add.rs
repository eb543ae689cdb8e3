//! `GEOADD key [NX|XX] [CH] longitude latitude member…`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::point::Point;
use crate::command::options::is;
use crate::command::sorted_set::{self, Addition, Pairs};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;

/// `GEOADD`: a `ZADD` of the places' scores.
pub(super) fn geoadd(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (mut addition, mut first) = (Addition::default(), 2);
    while let Some(word) = args.get(first) {
        match word {
            _ if is(word, "NX") => addition.only_new = true,
            _ if is(word, "XX") => addition.only_present = true,
            _ if is(word, "CH") => addition.count_changed = true,
            _ => break,
        }
        first += 1;
    }
    let places = args.len() - first;
    if !places.is_multiple_of(3) || places == 0 || addition.only_new && addition.only_present {
        return Err(CommandError::Syntax);
    }
    let pair = |at| Ok((Point::parse(args, at)?.score(), &args[at + 2]));
    let pairs = (first..args.len()).step_by(3).map(pair).collect::<Result<Pairs<'_>, CommandError>>()?;
    sorted_set::add(keyspace, addition, &pairs, reply)
}
