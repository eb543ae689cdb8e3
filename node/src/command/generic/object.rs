//! `OBJECT`: how Redis would keep a value.
//!
//! Tools read encodings to tell small values from large ones, so the names are those that Redis 7.0 gives with its
//! default settings. Collections remember, as in Redis, whether they were ever large; a string's encoding is that
//! of its value of the moment (in Redis one that was appended to stays `raw`).

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::{CommandError, CommandResult};
use crate::store::entry::EntryRef;
use crate::store::keyspace::Keyspace;
use crate::store::value::Value;

/// Longest string that Redis keeps in one block with its header.
const EMBEDDED_BYTES_MAX: usize = 44;
/// Redis has one object each of the integers below this.
const SHARED_INTEGERS: i64 = 10_000;
/// What Redis answers as the reference count of a shared object.
const SHARED: i64 = 2_147_483_647;

/// Redis's refusal to tell idle times where uses are counted.
const COUNTED: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
    switching between policies at runtime LRU and LFU data will take some time to adjust.";

/// `OBJECT ENCODING key`.
pub(crate) fn encoding(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let entry = keyspace.find_quietly(keyspace.key());
    reply.bulk_or_null(entry.map(|entry| encoding_of(entry.value()).as_bytes()));
    Ok(())
}

/// `OBJECT REFCOUNT key`.
pub(crate) fn refcount(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let shared = |text| parse_integer(text).is_some_and(|value| (0..SHARED_INTEGERS).contains(&value));
    match keyspace.find_quietly(keyspace.key()).map(EntryRef::value) {
        None => reply.null(),
        Some(Value::String(text)) if shared(text) => reply.int(SHARED),
        Some(_) => reply.int(1),
    }
    Ok(())
}

/// `OBJECT IDLETIME key`: seconds since the last use; 0 where the policy keeps no times.
pub(crate) fn idletime(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    if keyspace.policy().counts() {
        keyspace.find_quietly(keyspace.key()).map_or(Ok(()), |_| Err(CommandError::text(COUNTED)))?;
    }
    match keyspace.idle_seconds(keyspace.key()) {
        None => reply.null(),
        Some(seconds) => reply.int(i64::try_from(seconds).unwrap_or(i64::MAX)),
    }
    Ok(())
}

/// `OBJECT FREQ key`: the counter of uses; an error, as in Redis, with any policy but LFU.
pub(crate) fn freq(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let untracked = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
        when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    if !keyspace.policy().counts() {
        keyspace.find_quietly(keyspace.key()).map_or(Ok(()), |_| Err(CommandError::text(untracked)))?;
    }
    match keyspace.uses(keyspace.key()) {
        None => reply.null(),
        Some(uses) => reply.int(i64::from(uses)),
    }
    Ok(())
}

/// The name of the encoding that Redis would give the value.
pub(super) fn encoding_of(value: Value<'_>) -> &'static str {
    match value {
        Value::String(text) if parse_integer(text).is_some() => "int",
        Value::String(text) if text.len() <= EMBEDDED_BYTES_MAX => "embstr",
        Value::String(_) => "raw",
        Value::List(_) => "quicklist",
        Value::Stream(_) => "stream",
        Value::Set(set) if set.is_packed() => "intset",
        Value::Hash(hash) if hash.is_packed() => "listpack",
        Value::SortedSet(set) if set.is_packed() => "listpack",
        Value::Set(_) | Value::Hash(_) => "hashtable",
        Value::SortedSet(_) => "skiplist",
    }
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::command::resolve;
    use ringmaster_protocol::resp::{Protocol, Span, inline};

    use super::*;
    use crate::engine::Engine;
    use crate::store::Store;
    use crate::store::eviction::Policy;
    use crate::store::keyspace::Moment;

    fn ask(engine: &Engine, line: &str, no_touch: bool) -> String {
        let (mut bytes, mut spans): (Vec<u8>, Vec<Span>) = Default::default();
        inline::split(line.as_bytes(), &mut bytes, &mut spans).unwrap();
        let args = Args::new(&bytes, &spans);
        let mut out = Vec::new();
        let mut reply = Reply::bounded(&mut out, Protocol::Resp2);
        engine.store().replacement().pass(1);
        engine.call(resolve(&args).unwrap(), args, Moment { no_touch, ..Moment::default() }, &mut reply);
        String::from_utf8(out).unwrap().trim_end().to_owned()
    }

    #[test]
    fn idle_times_are_told_by_seconds_and_by_ticks_and_no_touch_leaves_them() {
        for policy in [Policy::AllkeysLru, Policy::S3Fifo] {
            let engine = Engine::new(Store::new(None));
            let replacement = engine.store().replacement();
            replacement.set_policy(policy);
            replacement.look(0, 0, 1000);
            ask(&engine, "SET k v", false);
            ask(&engine, "RPUSH l 1", false);
            replacement.look(2, 0, 1050);
            assert_eq!(ask(&engine, "OBJECT IDLETIME k", false), ":50", "{policy:?}");
            for line in ["GET k", "SET k w", "APPEND k x", "STRLEN k", "LRANGE l 0 -1", "RPUSH l 2"] {
                ask(&engine, line, true);
            }
            for line in ["EXISTS k", "TYPE k", "TTL k", "OBJECT ENCODING k"] {
                ask(&engine, line, false);
            }
            assert_eq!(ask(&engine, "OBJECT IDLETIME k", false), ":50", "{policy:?}");
            assert_eq!(ask(&engine, "OBJECT IDLETIME l", false), ":50", "{policy:?}");
            ask(&engine, "TOUCH k", true);
            ask(&engine, "LLEN l", false);
            replacement.look(2, 0, 1060);
            assert_eq!(ask(&engine, "OBJECT IDLETIME k", false), ":10", "{policy:?}");
            assert_eq!(ask(&engine, "OBJECT IDLETIME l", false), ":10", "{policy:?}");
        }
    }

    #[test]
    fn what_was_used_under_another_kind_of_policy_counts_as_used_when_the_policy_changed() {
        let engine = Engine::new(Store::new(None));
        let replacement = engine.store().replacement();
        replacement.set_policy(Policy::S3Fifo);
        replacement.look(0, 0, 1000);
        ask(&engine, "SET old v", false);
        for (policy, changed) in
            [(Policy::AllkeysLru, 2000), (Policy::S3Fifo, 3000), (Policy::AllkeysLru, 4000)]
        {
            replacement.look(1, 0, changed);
            replacement.set_policy(policy);
            ask(&engine, "SET fresh v", false);
            assert_eq!(ask(&engine, "OBJECT IDLETIME fresh", false), ":0", "{policy:?}");
            replacement.look(2, 0, changed + 30);
            assert_eq!(ask(&engine, "OBJECT IDLETIME fresh", false), ":30", "{policy:?}");
            assert_eq!(ask(&engine, "OBJECT IDLETIME old", false), ":30", "{policy:?}");
        }
    }
}
