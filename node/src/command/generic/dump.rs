//! `DUMP`: a value as Redis's RDB keeps it, for any Redis since 7.0 to restore; since 7.4, if fields of a hash expire.

mod stream;

use ringmaster_protocol::rdb::dump::seal;
use ringmaster_protocol::rdb::object;
use ringmaster_protocol::rdb::wire::Output;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use super::object::encoding_of;
use crate::command::CommandResult;
use crate::store::keyspace::Keyspace;
use crate::store::value::{Hash, Set, SortedSet, Value};

/// Bytes of an object that tell its type.
const TYPE_BYTES: usize = 1;

/// `DUMP key`.
pub(crate) fn dump(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let payload = keyspace.find(keyspace.key()).map(|entry| {
        let mut payload = Vec::new();
        write(&mut Output::new(&mut payload), entry.value());
        seal(&mut payload);
        payload
    });
    reply.bulk_or_null(payload.as_deref());
    Ok(())
}

/// What `DEBUG OBJECT` tells of a value, in Redis's words. There is no address to tell, and no use is noted here.
pub(crate) fn describe(value: Value<'_>) -> String {
    let mut object = Vec::new();
    write(&mut Output::new(&mut object), value);
    let (encoding, bytes) = (encoding_of(value), object.len() - TYPE_BYTES);
    format!("Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{bytes} lru:0 lru_seconds_idle:0")
}

/// Appends the object of `value` to `bytes`: its type and what the type says.
pub(crate) fn write_value(bytes: &mut Vec<u8>, value: Value<'_>) {
    write(&mut Output::new(bytes), value);
}

/// Appends the object of a hash whose fields do not expire, whatever they do here.
pub(crate) fn write_untimed(bytes: &mut Vec<u8>, hash: Hash<'_>) {
    object::hash(&mut Output::new(bytes), hash.len(), hash.iter(), hash.is_packed());
}

fn write(out: &mut Output<'_>, value: Value<'_>) {
    match value {
        Value::String(text) => object::string(out, text),
        Value::List(list) => object::list(out, || list.iter()),
        Value::Set(set) => write_set(out, set),
        Value::Hash(hash) => write_hash(out, hash),
        Value::SortedSet(set) => write_sorted_set(out, set),
        Value::Stream(stream) => stream::write(out, stream),
    }
}

fn write_set(out: &mut Output<'_>, set: Set<'_>) {
    let integers: Option<Vec<i64>> =
        if set.is_packed() { set.iter().map(|member| parse_integer(&member)).collect() } else { None };
    match integers {
        Some(integers) => object::set_of_integers(out, integers),
        None => object::set(out, set.len(), set.iter()),
    }
}

fn write_hash(out: &mut Output<'_>, hash: Hash<'_>) {
    match hash.earliest_deadline() {
        None => object::hash(out, hash.len(), hash.iter(), hash.is_packed()),
        Some(first) => {
            let fields = hash.iter().map(|(name, value)| (name, value, hash.deadline(name)));
            object::timed_hash(out, hash.len(), first, fields);
        }
    }
}

fn write_sorted_set(out: &mut Output<'_>, set: SortedSet<'_>) {
    if set.is_packed() {
        object::sorted_set_packed(out, set.iter());
    } else {
        object::sorted_set(out, set.range(0..set.len(), true));
    }
}
