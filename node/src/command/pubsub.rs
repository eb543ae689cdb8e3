//! Publishing, and questions about who listens. Subscribing is the connection's.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{CommandResult, Handler};
use crate::pubsub::Kind;
use crate::store::keyspace::Keyspace;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("publish", Handler::Keys(publish)),
    ("spublish", Handler::Keys(spublish)),
    ("pubsub|channels", Handler::Keys(channels)),
    ("pubsub|shardchannels", Handler::Keys(shard_channels)),
    ("pubsub|numsub", Handler::Keys(numsub)),
    ("pubsub|shardnumsub", Handler::Keys(shard_numsub)),
    ("pubsub|numpat", Handler::Keys(numpat)),
];

/// `PUBLISH channel message`.
fn publish(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let heard = keyspace.hub().publish(&args[1], &args[2]);
    keyspace.published(heard);
    reply.count(heard);
    Ok(())
}

/// `SPUBLISH channel message`.
fn spublish(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let heard = keyspace.hub().publish_to_shard(&args[1], &args[2]);
    keyspace.published(heard);
    reply.count(heard);
    Ok(())
}

/// `PUBSUB CHANNELS [pattern]`.
fn channels(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    names(keyspace, Kind::Channel, args, reply);
    Ok(())
}

/// `PUBSUB SHARDCHANNELS [pattern]`.
fn shard_channels(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    names(keyspace, Kind::ShardChannel, args, reply);
    Ok(())
}

fn names(keyspace: &Keyspace<'_, '_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) {
    if args.len() > 3 {
        let before = b"ERR unknown subcommand or wrong number of arguments for '";
        return reply.error_bytes(&[before, &args[1], b"'. Try PUBSUB HELP."].concat());
    }
    let names = keyspace.hub().names(kind, args.get(2));
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name));
}

/// `PUBSUB NUMSUB [channel ...]`.
fn numsub(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    counts(keyspace, Kind::Channel, args, reply);
    Ok(())
}

/// `PUBSUB SHARDNUMSUB [channel ...]`.
fn shard_numsub(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    counts(keyspace, Kind::ShardChannel, args, reply);
    Ok(())
}

fn counts(keyspace: &Keyspace<'_, '_>, kind: Kind, args: Args<'_>, reply: &mut Reply<'_>) {
    let channels = args.from(2);
    reply.array(2 * channels.len());
    for channel in channels.iter() {
        reply.bulk(channel);
        reply.count(keyspace.hub().subscribers(kind, channel));
    }
}

/// `PUBSUB NUMPAT`.
fn numpat(keyspace: &mut Keyspace<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.count(keyspace.hub().len(Kind::Pattern));
    Ok(())
}
