//! `MEMORY USAGE`: what a key takes, to the byte, as the allocator counts.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;

/// `MEMORY USAGE key [SAMPLES count]`: the key, its value and its share of the slot's table. Nothing is estimated
/// from samples, so their number does not matter.
pub(crate) fn usage(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let mut index = 3;
    while let Some(option) = args.get(index) {
        if !is(option, "SAMPLES") || index + 1 == args.len() || integer(args, index + 1)? < 0 {
            return Err(CommandError::Syntax);
        }
        index += 2;
    }
    match keyspace.find(keyspace.key()) {
        None => reply.null(),
        Some(entry) => reply.count(entry.heap_bytes() + keyspace.slot(keyspace.key().slot).share_bytes()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::Engine;
    use crate::engine::testing::{reply_at, script};
    use crate::store::Store;

    #[test]
    fn options_are_read_as_redis_reads_them() {
        script(&[
            ("MEMORY USAGE k", r"$-1\r\n"),
            ("MEMORY USAGE k SAMPLES 0", r"$-1\r\n"),
            ("MEMORY USAGE k SAMPLES -1", r"-ERR syntax error\r\n"),
            ("MEMORY USAGE k SAMPLES", r"-ERR syntax error\r\n"),
            ("MEMORY USAGE k SAMPLES x", r"-ERR value is not an integer or out of range\r\n"),
            ("MEMORY USAGE k BAD 1", r"-ERR syntax error\r\n"),
        ]);
    }

    #[test]
    fn a_key_takes_its_block_and_its_share_of_the_table() {
        let engine = Engine::new(Store::new(None));
        let usage = |line: &str| {
            reply_at(&engine, 1, line);
            let reply = reply_at(&engine, 1, "MEMORY USAGE k");
            reply.trim_start_matches(':').trim_end_matches(r"\r\n").parse::<usize>().unwrap()
        };
        let small = usage("SET k v");
        assert!((16..96).contains(&small), "{small}");
        let large = usage("SETRANGE k 99999 x");
        assert!((100_000..130_000).contains(&large), "{large}");
    }
}
