//! `XAUTOCLAIM`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use super::claim::{Claims, is_idle, least_idle};
use super::{answer, argument, group, no_group};
use crate::command::options::is;
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;
use crate::store::value::Stream;
use crate::store::value::stream::{Delivery, Group, StreamId};

/// Entries that are claimed at most if the client does not say.
const COUNT: usize = 100;

/// Largest count: Redis's, by its arithmetic.
const COUNT_MAX: usize = i64::MAX as usize / 16;

/// Counts from here on are more than Redis has memory for.
const COUNT_REFUSED: usize = 1 << 43;

/// Pending entries that are looked at for each that may be claimed.
const ATTEMPTS: usize = 10;

/// `XAUTOCLAIM key group consumer min-idle start [COUNT count] [JUSTID]`.
pub(super) fn xautoclaim(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, name, consumer) = (keyspace.key(), &args[2], &args[3]);
    let options = Options::parse(args)?;
    let group = group(keyspace, key, name)?.ok_or_else(|| no_group(key.bytes, name))?;
    if options.count >= COUNT_REFUSED {
        return Err(CommandError::text(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }
    let (claims, next) = match keyspace.stream(key)? {
        Some(stream) => options.claims(stream, group, keyspace.now()),
        None => Default::default(),
    };
    claims.apply(keyspace, key, name, consumer);
    reply.array(3);
    answer::id(reply, next);
    if let Some(stream) = keyspace.stream(key)? {
        claims.write(reply, stream, options.only_ids);
    }
    reply.array(claims.gone.len());
    claims.gone.iter().for_each(|id| answer::id(reply, *id));
    Ok(())
}

struct Options {
    least_idle: u64,
    start: StreamId,
    count: usize,
    only_ids: bool,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let least_idle = least_idle(args, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
        let start = argument::start(&args[5])?;
        let (mut options, mut index) = (Self { least_idle, start, count: COUNT, only_ids: false }, 6);
        while let Some(option) = args.get(index) {
            match (option, args.get(index + 1)) {
                (_, Some(text)) if is(option, "COUNT") => {
                    let count = parse_integer(text).and_then(|count| usize::try_from(count).ok());
                    let count = count.filter(|count| (1..=COUNT_MAX).contains(count));
                    options.count = count.ok_or(CommandError::text("ERR COUNT must be > 0"))?;
                    index += 1;
                }
                _ if is(option, "JUSTID") => options.only_ids = true,
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }

    /// What is claimed, and where the next claim goes on; 0-0 is at the start again.
    fn claims(&self, stream: &Stream, group: &Group, now: u64) -> (Claims, StreamId) {
        let (mut claims, mut attempts, mut left) = (Claims::default(), self.count * ATTEMPTS, self.count);
        for (id, pending, _) in group.pending_range(self.start, StreamId::MAX) {
            if attempts == 0 || left == 0 {
                return (claims, id);
            }
            attempts -= 1;
            if stream.get(id).is_none() {
                claims.gone.push(id);
                left -= 1;
            } else if is_idle(now, pending.time, self.least_idle) {
                let count = pending.count.wrapping_add(u64::from(!self.only_ids));
                claims.claimed.push(Delivery { id, time: now, count });
                left -= 1;
            }
        }
        (claims, StreamId::MIN)
    }
}
