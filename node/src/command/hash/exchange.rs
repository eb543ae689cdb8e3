//! `HGETEX`, `HSETEX`, `HGETDEL`: values with what becomes of their fields. As in Redis 8.0.

use std::collections::HashSet;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use super::arguments::{Change, deadline, only_one, plain_fields};
use super::expire::set_deadline;
use crate::command::options::is;
use crate::command::unit::Unit;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// `HGETDEL key FIELDS numfields field…`.
pub(super) fn hgetdel(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    keyspace.hash(key)?;
    let fields = plain_fields(args, 2)?;
    answer(keyspace, key, &fields, true, reply)?;
    if keyspace.hash(key)?.is_none() {
        return Ok(());
    }
    if keyspace.apply(key.slot, &Effect::RemoveFields { key, fields: &fields }).count > 0 {
        keyspace.notify(Class::Hash, "hdel", key);
        if keyspace.find(key).is_none() {
            keyspace.notify(Class::Generic, "del", key);
        }
    }
    Ok(())
}

/// Writes the values of the fields. `deleted`: they are gone once they were asked for.
fn answer(
    keyspace: &Keyspace<'_, '_>,
    key: Key<'_>,
    fields: &[&[u8]],
    deleted: bool,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let hash = keyspace.hash(key)?;
    let mut asked: HashSet<&[u8]> = HashSet::new();
    reply.array(fields.len());
    for field in fields {
        let gone = deleted && !asked.insert(field);
        reply.bulk_or_null(hash.filter(|_| !gone).and_then(|hash| hash.get(field)));
    }
    Ok(())
}

/// `HGETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST] FIELDS numfields field…`.
pub(super) fn hgetex(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    keyspace.hash(key)?;
    let (change, at) = match (Unit::of_option(&args[2]), &args[2]) {
        (Some(unit), _) => (Change::At(deadline(args, 3, unit, keyspace.now(), "hgetex")?), 4),
        (None, word) if is(word, "PERSIST") => (Change::Persist, 3),
        _ => (Change::Keep, 2),
    };
    let fields = plain_fields(args, at)?;
    let due = matches!(change, Change::At(deadline) if deadline <= keyspace.now());
    answer(keyspace, key, &fields, due, reply)?;
    let hash = keyspace.hash(key)?;
    let there = |field: &&[u8]| hash.is_some_and(|hash| hash.get(field).is_some());
    let volatile = |field: &&[u8]| hash.is_some_and(|hash| hash.deadline(field).is_some());
    match change {
        Change::Keep => {}
        Change::Persist => {
            let fields: Vec<&[u8]> = fields.into_iter().filter(volatile).collect();
            set_deadline(keyspace, key, &fields, None);
        }
        Change::At(deadline) => {
            let fields: Vec<&[u8]> = fields.into_iter().filter(there).collect();
            set_deadline(keyspace, key, &fields, Some(deadline));
        }
    }
    Ok(())
}

/// Fields and their values.
type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

/// The options of `HSETEX`, and its fields with their values.
struct Setting<'a> {
    /// `FXX`: all fields must be there. `FNX`: none may be.
    present: Option<bool>,
    change: Change,
    fields: Pairs<'a>,
}

/// `HSETEX key [FNX|FXX] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL] FIELDS numfields field value…`: answers whether the
/// fields were set.
pub(super) fn hsetex(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let Setting { present, change, fields } = Setting::parse(args, keyspace.now())?;
    let key = keyspace.key();
    let hash = keyspace.hash(key)?;
    let there = |field: &[u8]| hash.is_some_and(|hash| hash.get(field).is_some());
    if present.is_some_and(|present| fields.iter().any(|(field, _)| there(field) != present)) {
        reply.int(0);
        return Ok(());
    }
    let names: Vec<&[u8]> = fields.iter().map(|(field, _)| *field).collect();
    let kept: Vec<(u64, &[u8])> = match (change, hash) {
        (Change::Keep, Some(hash)) => {
            names.iter().filter_map(|field| Some((hash.deadline(field)?, *field))).collect()
        }
        _ => Vec::new(),
    };
    keyspace.apply(key.slot, &Effect::SetFields { key, fields: &fields });
    keyspace.notify(Class::Hash, "hset", key);
    for (deadline, field) in kept {
        let effect = Effect::SetFieldDeadlines { key, deadline: Some(deadline), fields: &[field] };
        keyspace.apply(key.slot, &effect);
    }
    if let Change::At(deadline) = change {
        set_deadline(keyspace, key, &names, Some(deadline));
    }
    reply.int(1);
    Ok(())
}

impl<'a> Setting<'a> {
    fn parse(args: Args<'a>, now: u64) -> Result<Self, CommandError> {
        const EXPIRATION: &str = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
        const CONDITION: &str = "ERR Only one of FXX or FNX arguments can be specified";
        let (mut present, mut change, mut index) = (None, None, 2);
        while let Some(word) = args.get(index) {
            if is(word, "FIELDS") {
                let fields = pairs(args, index + 1)?;
                // A deadline goes when its field is set.
                return Ok(Self { present, change: change.unwrap_or(Change::Persist), fields });
            } else if let Some(unit) = Unit::of_option(word) {
                only_one(change.is_some(), EXPIRATION)?;
                index += 1;
                only_one(index >= args.len(), "ERR missing expire time")?;
                change = Some(Change::At(deadline(args, index, unit, now, "hsetex")?));
            } else if is(word, "KEEPTTL") {
                only_one(change.is_some(), EXPIRATION)?;
                change = Some(Change::Keep);
            } else if is(word, "FXX") || is(word, "FNX") {
                only_one(present.is_some(), CONDITION)?;
                present = Some(is(word, "FXX"));
            } else {
                let text = format!("ERR unknown argument: {}", String::from_utf8_lossy(word));
                return Err(CommandError::Other(text.into()));
            }
            index += 1;
        }
        Err(ARITY)
    }
}

const ARITY: CommandError = CommandError::text("ERR wrong number of arguments for 'hsetex' command");

/// The number of fields at `index`, and the fields with their values up to the end.
fn pairs(args: Args<'_>, index: usize) -> Result<Pairs<'_>, CommandError> {
    if index + 2 >= args.len() {
        return Err(ARITY);
    }
    let count = parse_integer(&args[index]).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(CommandError::text("ERR invalid number of fields"))?;
    let rest = args.len() - index - 1;
    if !rest.is_multiple_of(2) || usize::try_from(count) != Ok(rest / 2) {
        return Err(ARITY);
    }
    let mut words = args.iter().skip(index + 1);
    Ok(std::iter::from_fn(|| Some((words.next()?, words.next()?))).collect())
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::script;

    #[test]
    fn fields_are_read_and_deleted() {
        script(&[
            ("HSET h a 1 b 2", r":2\r\n"),
            ("HGETDEL h FIELDS 3 a a x", r"*3\r\n$1\r\n1\r\n$-1\r\n$-1\r\n"),
            ("HGETDEL h FIELDS 1 a", r"*1\r\n$-1\r\n"),
            ("HGETDEL h FIELDS 1 b", r"*1\r\n$1\r\n2\r\n"),
            ("EXISTS h", r":0\r\n"),
            ("HGETDEL h FIELDS 2 a b", r"*2\r\n$-1\r\n$-1\r\n"),
            ("HGETDEL h FIELDS 0 a", r"-ERR Number of fields must be a positive integer\r\n"),
            (
                "HGETDEL h x 1 a",
                r"-ERR Mandatory argument FIELDS is missing or not at the right position\r\n",
            ),
        ]);
    }

    #[test]
    fn fields_are_read_and_given_deadlines() {
        script(&[
            ("HSET h a 1 b 2", r":2\r\n"),
            ("HGETEX h FIELDS 2 a x", r"*2\r\n$1\r\n1\r\n$-1\r\n"),
            ("HGETEX h EX 10 FIELDS 2 a x", r"*2\r\n$1\r\n1\r\n$-1\r\n"),
            ("HTTL h FIELDS 2 a b", r"*2\r\n:10\r\n:-1\r\n"),
            ("HGETEX h PXAT 1005000 FIELDS 1 a", r"*1\r\n$1\r\n1\r\n"),
            ("HTTL h FIELDS 1 a", r"*1\r\n:5\r\n"),
            ("HGETEX h PERSIST FIELDS 2 a b", r"*2\r\n$1\r\n1\r\n$1\r\n2\r\n"),
            ("HTTL h FIELDS 1 a", r"*1\r\n:-1\r\n"),
            ("HGETEX h EXAT 1 FIELDS 3 a b a", r"*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n"),
            ("EXISTS h", r":0\r\n"),
            ("HGETEX h PX 1 FIELDS 1 a", r"*1\r\n$-1\r\n"),
            ("HGETEX h PX -1 FIELDS 1 a", r"-ERR invalid expire time, must be >= 0\r\n"),
            (
                "HGETEX h PX 5 FIELDS 2 a",
                r"-ERR The `numfields` parameter must match the number of arguments\r\n",
            ),
        ]);
    }

    #[test]
    fn fields_are_set_with_deadlines() {
        script(&[
            ("HSETEX h FXX FIELDS 1 a 1", r":0\r\n"),
            ("HSETEX h FNX EX 10 FIELDS 2 a 1 b 2", r":1\r\n"),
            ("HTTL h FIELDS 2 a b", r"*2\r\n:10\r\n:10\r\n"),
            ("HSETEX h FNX FIELDS 2 c 1 b 2", r":0\r\n"),
            ("HSETEX h FXX KEEPTTL FIELDS 1 a 3", r":1\r\n"),
            ("HTTL h FIELDS 1 a", r"*1\r\n:10\r\n"),
            ("HSETEX h FIELDS 1 a 4", r":1\r\n"),
            ("HTTL h FIELDS 1 a", r"*1\r\n:-1\r\n"),
            ("HMGET h a b c", r"*3\r\n$1\r\n4\r\n$1\r\n2\r\n$-1\r\n"),
            ("HSETEX h PXAT 5 FIELDS 2 a 5 b 5", r":1\r\n"),
            ("EXISTS h", r":0\r\n"),
        ]);
    }

    #[test]
    fn broken_arguments_set_nothing() {
        let arity = r"-ERR wrong number of arguments for 'hsetex' command\r\n";
        script(&[
            ("HSETEX h FIELDS 2 a 1", arity),
            ("HSETEX h FIELDS 1 a 1 b", arity),
            ("HSETEX h EX 1 FIELDS 1 a", arity),
            (
                "HSETEX h EX 1 PX 1 KEEPTTL",
                r"-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified\r\n",
            ),
            ("HSETEX h FNX FXX FIELDS 1 a 1", r"-ERR Only one of FXX or FNX arguments can be specified\r\n"),
            ("HSETEX h x FIELDS 1 a 1", r"-ERR unknown argument: x\r\n"),
            ("HSETEX h FNX KEEPTTL FNX EX", r"-ERR Only one of FXX or FNX arguments can be specified\r\n"),
            ("HSETEX h FNX FIELDS 0 a 1", r"-ERR invalid number of fields\r\n"),
            ("HSETEX h EX 1 2 3 4", r"-ERR unknown argument: 2\r\n"),
            ("HSETEX h EX x FIELDS 1 a 1", r"-ERR value is not an integer or out of range\r\n"),
            ("SET s x", r"+OK\r\n"),
            (
                "HSETEX s FIELDS 1 a 1",
                r"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            ),
            ("EXISTS h", r":0\r\n"),
        ]);
    }
}
