//! `XGROUP`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{apply, argument};
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::StreamChange;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
use crate::store::value::Stream;
use crate::store::value::stream::{Consumer, StreamId};

/// Longest part of a subcommand that an error repeats.
const NAME_BYTES_MAX: usize = 128;

/// `XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD count]`.
pub(super) fn create(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, name) = (keyspace.key(), &args[3]);
    let options = Options::parse(args, true)?;
    let stream = keyspace.stream(key)?;
    if stream.is_none() && !options.makes_stream {
        return Err(no_stream());
    }
    if args.len() > 8 {
        return Err(syntax("XGROUP", args));
    }
    let last = last_id(&args[4], stream, argument::strict_id)?;
    if stream.is_some_and(|stream| stream.group(name).is_some()) {
        return Err(CommandError::text("BUSYGROUP Consumer Group name already exists"));
    }
    apply(keyspace, key, StreamChange::SetGroup { group: name, last, read: options.read });
    keyspace.notify(Class::Stream, "xgroup-create", key);
    reply.ok();
    Ok(())
}

/// `XGROUP SETID key group id|$ [ENTRIESREAD count]`.
pub(super) fn set_id(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, group) = (keyspace.key(), &args[3]);
    let options = Options::parse(args, false)?;
    let stream = of_group(keyspace, args)?;
    if args.len() != 5 && args.len() != 7 {
        return Err(syntax("XGROUP", args));
    }
    let last = last_id(&args[4], Some(stream), argument::id)?;
    apply(keyspace, key, StreamChange::SetGroup { group, last, read: options.read });
    keyspace.notify(Class::Stream, "xgroup-setid", key);
    reply.ok();
    Ok(())
}

/// `XGROUP DESTROY key group`: 1 if there was one.
pub(super) fn destroy(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    keyspace.stream(key)?.ok_or_else(no_stream)?;
    let removed = apply(keyspace, key, StreamChange::RemoveGroup { group: &args[3] }).count;
    if removed > 0 {
        keyspace.notify(Class::Stream, "xgroup-destroy", key);
    }
    reply.count(removed);
    Ok(())
}

/// `XGROUP CREATECONSUMER key group consumer`: 1 if it is new.
pub(super) fn create_consumer(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, group, consumer) = (keyspace.key(), &args[3], &args[4]);
    let stream = of_group(keyspace, args)?;
    let known = stream.group(group).is_some_and(|group| group.consumer(consumer).is_some());
    if !known {
        let seen = keyspace.now();
        apply(keyspace, key, StreamChange::Deliver { group, consumer, seen, deliveries: &[] });
        keyspace.notify(Class::Stream, "xgroup-createconsumer", key);
    }
    reply.count(usize::from(!known));
    Ok(())
}

/// `XGROUP DELCONSUMER key group consumer`: the number of its pending entries.
pub(super) fn delete_consumer(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, group, consumer) = (keyspace.key(), &args[3], &args[4]);
    let stream = of_group(keyspace, args)?;
    let pending = stream.group(group).and_then(|group| group.consumer(consumer)).map(Consumer::pending);
    let Some(pending) = pending.map(std::collections::BTreeSet::len) else {
        reply.int(0);
        return Ok(());
    };
    apply(keyspace, key, StreamChange::RemoveConsumer { group, consumer });
    keyspace.notify(Class::Stream, "xgroup-delconsumer", key);
    reply.count(pending);
    Ok(())
}

#[derive(Default)]
struct Options {
    makes_stream: bool,
    read: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>, creates: bool) -> Result<Self, CommandError> {
        let (mut options, mut index) = (Self::default(), 5);
        while let Some(option) = args.get(index) {
            match option {
                _ if creates && is(option, "MKSTREAM") => options.makes_stream = true,
                _ if is(option, "ENTRIESREAD") && index + 1 < args.len() => {
                    index += 1;
                    let read = integer(args, index)?;
                    if read < -1 {
                        return Err(CommandError::text("ERR value for ENTRIESREAD must be positive or -1"));
                    }
                    options.read = Some(read).filter(|read| *read >= 0);
                }
                _ => return Err(syntax("XGROUP", args)),
            }
            index += 1;
        }
        Ok(options)
    }
}

/// The id that `text` names, `$` being the last of the stream.
fn last_id(
    text: &[u8],
    stream: Option<&Stream>,
    read: fn(&[u8], u64) -> Result<StreamId, CommandError>,
) -> Result<StreamId, CommandError> {
    match argument::c_string(text) {
        b"$" => Ok(stream.map_or(StreamId::MIN, Stream::last_id)),
        _ => read(text, 0),
    }
}

/// The stream of the group that arguments 2 and 3 name.
fn of_group<'k>(keyspace: &'k Keyspace<'_, '_>, args: Args<'_>) -> Result<&'k Stream, CommandError> {
    let stream = keyspace.stream(keyspace.key())?.ok_or_else(no_stream)?;
    stream.group(&args[3]).ok_or_else(|| no_such_group(args))?;
    Ok(stream)
}

/// That the group of arguments 2 and 3 is absent.
pub(super) fn no_such_group(args: Args<'_>) -> CommandError {
    CommandError::quoting("NOGROUP No such consumer group '%' for key name '%'", &[&args[3], &args[2]])
}

fn no_stream() -> CommandError {
    CommandError::text(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
         MKSTREAM option to create an empty stream automatically.",
    )
}

/// That the arguments do not fit the subcommand, `container` being its command.
pub(super) fn syntax(container: &'static str, args: Args<'_>) -> CommandError {
    let name = &args[1][..args[1].len().min(NAME_BYTES_MAX)];
    let text = "ERR unknown subcommand or wrong number of arguments for '%'. Try % HELP.";
    CommandError::quoting(text, &[name, container.as_bytes()])
}
