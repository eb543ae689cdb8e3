//! `RENAME`, `RENAMENX`, `MOVE`: a value under another key or in another database.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{database, rebuild};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// `RENAME key newkey`.
pub(crate) fn rename(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let [from, to] = [keyspace.keys()[0], keyspace.keys()[1]];
    keyspace.find(from).ok_or(CommandError::NoSuchKey)?;
    if from.bytes != to.bytes {
        put_under(keyspace, from, to, ["rename_from", "rename_to"])?;
    }
    reply.ok();
    Ok(())
}

/// `RENAMENX key newkey`: only if the new key is absent.
pub(crate) fn renamenx(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let [from, to] = [keyspace.keys()[0], keyspace.keys()[1]];
    keyspace.find(from).ok_or(CommandError::NoSuchKey)?;
    let free = keyspace.find(to).is_none();
    if free {
        put_under(keyspace, from, to, ["rename_from", "rename_to"])?;
    }
    reply.int(i64::from(free));
    Ok(())
}

/// `MOVE key db`: to another database, only if the key is absent there.
pub(crate) fn move_key(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let from = keyspace.key();
    let to = from.in_database(database(args, 2)?);
    if to.database == from.database {
        return Err(CommandError::SameObject);
    }
    let moves = keyspace.find(from).is_some() && keyspace.find(to).is_none();
    if moves {
        put_under(keyspace, from, to, ["move_from", "move_to"])?;
    }
    reply.int(i64::from(moves));
    Ok(())
}

/// Within a slot a value is moved; to another slot it is built there and removed here.
fn put_under(
    keyspace: &mut Keyspace<'_, '_>,
    from: Key<'_>,
    to: Key<'_>,
    events: [&'static str; 2],
) -> Result<(), CommandError> {
    if from.slot != to.slot {
        keyspace.weigh(keyspace.elements())?;
    }
    if from.slot == to.slot {
        keyspace.apply(from.slot, &Effect::Rename { from, to });
    } else {
        rebuild::rebuild(keyspace, from, to);
        keyspace.apply(from.slot, &Effect::Remove { key: from });
    }
    keyspace.notify(Class::Generic, events[0], from);
    keyspace.notify(Class::Generic, events[1], to);
    Ok(())
}
