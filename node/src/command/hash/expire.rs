//! `HEXPIRE`, `HPEXPIRE`, `HEXPIREAT`, `HPEXPIREAT`, `HPERSIST`: when fields expire. As in Redis 8.0.

use std::collections::HashSet;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::arguments::{deadline, fields, plain_fields};
use crate::command::options::is;
use crate::command::unit::Unit;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// A field that is not there.
const NO_FIELD: i64 = -2;
/// A field without a deadline.
const NO_DEADLINE: i64 = -1;

/// When a field's deadline is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// `NX`: it has none.
    Absent,
    /// `XX`: it has one.
    Present,
    /// `GT`: the new one is later; none is the latest.
    Later,
    /// `LT`: the new one is earlier.
    Earlier,
}

impl Condition {
    fn parse(word: &[u8]) -> Option<Self> {
        match word {
            _ if is(word, "NX") => Some(Self::Absent),
            _ if is(word, "XX") => Some(Self::Present),
            _ if is(word, "GT") => Some(Self::Later),
            _ if is(word, "LT") => Some(Self::Earlier),
            _ => None,
        }
    }

    fn holds(self, old: Option<u64>, new: u64) -> bool {
        match self {
            Self::Absent => old.is_none(),
            Self::Present => old.is_some(),
            Self::Later => old.is_some_and(|old| new > old),
            Self::Earlier => old.is_none_or(|old| new < old),
        }
    }
}

macro_rules! expire {
    ($($(#[$doc:meta])* $name:ident: $unit:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(
            keyspace: &mut Keyspace<'_, '_>,
            args: Args<'_>,
            reply: &mut Reply<'_>,
        ) -> CommandResult {
            expire(keyspace, args, reply, (Unit::$unit, stringify!($name)))
        }
    )*};
}

expire! {
    /// `HEXPIRE key seconds [NX|XX|GT|LT] FIELDS numfields field…`.
    hexpire: Seconds;
    /// `HPEXPIRE key milliseconds [NX|XX|GT|LT] FIELDS numfields field…`.
    hpexpire: Milliseconds;
    /// `HEXPIREAT key unix-time-seconds [NX|XX|GT|LT] FIELDS numfields field…`.
    hexpireat: UnixSeconds;
    /// `HPEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT] FIELDS numfields field…`.
    hpexpireat: UnixMilliseconds;
}

/// Answers for each field -2: not there, 0: the condition does not hold, 1: changed, 2: deleted, being due at once.
fn expire(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    (unit, name): (Unit, &'static str),
) -> CommandResult {
    let key = keyspace.key();
    keyspace.hash(key)?;
    let deadline = deadline(args, 2, unit, keyspace.now(), name)?;
    let condition = args.get(3).and_then(Condition::parse);
    let number = CommandError::text("ERR Parameter `numFields` should be greater than 0");
    let fields = fields(args, 3 + usize::from(condition.is_some()), number)?;
    let due = deadline <= keyspace.now();
    let hash = keyspace.hash(key)?;
    // A field that comes twice is seen as the first time left it.
    let mut changed: HashSet<&[u8]> = HashSet::new();
    reply.array(fields.len());
    for field in fields {
        let again = changed.contains(field);
        let there = hash.is_some_and(|hash| hash.get(field).is_some()) && !(due && again);
        let old = if again { Some(deadline) } else { hash.and_then(|hash| hash.deadline(field)) };
        match condition {
            _ if !there => reply.int(NO_FIELD),
            Some(condition) if !condition.holds(old, deadline) => reply.int(0),
            _ => {
                changed.insert(field);
                reply.int(if due { 2 } else { 1 });
            }
        }
    }
    set_deadline(keyspace, key, &sorted(changed), Some(deadline));
    Ok(())
}

/// In an order that is the same wherever the command is carried out.
fn sorted(fields: HashSet<&[u8]>) -> Vec<&[u8]> {
    let mut fields: Vec<&[u8]> = fields.into_iter().collect();
    fields.sort_unstable();
    fields
}

/// Gives fields that are there a deadline, or takes it; with one that has passed they are gone. Tells it.
pub(super) fn set_deadline(
    keyspace: &mut Keyspace<'_, '_>,
    key: Key<'_>,
    fields: &[&[u8]],
    deadline: Option<u64>,
) {
    if fields.is_empty() {
        return;
    }
    let due = deadline.is_some_and(|deadline| deadline <= keyspace.now());
    let effect = if due {
        Effect::RemoveFields { key, fields }
    } else {
        Effect::SetFieldDeadlines { key, deadline, fields }
    };
    keyspace.apply(key.slot, &effect);
    keyspace.notify(Class::Hash, if due { "hdel" } else { told(deadline) }, key);
    if due && keyspace.find(key).is_none() {
        keyspace.notify(Class::Generic, "del", key);
    }
}

fn told(deadline: Option<u64>) -> &'static str {
    if deadline.is_some() { "hexpire" } else { "hpersist" }
}

/// `HPERSIST key FIELDS numfields field…`: answers for each field -2: not there, -1: without a deadline, 1: changed.
pub(super) fn hpersist(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    let hash = keyspace.hash(key)?;
    let fields = plain_fields(args, 2)?;
    let mut changed: HashSet<&[u8]> = HashSet::new();
    reply.array(fields.len());
    for field in fields {
        let there = hash.is_some_and(|hash| hash.get(field).is_some());
        let deadline = hash.and_then(|hash| hash.deadline(field)).filter(|_| !changed.contains(field));
        match deadline {
            _ if !there => reply.int(NO_FIELD),
            None => reply.int(NO_DEADLINE),
            Some(_) => {
                changed.insert(field);
                reply.int(1);
            }
        }
    }
    set_deadline(keyspace, key, &sorted(changed), None);
    Ok(())
}

macro_rules! remaining {
    ($($(#[$doc:meta])* $name:ident: $unit:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(
            keyspace: &mut Keyspace<'_, '_>,
            args: Args<'_>,
            reply: &mut Reply<'_>,
        ) -> CommandResult {
            remaining(keyspace, args, reply, Unit::$unit)
        }
    )*};
}

remaining! {
    /// `HTTL key FIELDS numfields field…`.
    httl: Seconds;
    /// `HPTTL key FIELDS numfields field…`.
    hpttl: Milliseconds;
    /// `HEXPIRETIME key FIELDS numfields field…`.
    hexpiretime: UnixSeconds;
    /// `HPEXPIRETIME key FIELDS numfields field…`.
    hpexpiretime: UnixMilliseconds;
}

/// Answers for each field -2: not there, -1: without a deadline, else when it expires; seconds are rounded up.
fn remaining(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    unit: Unit,
) -> CommandResult {
    let hash = keyspace.hash(keyspace.key())?;
    let fields = plain_fields(args, 2)?;
    let (base, seconds) = match unit {
        Unit::Seconds => (keyspace.now(), true),
        Unit::Milliseconds => (keyspace.now(), false),
        Unit::UnixSeconds => (0, true),
        Unit::UnixMilliseconds => (0, false),
    };
    reply.array(fields.len());
    for field in fields {
        match hash.and_then(|hash| hash.deadline(field)) {
            Some(deadline) => {
                let left = deadline.saturating_sub(base);
                let left = if seconds { left.div_ceil(1000) } else { left };
                reply.int(i64::try_from(left).unwrap_or(i64::MAX));
            }
            None if hash.is_some_and(|hash| hash.get(field).is_some()) => reply.int(NO_DEADLINE),
            None => reply.int(NO_FIELD),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::command::resolve;
    use ringmaster_protocol::resp::{Protocol, inline};
    use ringmaster_protocol::slot::HashSlot;

    use super::*;
    use crate::engine::testing::{reply_at, script};
    use crate::engine::{Engine, Flow};
    use crate::store::Store;
    use crate::store::keyspace::Moment;

    const MATCH: &str = r"-ERR The `numfields` parameter must match the number of arguments\r\n";

    #[test]
    fn deadlines_are_set_read_and_taken() {
        script(&[
            ("HSET h a 1 b 2 c 3", r":3\r\n"),
            ("HEXPIRE h 10 FIELDS 3 a b x", r"*3\r\n:1\r\n:1\r\n:-2\r\n"),
            ("HTTL h FIELDS 4 a b c x", r"*4\r\n:10\r\n:10\r\n:-1\r\n:-2\r\n"),
            ("HPTTL h FIELDS 1 a", r"*1\r\n:10000\r\n"),
            ("HEXPIRETIME h FIELDS 1 a", r"*1\r\n:1010\r\n"),
            ("HPEXPIRETIME h FIELDS 1 a", r"*1\r\n:1010000\r\n"),
            ("HPEXPIRE h 1500 FIELDS 1 a", r"*1\r\n:1\r\n"),
            ("HTTL h FIELDS 1 a", r"*1\r\n:2\r\n"),
            ("HPERSIST h FIELDS 4 a a c x", r"*4\r\n:1\r\n:-1\r\n:-1\r\n:-2\r\n"),
            ("HTTL h FIELDS 1 a", r"*1\r\n:-1\r\n"),
            ("HPEXPIREAT h 1000000 FIELDS 2 a a", r"*2\r\n:2\r\n:-2\r\n"),
            ("HEXPIREAT h 0 FIELDS 2 b c", r"*2\r\n:2\r\n:2\r\n"),
            ("EXISTS h", r":0\r\n"),
            ("HTTL h FIELDS 2 a b", r"*2\r\n:-2\r\n:-2\r\n"),
            ("HPERSIST h FIELDS 1 a", r"*1\r\n:-2\r\n"),
            ("HEXPIRE h 1 FIELDS 1 a", r"*1\r\n:-2\r\n"),
        ]);
    }

    #[test]
    fn conditions_look_at_the_deadline_that_is_there() {
        script(&[
            ("HSET h a 1 b 2", r":2\r\n"),
            ("HEXPIRE h 10 XX FIELDS 1 a", r"*1\r\n:0\r\n"),
            ("HEXPIRE h 10 GT FIELDS 1 a", r"*1\r\n:0\r\n"),
            ("HEXPIRE h 10 NX FIELDS 2 a a", r"*2\r\n:1\r\n:0\r\n"),
            ("HEXPIRE h 10 gt FIELDS 1 a", r"*1\r\n:0\r\n"),
            ("HEXPIRE h 11 GT FIELDS 1 a", r"*1\r\n:1\r\n"),
            ("HEXPIRE h 11 LT FIELDS 2 a b", r"*2\r\n:0\r\n:1\r\n"),
            ("HEXPIRE h 5 LT FIELDS 1 a", r"*1\r\n:1\r\n"),
            ("HEXPIRE h 7 XX FIELDS 1 a", r"*1\r\n:1\r\n"),
            ("HTTL h FIELDS 2 a b", r"*2\r\n:7\r\n:11\r\n"),
            ("HEXPIRE h 0 NX FIELDS 1 a", r"*1\r\n:0\r\n"),
        ]);
    }

    #[test]
    fn broken_arguments_change_nothing() {
        let missing = r"-ERR Mandatory argument FIELDS is missing or not at the right position\r\n";
        script(&[
            ("HSET h a 1", r":1\r\n"),
            ("HEXPIRE h x FIELDS 1 a", r"-ERR value is not an integer or out of range\r\n"),
            ("HEXPIRE h -1 FIELDS 1 a", r"-ERR invalid expire time, must be >= 0\r\n"),
            ("HEXPIREAT h 70368744178 FIELDS 1 a", r"-ERR invalid expire time in 'hexpireat' command\r\n"),
            ("HPEXPIREAT h 70368744177663 FIELDS 1 a", r"*1\r\n:1\r\n"),
            ("HPEXPIRE h 70368744177663 FIELDS 1 a", r"-ERR invalid expire time in 'hpexpire' command\r\n"),
            (
                "HPEXPIRE h 9223372036854775807 FIELDS 1 a",
                r"-ERR invalid expire time in 'hpexpire' command\r\n",
            ),
            ("HEXPIRE h 1 FIELD 1 a", missing),
            ("HEXPIRE h 1 NX XX FIELDS 1 a", missing),
            ("HEXPIRE h 1 FIELDS 0 a", r"-ERR Parameter `numFields` should be greater than 0\r\n"),
            ("HEXPIRE h 1 FIELDS 2 a", MATCH),
            ("HEXPIRE h 1 NX FIELDS 1 a b", MATCH),
            ("HTTL h FELDS 1 a", missing),
            ("HTTL h FIELDS x a", r"-ERR Number of fields must be a positive integer\r\n"),
            ("HPERSIST h FIELDS 2 a", MATCH),
            ("HTTL h FIELDS 1", r"-ERR wrong number of arguments for 'httl' command\r\n"),
            ("SET s x", r"+OK\r\n"),
            ("HTTL s FIELDS 1 a", r"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
            ("HPEXPIRETIME h FIELDS 1 a", r"*1\r\n:70368744177663\r\n"),
        ]);
    }

    #[test]
    fn a_due_field_is_absent_for_every_reader() {
        let engine = Engine::new(Store::new(None));
        for (now, line, expected) in [
            (1000, "HSET h a 1 b 2 c 3", r":3\r\n"),
            (1000, "HPEXPIRE h 100 FIELDS 1 a", r"*1\r\n:1\r\n"),
            (1000, "HPEXPIRE h 200 FIELDS 1 b", r"*1\r\n:1\r\n"),
            (1099, "HMGET h a b c", r"*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n"),
            (1100, "HLEN h", r":2\r\n"),
            (1100, "HEXISTS h a", r":0\r\n"),
            (1100, "HSET h a 9", r":1\r\n"),
            (1100, "HTTL h FIELDS 1 a", r"*1\r\n:-1\r\n"),
            (1199, "HINCRBY h b 1", r":3\r\n"),
            (1199, "HINCRBYFLOAT h b 0.5", r"$3\r\n3.5\r\n"),
            (1199, "HPTTL h FIELDS 1 b", r"*1\r\n:1\r\n"),
            (1199, "HSET h b 4", r":0\r\n"),
            (1200, "HGET h b", r"$1\r\n4\r\n"),
            (1200, "COPY h other", r":1\r\n"),
            (1200, "HPEXPIRE h 10 FIELDS 3 a b c", r"*3\r\n:1\r\n:1\r\n:1\r\n"),
            (1200, "COPY h {h}copy", r":1\r\n"),
            (1200, "RENAME h g", r"+OK\r\n"),
            (1209, "HPTTL g FIELDS 1 c", r"*1\r\n:1\r\n"),
            (1210, "GET {h}copy", r"$-1\r\n"),
            (1210, "TYPE g", r"+none\r\n"),
            (1210, "HLEN other", r":3\r\n"),
            (1210, "DBSIZE", r":1\r\n"),
        ] {
            assert_eq!(reply_at(&engine, now, line), expected, "{line} at {now}");
        }
    }

    #[test]
    fn due_fields_are_freed_without_being_asked_for() {
        let engine = Engine::new(Store::new(None));
        (0..5000).for_each(|n| drop(reply_at(&engine, 1000, &format!("HSET h f{n} v"))));
        (0..3000).for_each(|n| drop(reply_at(&engine, 1000, &format!("HPEXPIRE h 100 FIELDS 1 f{n}"))));
        reply_at(&engine, 1000, "HSET all a 1");
        reply_at(&engine, 1000, "HPEXPIRE all 100 FIELDS 1 a");
        let mut rounds = 1;
        while engine.store().expire(&mut HashSlot::all(), 1100).has_more {
            rounds += 1;
        }
        assert!(rounds > 3, "in bounded rounds");
        let left: usize = HashSlot::all()
            .map(|slot| {
                engine.store().look(slot, |slot| {
                    slot.entries()
                        .map(|entry| match entry.value() {
                            crate::store::value::Value::Hash(hash) => hash.len(),
                            _ => 0,
                        })
                        .sum::<usize>()
                })
            })
            .sum();
        assert_eq!(left, 2000);
        assert_eq!(engine.store().expire(&mut HashSlot::all(), 1_000_000).freed, 0);
    }

    #[test]
    fn a_get_on_the_short_way_frees_what_is_due() {
        let engine = Engine::new(Store::new(None));
        reply_at(&engine, 1000, "HSET h a 1 b 2");
        reply_at(&engine, 1000, "HPEXPIRE h 100 FIELDS 1 a");
        reply_at(&engine, 1000, "HPEXPIRE h 200 FIELDS 1 b");
        let get = |now: u64| {
            let (mut store, mut spans, mut out) = (Vec::new(), Vec::new(), Vec::new());
            inline::split(b"GET h", &mut store, &mut spans).unwrap();
            let args = Args::new(&store, &spans);
            let mut reply = Reply::new(&mut out, Protocol::Resp2);
            let moment = Moment { now, database: 0, random: 1, ..Moment::default() };
            let flow =
                engine.run_single(resolve(&args).unwrap(), args, Key::new(b"h", 0), moment, &mut reply);
            assert!(matches!(flow, Flow::Done(tally) if tally.failed == (now < 1200)));
            out
        };
        assert!(get(1000).starts_with(b"-WRONGTYPE") && get(1100).starts_with(b"-WRONGTYPE"));
        assert_eq!(get(1200), b"$-1\r\n");
    }
}
