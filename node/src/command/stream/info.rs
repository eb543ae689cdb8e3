//! `XINFO`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::answer;
use super::group::{no_such_group, syntax};
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::keyspace::Keyspace;
use crate::store::value::Stream;
use crate::store::value::stream::{Consumer, Group, StreamId};

/// Entries that `FULL` shows if the client does not say.
const COUNT: usize = 10;

/// `XINFO CONSUMERS key group`.
pub(super) fn consumers(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let stream = keyspace.stream(keyspace.key())?.ok_or(CommandError::NoSuchKey)?;
    let group = stream.group(&args[3]).ok_or_else(|| no_such_group(args))?;
    reply.array(group.consumers_len());
    for consumer in group.consumers() {
        let idle = keyspace.now().saturating_sub(consumer.seen);
        reply.map(3);
        named(reply, "name", |reply| reply.bulk(consumer.name()));
        named(reply, "pending", |reply| reply.count(consumer.pending().len()));
        named(reply, "idle", |reply| reply.int(idle.cast_signed()));
    }
    Ok(())
}

/// `XINFO GROUPS key`.
pub(super) fn groups(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let stream = keyspace.stream(keyspace.key())?.ok_or(CommandError::NoSuchKey)?;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        named(reply, "name", |reply| reply.bulk(name));
        named(reply, "consumers", |reply| reply.count(group.consumers_len()));
        named(reply, "pending", |reply| reply.count(group.pending_len()));
        progress(reply, stream, group);
    }
    Ok(())
}

/// `XINFO STREAM key [FULL [COUNT count]]`.
pub(super) fn stream(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let stream = keyspace.stream(keyspace.key())?.ok_or(CommandError::NoSuchKey)?;
    let full = full(args)?;
    reply.map(if full.is_some() { 9 } else { 10 });
    common(reply, stream);
    match full {
        Some(max) => {
            let all = (StreamId::MIN, StreamId::MAX);
            named(reply, "entries", |reply| answer::entries(reply, stream, all, max, false));
            reply.bulk(b"groups");
            reply.array(stream.groups().len());
            stream.groups().for_each(|(name, group)| full_group(reply, stream, (name, group), max));
        }
        None => {
            named(reply, "groups", |reply| reply.count(stream.groups().len()));
            let mut entries = stream.range(StreamId::MIN, StreamId::MAX);
            let (first, last) = (entries.next(), stream.range(StreamId::MIN, StreamId::MAX).next_back());
            for (name, entry) in [("first-entry", first), ("last-entry", last)] {
                named(reply, name, |reply| match &entry {
                    Some(entry) => answer::entry(reply, entry),
                    None => reply.null(),
                });
            }
        }
    }
    Ok(())
}

/// How many entries of each kind `FULL` shows; `None` without `FULL`.
fn full(args: Args<'_>) -> Result<Option<usize>, CommandError> {
    match args.len() {
        3 => Ok(None),
        4 if is(&args[3], "FULL") => Ok(Some(COUNT)),
        6 if is(&args[3], "FULL") && is(&args[4], "COUNT") => match integer(args, 5)? {
            0 => Ok(Some(usize::MAX)),
            count => Ok(Some(usize::try_from(count).unwrap_or(COUNT))),
        },
        _ => Err(syntax("XINFO", args)),
    }
}

fn named(reply: &mut Reply<'_>, name: &str, value: impl FnOnce(&mut Reply<'_>)) {
    reply.bulk(name.as_bytes());
    value(reply);
}

fn common(reply: &mut Reply<'_>, stream: &Stream) {
    named(reply, "length", |reply| reply.count(stream.len()));
    named(reply, "radix-tree-keys", |reply| reply.count(stream.blocks().len()));
    named(reply, "radix-tree-nodes", |reply| reply.count(stream.tree_nodes()));
    named(reply, "last-generated-id", |reply| answer::id(reply, stream.last_id()));
    named(reply, "max-deleted-entry-id", |reply| answer::id(reply, stream.max_deleted_id()));
    named(reply, "entries-added", |reply| reply.int(stream.added().cast_signed()));
    named(reply, "recorded-first-entry-id", |reply| answer::id(reply, stream.first_id()));
}

fn progress(reply: &mut Reply<'_>, stream: &Stream, group: &Group) {
    named(reply, "last-delivered-id", |reply| answer::id(reply, group.last_id));
    named(reply, "entries-read", |reply| answer::integer_or_null(reply, group.read));
    named(reply, "lag", |reply| answer::integer_or_null(reply, stream.lag(group)));
}

fn full_group(reply: &mut Reply<'_>, stream: &Stream, (name, group): (&[u8], &Group), max: usize) {
    reply.map(7);
    named(reply, "name", |reply| reply.bulk(name));
    progress(reply, stream, group);
    named(reply, "pel-count", |reply| reply.count(group.pending_len()));
    reply.bulk(b"pending");
    reply.array(group.pending_len().min(max));
    for (id, pending, owner) in group.pending_range(StreamId::MIN, StreamId::MAX).take(max) {
        reply.array(4);
        answer::id(reply, id);
        reply.bulk(owner.name());
        reply.int(pending.time.cast_signed());
        reply.int(pending.count.cast_signed());
    }
    reply.bulk(b"consumers");
    reply.array(group.consumers_len());
    group.consumers().for_each(|consumer| full_consumer(reply, group, consumer, max));
}

fn full_consumer(reply: &mut Reply<'_>, group: &Group, consumer: &Consumer, max: usize) {
    reply.map(4);
    named(reply, "name", |reply| reply.bulk(consumer.name()));
    named(reply, "seen-time", |reply| reply.int(consumer.seen.cast_signed()));
    named(reply, "pel-count", |reply| reply.count(consumer.pending().len()));
    reply.bulk(b"pending");
    reply.array(consumer.pending().len().min(max));
    for id in consumer.pending().iter().take(max) {
        // What is pending for a consumer is pending for its group.
        let (time, count) = group.pending(*id).map_or((0, 0), |pending| (pending.time, pending.count));
        reply.array(3);
        answer::id(reply, *id);
        reply.int(time.cast_signed());
        reply.int(count.cast_signed());
    }
}
