//! `SMOVE source destination member`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::CommandResult;
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `SMOVE`.
pub(super) fn smove(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (source, destination, member) = (keyspace.keys()[0], keyspace.keys()[1], &args[3]);
    let Some(set) = keyspace.set(source)? else {
        // Redis does not look at the destination's type then.
        reply.int(0);
        return Ok(());
    };
    let present = set.contains(member);
    keyspace.set(destination)?;
    if present && source.bytes != destination.bytes {
        keyspace.apply(source.slot, &Effect::RemoveMembers { key: source, members: &[member] });
        keyspace.notify_loss(Class::Set, "srem", source);
        let added = Effect::AddMembers { key: destination, members: &[member] };
        if keyspace.apply(destination.slot, &added).changed {
            keyspace.notify(Class::Set, "sadd", destination);
        }
    }
    reply.int(i64::from(present));
    Ok(())
}
