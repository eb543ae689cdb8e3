//! `SADD`, `SREM`, `SCARD`, `SMEMBERS`, `SISMEMBER`, `SMISMEMBER`, `SSCAN`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::CommandResult;
use crate::command::options::rest;
use crate::command::scan::{self, ScanOptions};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
use crate::store::value::{Set, Text};

/// `SADD key member…`.
pub(super) fn sadd(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    keyspace.set(key)?;
    let members = rest(args, 2);
    let added = keyspace.apply(key.slot, &Effect::AddMembers { key, members: &members }).count;
    if added > 0 {
        keyspace.notify(Class::Set, "sadd", key);
    }
    reply.count(added);
    Ok(())
}

/// `SREM key member…`.
pub(super) fn srem(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    if keyspace.set(key)?.is_none() {
        reply.int(0);
        return Ok(());
    }
    let members = rest(args, 2);
    let removed = keyspace.apply(key.slot, &Effect::RemoveMembers { key, members: &members }).count;
    if removed > 0 {
        keyspace.notify_loss(Class::Set, "srem", key);
    }
    reply.count(removed);
    Ok(())
}

/// `SCARD key`.
pub(super) fn scard(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.count(keyspace.set(keyspace.key())?.map_or(0, Set::len));
    Ok(())
}

/// `SMEMBERS key`.
pub(super) fn smembers(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let Some(set) = keyspace.set(keyspace.key())? else {
        reply.set(0);
        return Ok(());
    };
    reply.set(set.len());
    set.iter().for_each(|member| reply.bulk(&member));
    Ok(())
}

/// `SISMEMBER key member`.
pub(super) fn sismember(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let set = keyspace.set(keyspace.key())?;
    reply.int(i64::from(set.is_some_and(|set| set.contains(&args[2]))));
    Ok(())
}

/// `SMISMEMBER key member…`.
pub(super) fn smismember(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let set = keyspace.set(keyspace.key())?;
    let members = args.from(2);
    reply.array(members.len());
    for member in members.iter() {
        reply.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`. A set that Redis would keep packed comes whole.
pub(super) fn sscan(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let cursor = scan::cursor(&args[2])?;
    let Some(set) = keyspace.set(keyspace.key())? else {
        scan::write::<&[u8]>(reply, None, &[]);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, false)?;
    let mut found: Vec<Text<'_>> = Vec::new();
    let next = set.scan(scan::order_of(cursor), options.count, |member| {
        if options.fits(&member) {
            found.push(member);
        }
    });
    scan::write(reply, next, &found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::engine::Engine;
    use crate::engine::testing::{reply_at, script};
    use crate::store::Store;

    /// The cursor and the elements of a reply.
    fn scanned(engine: &Engine, line: &str) -> (String, Vec<String>) {
        let reply = reply_at(engine, 0, line);
        let mut words = reply.split(r"\r\n").filter(|word| !word.starts_with(['*', '$']) && !word.is_empty());
        let cursor = words.next().expect("a cursor").to_owned();
        (cursor, words.map(str::to_owned).collect())
    }

    #[test]
    fn a_scan_meets_every_member_that_stays_while_the_set_grows_and_shrinks() {
        let engine = Engine::new(Store::new(None));
        let run = |line: String| assert_eq!(reply_at(&engine, 0, &line), r":1\r\n", "{line}");
        (0..700).for_each(|n| run(format!("SADD s stays{n}")));
        (0..700).for_each(|n| run(format!("SADD s goes{n}")));
        let (mut cursor, mut met, mut step) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let (next, members) = scanned(&engine, &format!("SSCAN s {cursor} COUNT 9 MATCH *s*"));
            met.extend(members.into_iter().filter(|member| member.starts_with("stays")));
            (4 * step..4 * step + 4).filter(|n| *n < 700).for_each(|n| run(format!("SREM s goes{n}")));
            run(format!("SADD s comes{step}"));
            (cursor, step) = (next, step + 1);
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(met.len(), 700);
        assert!(step > 50, "{step} calls");
    }

    #[test]
    fn a_set_that_was_ever_large_is_scanned_in_steps() {
        let engine = Engine::new(Store::new(None));
        let numbers = |count| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        reply_at(&engine, 0, &format!("SADD s {}", numbers(512)));
        assert_eq!(scanned(&engine, "SSCAN s 0").1.len(), 512);
        reply_at(&engine, 0, "SADD s 512");
        let (cursor, members) = scanned(&engine, "SSCAN s 0 COUNT 1");
        assert!(cursor != "0" && members.len() < 100);
        assert_eq!(scanned(&engine, "SSCAN s 18446744073709551615").0, "0");
    }

    #[test]
    fn a_count_of_repeated_members_has_a_bound() {
        script(&[
            ("SADD s a", r":1\r\n"),
            ("SRANDMEMBER s -2", r"*2\r\n$1\r\na\r\n$1\r\na\r\n"),
            ("SRANDMEMBER s -1048577", r"-ERR value is out of range\r\n"),
            ("SRANDMEMBER s -9223372036854775807", r"-ERR value is out of range\r\n"),
        ]);
    }
}
