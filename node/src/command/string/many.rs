//! `MGET`, `MSET`, `MSETNX`: many strings at once.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `MGET key [key …]`: null for what is absent or no string.
pub(crate) fn mget(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.array(keyspace.keys().len());
    for key in keyspace.keys() {
        reply.bulk_or_null(keyspace.find(*key).and_then(EntryRef::as_string));
    }
    Ok(())
}

/// `MSET key value [key value …]`.
pub(crate) fn mset(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::text("ERR wrong number of arguments for 'mset' command"));
    }
    set_all(keyspace, args);
    reply.ok();
    Ok(())
}

/// `MSETNX key value [key value …]`: sets all or none.
pub(crate) fn msetnx(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::text("ERR wrong number of arguments for 'msetnx' command"));
    }
    let all_absent = keyspace.keys().iter().all(|key| keyspace.find(*key).is_none());
    if all_absent {
        set_all(keyspace, args);
    }
    reply.int(i64::from(all_absent));
    Ok(())
}

fn set_all(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>) {
    let values = args.iter().skip(2).step_by(2);
    for (key, value) in keyspace.keys().iter().zip(values) {
        keyspace.apply(key.slot, &Effect::SetString { key: *key, value, deadline: None });
        keyspace.notify(Class::String, "set", *key);
    }
}
