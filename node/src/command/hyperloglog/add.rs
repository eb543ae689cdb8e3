//! `PFADD key element…`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::sketch::{Sketch, find};
use super::{HEADER_BYTES, STALE_AT, STALE_BIT, View, dense, hash};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// `PFADD`: answers whether a register was raised, or the key made.
pub(super) fn pfadd(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    let updated = match find(keyspace, key)? {
        Some((value, View::Sparse(_))) => raise_copy(Sketch::of(value), keyspace, args, false)?,
        Some((_, View::Dense(_))) => raise_in_place(keyspace, key, args)?,
        None => raise_copy(Sketch::empty(), keyspace, args, true)?,
    };
    if updated {
        keyspace.notify(Class::String, "pfadd", key);
    }
    reply.int(i64::from(updated));
    Ok(())
}

/// Adds the elements to a copy, which takes the key's place if it changed or is `new`.
fn raise_copy(
    mut sketch: Sketch,
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    new: bool,
) -> Result<bool, CommandError> {
    let mut updated = new;
    for element in args.iter().skip(2) {
        let (index, count) = hash::pattern(element);
        updated |= sketch.raise(index, count)?;
    }
    if updated {
        sketch.mark_stale();
        sketch.store(keyspace, keyspace.key());
    }
    Ok(updated)
}

/// Adds the elements to a dense sketch: an effect of a byte or two for each register that is raised.
fn raise_in_place(
    keyspace: &mut Keyspace<'_, '_>,
    key: Key<'_>,
    args: Args<'_>,
) -> Result<bool, CommandError> {
    let mut updated = false;
    for element in args.iter().skip(2) {
        let (index, count) = hash::pattern(element);
        let Some((_, View::Dense(packed))) = find(keyspace, key)? else { break };
        if dense::get(packed, index) >= count {
            continue;
        }
        let patch = dense::Patch::of(packed, index, count);
        let offset = HEADER_BYTES + patch.offset;
        keyspace.apply(key.slot, &Effect::WriteString { key, offset, bytes: patch.bytes() });
        updated = true;
    }
    let stale = keyspace.string(key)?.map_or(0, |value| value[STALE_AT]);
    if updated && stale & STALE_BIT == 0 {
        let bytes = &[stale | STALE_BIT];
        keyspace.apply(key.slot, &Effect::WriteString { key, offset: STALE_AT, bytes });
    }
    Ok(updated)
}
