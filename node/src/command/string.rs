//! Strings: GET, SET and their family.

mod compare;
mod condition;
mod counter;
mod lcs;
mod many;
mod many_until;
mod range;
mod set;
mod swap;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{CommandResult, Handler};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("append", Handler::Keys(range::append)),
    ("decr", Handler::Keys(counter::decr)),
    ("decrby", Handler::Keys(counter::decrby)),
    ("delex", Handler::Keys(compare::delex)),
    ("delifeq", Handler::Keys(compare::delifeq)),
    ("digest", Handler::Keys(compare::digest_of)),
    ("get", Handler::Get(get)),
    ("getdel", Handler::Keys(swap::getdel)),
    ("getex", Handler::Keys(swap::getex)),
    ("getrange", Handler::Keys(range::getrange)),
    ("getset", Handler::Keys(swap::getset)),
    ("incr", Handler::Keys(counter::incr)),
    ("incrby", Handler::Keys(counter::incrby)),
    ("incrbyfloat", Handler::Keys(counter::incrbyfloat)),
    ("lcs", Handler::Keys(lcs::lcs)),
    ("mget", Handler::Keys(many::mget)),
    ("mset", Handler::Keys(many::mset)),
    ("msetex", Handler::Keys(many_until::msetex)),
    ("msetnx", Handler::Keys(many::msetnx)),
    ("psetex", Handler::Keys(swap::psetex)),
    ("set", Handler::Set(set::set)),
    ("setex", Handler::Keys(swap::setex)),
    ("setnx", Handler::Keys(swap::setnx)),
    ("setrange", Handler::Keys(range::setrange)),
    ("strlen", Handler::Keys(range::strlen)),
    ("substr", Handler::Keys(range::getrange)),
];

/// `GET key`.
#[inline]
pub(crate) fn get(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.bulk_or_null(keyspace.string(keyspace.key())?);
    Ok(())
}

/// Sets a string; with a deadline that has passed already the key is gone instead, as if it had expired at once.
fn set_or_remove(
    keyspace: &mut Keyspace<'_, '_>,
    key: Key<'_>,
    value: &[u8],
    deadline: Option<u64>,
    expires: bool,
) {
    let passed = deadline.is_some_and(|deadline| deadline <= keyspace.now());
    let effect = if passed { Effect::Remove { key } } else { Effect::SetString { key, value, deadline } };
    if passed {
        keyspace.notify_new(key);
    }
    keyspace.apply(key.slot, &effect);
    keyspace.notify(Class::String, "set", key);
    if deadline.is_some() && expires {
        keyspace.notify(Class::Generic, "expire", key);
    }
    if passed {
        keyspace.notify(Class::Expired, "expired", key);
    }
}
