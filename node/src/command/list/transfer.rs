//! `LMOVE`, `RPOPLPUSH`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::end;
use crate::command::CommandResult;
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
use crate::store::value::list::End;

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`.
pub(super) fn lmove(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (from, to) = (end(&args[3])?, end(&args[4])?);
    transfer(keyspace, reply, from, to)
}

/// `RPOPLPUSH source destination`.
pub(super) fn rpoplpush(
    keyspace: &mut Keyspace<'_, '_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    transfer(keyspace, reply, End::Back, End::Front)
}

/// Moves an item between the keyspace's two keys; a null reply where there is none.
pub(super) fn transfer(
    keyspace: &mut Keyspace<'_, '_>,
    reply: &mut Reply<'_>,
    from: End,
    to: End,
) -> CommandResult {
    let (source, destination) = (keyspace.keys()[0], keyspace.keys()[1]);
    let Some(list) = keyspace.list(source)? else {
        reply.null();
        return Ok(());
    };
    let item = list.at_end(from).unwrap_or_default().to_vec();
    keyspace.list(destination)?;
    // Pushed before it is popped: a list of one item that is turned in itself must not be gone in between, its
    // deadline with it.
    keyspace.apply(destination.slot, &Effect::PushList { key: destination, end: to, values: &[&item] });
    keyspace.apply(source.slot, &Effect::PopList { key: source, end: from, count: 1 });
    keyspace.notify(Class::List, super::pushed(to), destination);
    keyspace.notify_loss(Class::List, super::popped(from), source);
    reply.bulk(&item);
    Ok(())
}
