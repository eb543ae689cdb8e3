//! `PFDEBUG`, `PFSELFTEST`: a look into sketches.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::sketch::{Sketch, find};
use super::sparse::Run;
use super::{REGISTERS, View, dense, estimate, hash};
use crate::command::options::is;
use crate::command::{CommandError, CommandResult};
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// `PFDEBUG GETREG|DECODE|ENCODING|TODENSE key`.
pub(super) fn pfdebug(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    let missing = CommandError::text("ERR The specified key does not exist");
    let (_, view) = find(keyspace, key)?.ok_or(missing)?;
    match &args[1] {
        word if is(word, "GETREG") => {
            make_dense(keyspace, key)?;
            if let Some((_, View::Dense(packed))) = find(keyspace, key)? {
                reply.array(REGISTERS);
                dense::iter(packed).for_each(|register| reply.int(i64::from(register)));
            }
        }
        word if is(word, "DECODE") => match view {
            View::Sparse(runs) => reply.bulk(decoded(runs).as_bytes()),
            View::Dense(_) => return Err(CommandError::text("ERR HLL encoding is not sparse")),
        },
        word if is(word, "ENCODING") => {
            reply.simple(if matches!(view, View::Dense(_)) { "dense" } else { "sparse" });
        }
        word if is(word, "TODENSE") => reply.int(i64::from(make_dense(keyspace, key)?)),
        word => {
            let word = String::from_utf8_lossy(word);
            return Err(CommandError::Other(format!("ERR Unknown PFDEBUG subcommand '{word}'").into()));
        }
    }
    Ok(())
}

/// Makes a sketch dense; returns whether it was not.
fn make_dense(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>) -> Result<bool, CommandError> {
    let Some((value, View::Sparse(_))) = find(keyspace, key)? else { return Ok(false) };
    let mut sketch = Sketch::of(value);
    sketch.make_dense()?;
    sketch.store(keyspace, key);
    Ok(true)
}

/// Runs as text: `Z:length` and `z:length` zeros, `v:value,length` values.
fn decoded(runs: &[u8]) -> String {
    let (mut text, mut at) = (String::new(), 0);
    while at < runs.len() {
        let run = Run::read(runs, at);
        at += run.bytes;
        let shown = match run.value {
            0 if run.bytes == 2 => format!("Z:{} ", run.len),
            0 => format!("z:{} ", run.len),
            value => format!("v:{value},{} ", run.len),
        };
        text.push_str(&shown);
    }
    text.truncate(text.trim_end().len());
    text
}

/// `PFSELFTEST`: sparse and dense sketches must agree, and must not be far from the truth. Redis tries ten million
/// elements; this many take less than a millisecond.
pub(super) fn pfselftest(_: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    const ELEMENTS: u64 = 1000;
    let (mut sparse, mut registers) = (Sketch::empty(), [0; REGISTERS]);
    for element in 0..ELEMENTS {
        let (index, count) = hash::pattern(&element.to_le_bytes());
        sparse.raise(index, count)?;
        registers[index] = count.max(registers[index]);
    }
    let agreed = estimate::cardinality(&estimate::histogram_of(registers.into_iter()));
    if estimate::cardinality(&estimate::histogram(View::of(sparse.bytes())?)?) != agreed {
        return Err(CommandError::text("ERR TESTFAILED dense/sparse disagree"));
    }
    if agreed.unsigned_abs().abs_diff(ELEMENTS) > ELEMENTS / 20 {
        return Err(CommandError::text("ERR TESTFAILED Too big error."));
    }
    reply.ok();
    Ok(())
}
