//! `PFCOUNT key…`.
//!
//! Redis calls it a command that reads, and so does the table; but it keeps what it computed of one sketch in the
//! sketch's header, which is an effect as any other.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::sketch::find;
use super::{CARDINALITY_AT, HEADER_BYTES, REGISTERS, STALE_BIT, estimate};
use crate::command::CommandResult;
use crate::store::effect::Effect;
use crate::store::keyspace::Keyspace;

/// `PFCOUNT`: of one sketch what is known or now computed, of several that of all their elements.
pub(super) fn pfcount(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    if keyspace.keys().len() > 1 {
        return union(keyspace, reply);
    }
    let key = keyspace.key();
    let Some((value, view)) = find(keyspace, key)? else {
        reply.int(0);
        return Ok(());
    };
    let mut known = [0; 8];
    known.copy_from_slice(&value[CARDINALITY_AT..HEADER_BYTES]);
    if known[7] & STALE_BIT == 0 {
        reply.int(i64::from_le_bytes(known));
        return Ok(());
    }
    let cardinality = estimate::cardinality(&estimate::histogram(view)?);
    let bytes = &cardinality.to_le_bytes();
    if *bytes != known && !keyspace.moment().keeps {
        keyspace.apply(key.slot, &Effect::WriteString { key, offset: CARDINALITY_AT, bytes });
    }
    reply.int(cardinality);
    Ok(())
}

fn union(keyspace: &Keyspace<'_, '_>, reply: &mut Reply<'_>) -> CommandResult {
    let mut registers = [0; REGISTERS];
    for key in keyspace.keys() {
        if let Some((_, view)) = find(keyspace, *key)? {
            view.raise(&mut registers)?;
        }
    }
    reply.int(estimate::cardinality(&estimate::histogram_of(registers.into_iter())));
    Ok(())
}
