//! `HGETALL`, `HKEYS`, `HVALS`, `HSCAN`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::CommandResult;
use crate::command::scan::{self, ScanOptions};
use crate::store::keyspace::Keyspace;

/// `HGETALL key`.
pub(super) fn hgetall(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let Some(hash) = keyspace.hash(keyspace.key())? else {
        reply.map(0);
        return Ok(());
    };
    reply.map(hash.len());
    for (field, value) in hash.iter() {
        reply.bulk(field);
        reply.bulk(value);
    }
    Ok(())
}

/// `HKEYS key`.
pub(super) fn hkeys(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let Some(hash) = keyspace.hash(keyspace.key())? else {
        reply.array(0);
        return Ok(());
    };
    reply.array(hash.len());
    hash.iter().for_each(|(field, _)| reply.bulk(field));
    Ok(())
}

/// `HVALS key`.
pub(super) fn hvals(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let Some(hash) = keyspace.hash(keyspace.key())? else {
        reply.array(0);
        return Ok(());
    };
    reply.array(hash.len());
    hash.iter().for_each(|(_, value)| reply.bulk(value));
    Ok(())
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count]`. A hash that Redis would keep packed comes whole.
pub(super) fn hscan(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let cursor = scan::cursor(&args[2])?;
    let Some(hash) = keyspace.hash(keyspace.key())? else {
        scan::write::<&[u8]>(reply, None, &[]);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, false)?;
    let mut found: Vec<&[u8]> = Vec::new();
    let next = hash.scan(scan::order_of(cursor), options.count, |field, value| {
        if options.fits(field) {
            found.extend([field, value]);
        }
    });
    scan::write(reply, next, &found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::Engine;
    use crate::engine::testing::reply_at;
    use crate::store::Store;

    #[test]
    fn a_scan_of_a_large_hash_gives_fields_with_their_values() {
        let engine = Engine::new(Store::new(None));
        (0..600).for_each(|n| drop(reply_at(&engine, 0, &format!("HSET h {n} v{n}"))));
        let (mut cursor, mut met) = ("0".to_owned(), 0);
        loop {
            let reply = reply_at(&engine, 0, &format!("HSCAN h {cursor} COUNT 50"));
            let mut words =
                reply.split(r"\r\n").filter(|word| !word.starts_with(['*', '$']) && !word.is_empty());
            cursor = words.next().expect("a cursor").to_owned();
            while let (Some(field), Some(value)) = (words.next(), words.next()) {
                assert_eq!(format!("v{field}"), value);
                met += 1;
            }
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(met, 600);
    }
}
