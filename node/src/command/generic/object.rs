//! `OBJECT`: how Redis would keep a value.
//!
//! Tools read encodings to tell small values from large ones, so the names are those that Redis 7.0 gives to a
//! value of this type and size with its default settings. Redis remembers how a value grew (an appended string
//! stays `raw`, a set that held a word stays `hashtable`); here the value of the moment decides alone.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::{CommandError, CommandResult};
use crate::store::entry::EntryRef;
use crate::store::keyspace::Keyspace;
use crate::store::value::Value;

/// Longest string that Redis keeps in one block with its header.
const EMBEDDED_BYTES_MAX: usize = 44;
/// `set-max-intset-entries`.
const INTSET_LEN_MAX: usize = 512;
/// `hash-max-listpack-entries`.
const HASH_LISTPACK_LEN_MAX: usize = 512;
/// `hash-max-listpack-value`.
const LISTPACK_BYTES_MAX: usize = 64;
/// Redis has one object each of the integers below this.
const SHARED_INTEGERS: i64 = 10_000;
/// What Redis answers as the reference count of a shared object.
const SHARED: i64 = 2_147_483_647;

/// `OBJECT ENCODING key`.
pub(crate) fn encoding(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let entry = keyspace.find(keyspace.key());
    reply.bulk_or_null(entry.map(|entry| name(entry.value()).as_bytes()));
    Ok(())
}

/// `OBJECT REFCOUNT key`.
pub(crate) fn refcount(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let shared = |text| parse_integer(text).is_some_and(|value| (0..SHARED_INTEGERS).contains(&value));
    match keyspace.find(keyspace.key()).map(EntryRef::value) {
        None => reply.null(),
        Some(Value::String(text)) if shared(text) => reply.int(SHARED),
        Some(_) => reply.int(1),
    }
    Ok(())
}

/// `OBJECT IDLETIME key`: 0, as times of access are not kept.
pub(crate) fn idletime(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match keyspace.find(keyspace.key()) {
        None => reply.null(),
        Some(_) => reply.int(0),
    }
    Ok(())
}

/// `OBJECT FREQ key`: an error, as in Redis with any policy but LFU.
pub(crate) fn freq(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let untracked = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
        when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    keyspace.find(keyspace.key()).map_or(Ok(()), |_| Err(CommandError::text(untracked)))?;
    reply.null();
    Ok(())
}

fn name(value: Value<'_>) -> &'static str {
    let short = |bytes: &[u8]| bytes.len() <= LISTPACK_BYTES_MAX;
    let one_of = |small, (yes, no)| if small { yes } else { no };
    match value {
        Value::String(text) if parse_integer(text).is_some() => "int",
        Value::String(text) => one_of(text.len() <= EMBEDDED_BYTES_MAX, ("embstr", "raw")),
        Value::List(_) => "quicklist",
        Value::Set(set) => {
            let integers = || set.iter().all(|member| parse_integer(member).is_some());
            one_of(set.len() <= INTSET_LEN_MAX && integers(), ("intset", "hashtable"))
        }
        Value::Hash(hash) => {
            let all_short = || hash.iter().all(|(field, value)| short(field) && short(value));
            one_of(hash.len() <= HASH_LISTPACK_LEN_MAX && all_short(), ("listpack", "hashtable"))
        }
        Value::SortedSet(set) => one_of(set.is_packed(), ("listpack", "skiplist")),
    }
}
