//! `PFMERGE destination source…`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::sketch::{Sketch, find};
use super::{REGISTERS, View};
use crate::command::CommandResult;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `PFMERGE`: the destination's own elements stay.
pub(super) fn pfmerge(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (mut registers, mut dense) = ([0; REGISTERS], false);
    for key in keyspace.keys() {
        if let Some((_, view)) = find(keyspace, *key)? {
            dense |= matches!(view, View::Dense(_));
            view.raise(&mut registers)?;
        }
    }
    let key = keyspace.key();
    let mut sketch = find(keyspace, key)?.map_or_else(Sketch::empty, |(value, _)| Sketch::of(value));
    if dense {
        sketch.make_dense()?;
    }
    for (index, count) in registers.iter().enumerate().filter(|(_, count)| **count > 0) {
        sketch.raise(index, *count)?;
    }
    sketch.mark_stale();
    sketch.store(keyspace, key);
    keyspace.notify(Class::String, "pfadd", key);
    reply.ok();
    Ok(())
}
