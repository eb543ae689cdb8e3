//! `DELEX`, `DELIFEQ`, `DIGEST`: what Redis 8.4 and Valkey 9.0 do with a value that is known.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::condition::{Condition, digest};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]`.
pub(crate) fn delex(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let condition = match args.len() {
        2 => Condition::Present,
        4 => Condition::comparison(&args[2], args.get(3))?.ok_or(CommandError::Syntax)?,
        _ => return Err(CommandError::text("ERR wrong number of arguments for 'delex' command")),
    };
    remove_if(keyspace, condition, reply)
}

/// `DELIFEQ key value`.
pub(crate) fn delifeq(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    remove_if(keyspace, Condition::Equal(&args[2]), reply)
}

fn remove_if(
    keyspace: &mut Keyspace<'_, '_>,
    condition: Condition<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    let removed = condition.holds(keyspace, key)? && keyspace.find(key).is_some();
    if removed {
        keyspace.apply(key.slot, &Effect::Remove { key });
        keyspace.notify(Class::Generic, "del", key);
    }
    reply.int(i64::from(removed));
    Ok(())
}

/// `DIGEST key`.
pub(crate) fn digest_of(
    keyspace: &mut Keyspace<'_, '_>,
    _: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    match keyspace.string(keyspace.key())? {
        Some(value) => reply.bulk(format!("{:016x}", digest(value)).as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::script;

    const WRONG_TYPE: &str = r"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

    #[test]
    fn a_key_is_deleted_if_it_holds_the_value() {
        script(&[
            ("SET k v", r"+OK\r\n"),
            ("DELIFEQ k w", r":0\r\n"),
            ("DELEX k IFEQ w", r":0\r\n"),
            ("DELEX k IFNE v", r":0\r\n"),
            ("DELEX k ifeq v", r":1\r\n"),
            ("DELEX k IFEQ v", r":0\r\n"),
            ("DELEX k IFNE v", r":0\r\n"),
            ("SET k v", r"+OK\r\n"),
            ("DELEX k IFNE w", r":1\r\n"),
            ("RPUSH l x", r":1\r\n"),
            ("DELEX l IFEQ x", WRONG_TYPE),
            ("DELIFEQ l x", WRONG_TYPE),
            ("DELEX l", r":1\r\n"),
            ("DELEX k IFEQ", r"-ERR wrong number of arguments for 'delex' command\r\n"),
            ("DELEX k NX v", r"-ERR syntax error\r\n"),
        ]);
    }

    #[test]
    fn a_digest_stands_for_the_value() {
        let wrong = r"-ERR digest must be exactly 16 hexadecimal characters\r\n";
        script(&[
            ("DIGEST k", r"$-1\r\n"),
            // The published XXH3 hash of no bytes.
            ("SET k ''", r"+OK\r\n"),
            ("DIGEST k", r"$16\r\n2d06800538d394c2\r\n"),
            ("SET k v IFDEQ 2D06800538D394C2", r"+OK\r\n"),
            ("SET k w IFDEQ 2d06800538d394c2", r"$-1\r\n"),
            ("SET k w IFDEQ 2d06800538d394c", wrong),
            ("DELEX k IFDNE 2d06800538d394cg", wrong),
            ("DELEX k IFDEQ 2d06800538d394c2", r":0\r\n"),
            ("DELEX k IFDNE 2d06800538d394c2", r":1\r\n"),
            ("SADD s x", r":1\r\n"),
            ("DIGEST s", WRONG_TYPE),
        ]);
    }

    #[test]
    fn a_key_is_set_if_it_holds_the_value() {
        script(&[
            ("SET k v IFEQ v", r"$-1\r\n"),
            ("SET k v IFNE v", r"+OK\r\n"),
            ("SET k w IFNE v", r"$-1\r\n"),
            ("SET k w IFEQ v GET", r"$1\r\nv\r\n"),
            ("SET k x IFEQ v GET", r"$1\r\nw\r\n"),
            ("GET k", r"$1\r\nw\r\n"),
            ("SET k x IFEQ w NX", r"-ERR syntax error\r\n"),
            ("SET k x XX IFEQ w", r"-ERR syntax error\r\n"),
            ("SET k x IFEQ w IFEQ w", r"-ERR syntax error\r\n"),
            ("SET k x IFEQ", r"-ERR syntax error\r\n"),
            ("SET k x IFEQ w PX 100 KEEPTTL", r"-ERR syntax error\r\n"),
            ("RPUSH l x", r":1\r\n"),
            ("SET l x IFEQ x", WRONG_TYPE),
            ("SET l x IFNE x", WRONG_TYPE),
        ]);
    }
}
