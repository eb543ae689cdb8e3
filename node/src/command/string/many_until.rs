//! `MSETEX numkeys key value… [NX|XX] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]`, of Redis 8.4.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use super::condition::Condition;
use crate::command::options::is;
use crate::command::unit::Unit;
use crate::command::{CommandError, CommandResult};
use crate::store::entry::EntryRef;
use crate::store::keyspace::Keyspace;

/// What becomes of the deadlines.
#[derive(Clone, Copy)]
enum Expiry {
    Never,
    Keep,
    At(u64),
}

/// `MSETEX`: sets all keys or none; answers whether it did.
pub(crate) fn msetex(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let count = parse_integer(&args[1]).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count > 0).ok_or(CommandError::text("ERR invalid numkeys value"))?;
    if count > (args.len() - 2) / 2 {
        return Err(CommandError::text("ERR wrong number of key-value pairs"));
    }
    let (condition, expiry) = options(args, 2 + 2 * count, keyspace.now())?;
    for key in keyspace.keys() {
        if !condition.map_or(Ok(true), |condition| condition.holds(keyspace, *key))? {
            reply.int(0);
            return Ok(());
        }
    }
    let values = args.iter().skip(3).step_by(2);
    for (key, value) in keyspace.keys().iter().zip(values) {
        let deadline = match expiry {
            Expiry::Never => None,
            Expiry::Keep => keyspace.find(*key).and_then(EntryRef::deadline),
            Expiry::At(deadline) => Some(deadline),
        };
        let expires = matches!(expiry, Expiry::At(_));
        super::set_or_remove(keyspace, *key, value, deadline, expires);
    }
    reply.int(1);
    Ok(())
}

/// At most one condition and one deadline.
fn options(
    args: Args<'_>,
    mut index: usize,
    now: u64,
) -> Result<(Option<Condition<'_>>, Expiry), CommandError> {
    const INVALID: CommandError = CommandError::text("ERR invalid expire time in 'msetex' command");
    let (mut condition, mut expiry) = (None, None);
    while let Some(option) = args.get(index) {
        let unit = Unit::of_option(option);
        match option {
            _ if condition.is_none() && is(option, "NX") => condition = Some(Condition::Absent),
            _ if condition.is_none() && is(option, "XX") => condition = Some(Condition::Present),
            _ if expiry.is_none() && is(option, "KEEPTTL") => expiry = Some(Expiry::Keep),
            _ if expiry.is_none() => {
                let (unit, amount) = unit.zip(args.get(index + 1)).ok_or(CommandError::Syntax)?;
                expiry = Some(Expiry::At(unit.deadline(amount, now, &INVALID)?));
            }
            _ => return Err(CommandError::Syntax),
        }
        index += 1 + usize::from(unit.is_some());
    }
    Ok((condition, expiry.unwrap_or(Expiry::Never)))
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::script;

    #[test]
    fn many_keys_are_set_with_one_deadline() {
        script(&[
            ("MSETEX 2 a 1 b 2 EX 10", r":1\r\n"),
            ("PTTL a", r":10000\r\n"),
            ("PTTL b", r":10000\r\n"),
            ("MSETEX 1 a 3 KEEPTTL XX", r":1\r\n"),
            ("PTTL a", r":10000\r\n"),
            ("MSETEX 2 a 4 c 4 NX", r":0\r\n"),
            ("MSETEX 2 a 4 c 4 XX", r":0\r\n"),
            ("MGET a b c", r"*3\r\n$1\r\n3\r\n$1\r\n2\r\n$-1\r\n"),
            ("MSETEX 1 a 5", r":1\r\n"),
            ("PTTL a", r":-1\r\n"),
            ("MSETEX 1 a 5 PXAT 1000", r":1\r\n"),
            ("EXISTS a", r":0\r\n"),
        ]);
    }

    #[test]
    fn broken_arguments_set_nothing() {
        script(&[
            ("MSETEX 0 a 1", r"-ERR invalid numkeys value\r\n"),
            ("MSETEX x a 1", r"-ERR invalid numkeys value\r\n"),
            ("MSETEX 9223372036854775807 a 1", r"-ERR wrong number of key-value pairs\r\n"),
            ("MSETEX 2 a 1 b", r"-ERR wrong number of key-value pairs\r\n"),
            ("MSETEX 1 a 1 NX XX", r"-ERR syntax error\r\n"),
            ("MSETEX 1 a 1 EX 1 KEEPTTL", r"-ERR syntax error\r\n"),
            ("MSETEX 1 a 1 EX", r"-ERR syntax error\r\n"),
            ("MSETEX 1 a 1 EX x", r"-ERR value is not an integer or out of range\r\n"),
            ("MSETEX 1 a 1 EX 0", r"-ERR invalid expire time in 'msetex' command\r\n"),
            ("MSETEX 1 a 1 b 2", r"-ERR syntax error\r\n"),
            ("EXISTS a b", r":0\r\n"),
        ]);
    }
}
