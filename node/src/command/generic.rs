//! Commands on keys of any type: deleting, expiring, naming, looking at them.

mod copy;
mod deadline;
pub(crate) mod dump;
mod expire;
mod memory;
mod object;
mod rebuild;
mod rename;
pub(crate) mod restore;
mod sort;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{CommandError, CommandResult, Handler};
use crate::store::census::DATABASES;
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
pub(super) use dump::describe;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("copy", Handler::Keys(copy::copy)),
    ("del", Handler::Keys(del)),
    ("dump", Handler::Keys(dump::dump)),
    ("exists", Handler::Keys(exists)),
    ("expire", Handler::Keys(expire::expire)),
    ("expireat", Handler::Keys(expire::expireat)),
    ("expiretime", Handler::Keys(deadline::expiretime)),
    ("memory|usage", Handler::Keys(memory::usage)),
    ("move", Handler::Keys(rename::move_key)),
    ("object|encoding", Handler::Keys(object::encoding)),
    ("object|freq", Handler::Keys(object::freq)),
    ("object|idletime", Handler::Keys(object::idletime)),
    ("object|refcount", Handler::Keys(object::refcount)),
    ("persist", Handler::Keys(deadline::persist)),
    ("pexpire", Handler::Keys(expire::pexpire)),
    ("pexpireat", Handler::Keys(expire::pexpireat)),
    ("pexpiretime", Handler::Keys(deadline::pexpiretime)),
    ("pttl", Handler::Keys(deadline::pttl)),
    ("rename", Handler::Keys(rename::rename)),
    ("renamenx", Handler::Keys(rename::renamenx)),
    ("restore", Handler::Keys(restore::restore)),
    ("sort", Handler::Far(sort::sort, sort::is_far)),
    ("sort_ro", Handler::Far(sort::sort_ro, sort::is_far)),
    ("touch", Handler::Keys(touch)),
    ("ttl", Handler::Keys(deadline::ttl)),
    ("type", Handler::Keys(type_name)),
    ("unlink", Handler::Keys(del)),
];

/// `DEL key [key …]` and `UNLINK`: the number of keys that are gone.
fn del(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let mut deleted = 0;
    for &key in keyspace.keys() {
        if keyspace.find(key).is_some() {
            deleted += keyspace.apply(key.slot, &Effect::Remove { key }).count;
            keyspace.notify(Class::Generic, "del", key);
        }
    }
    reply.count(deleted);
    Ok(())
}

/// `EXISTS key [key …]`: a key that is named twice counts twice. To ask is no use.
fn exists(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let present = keyspace.keys().iter().filter(|key| keyspace.find_untouched(**key).is_some());
    reply.count(present.count());
    Ok(())
}

/// `TOUCH key [key …]`: as EXISTS, but a use of the keys, even for a client of `CLIENT NO-TOUCH`.
fn touch(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    keyspace.touch_in_any_case();
    let present = keyspace.keys().iter().filter(|key| keyspace.find(**key).is_some());
    reply.count(present.count());
    Ok(())
}

/// `TYPE key`.
fn type_name(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.simple(keyspace.find_untouched(keyspace.key()).map_or("none", |entry| entry.kind().name()));
    Ok(())
}

/// The database that argument `index` names.
///
/// # Errors
/// It is no integer of 32 bits, or there is no such database.
pub(super) fn database(args: Args<'_>, index: usize) -> Result<u8, CommandError> {
    let number = super::options::integer(args, index)?;
    let range = "ERR value is out of range, value must between -2147483648 and 2147483647";
    let number = i32::try_from(number).map_err(|_| CommandError::text(range))?;
    let database = u8::try_from(number).ok().filter(|database| *database < DATABASES);
    database.ok_or(CommandError::text("ERR DB index is out of range"))
}
