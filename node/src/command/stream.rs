//! Streams: XADD, XREADGROUP and their family.

mod add;
mod answer;
mod argument;
mod autoclaim;
mod claim;
mod edit;
mod group;
mod help;
mod info;
mod pending;
mod range;
mod read;
mod trim;

use super::{CommandError, Handler};
use crate::store::effect::{Applied, Effect, StreamChange};
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::stream::Group;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("xack", Handler::Keys(pending::xack)),
    ("xadd", Handler::Keys(add::xadd)),
    ("xautoclaim", Handler::Keys(autoclaim::xautoclaim)),
    ("xclaim", Handler::Keys(claim::xclaim)),
    ("xdel", Handler::Keys(edit::xdel)),
    ("xgroup|create", Handler::Keys(group::create)),
    ("xgroup|createconsumer", Handler::Keys(group::create_consumer)),
    ("xgroup|delconsumer", Handler::Keys(group::delete_consumer)),
    ("xgroup|destroy", Handler::Keys(group::destroy)),
    ("xgroup|help", Handler::Keys(help::xgroup)),
    ("xgroup|setid", Handler::Keys(group::set_id)),
    ("xinfo|consumers", Handler::Keys(info::consumers)),
    ("xinfo|groups", Handler::Keys(info::groups)),
    ("xinfo|help", Handler::Keys(help::xinfo)),
    ("xinfo|stream", Handler::Keys(info::stream)),
    ("xlen", Handler::Keys(range::xlen)),
    ("xpending", Handler::Keys(pending::xpending)),
    ("xrange", Handler::Keys(range::xrange)),
    ("xread", Handler::Wish(read::xread)),
    ("xreadgroup", Handler::Wish(read::xreadgroup)),
    ("xrevrange", Handler::Keys(range::xrevrange)),
    ("xsetid", Handler::Keys(edit::xsetid)),
    ("xtrim", Handler::Keys(trim::xtrim)),
];

/// Changes the stream at `key`.
fn apply(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, change: StreamChange<'_>) -> Applied {
    keyspace.apply(key.slot, &Effect::Stream { key, change })
}

/// The group `name` of the stream at `key`, `None` if either is absent.
///
/// # Errors
/// [`CommandError::WrongType`].
fn group<'k>(
    keyspace: &'k Keyspace<'_, '_>,
    key: Key<'_>,
    name: &[u8],
) -> Result<Option<&'k Group>, CommandError> {
    Ok(keyspace.stream(key)?.and_then(|stream| stream.group(name)))
}

/// That the group is absent, or its stream.
fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::quoting("NOGROUP No such key '%' or consumer group '%'", &[key, group])
}
