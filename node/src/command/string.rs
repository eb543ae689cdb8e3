//! Strings: GET, SET and their family.

mod set;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{CommandResult, Handler};
use crate::store::keyspace::Keyspace;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[("get", Handler::Keys(get)), ("set", Handler::Keys(set::set))];

/// `GET key`. The node's connection loop takes this path for most commands, see docs/ARCHITECTURE.md.
#[inline]
pub(crate) fn get(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.bulk_or_null(keyspace.string(keyspace.key())?);
    Ok(())
}
