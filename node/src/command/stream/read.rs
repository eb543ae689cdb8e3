//! `XREAD`, `XREADGROUP`.

mod group;
mod options;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;

use super::answer;
use crate::command::CommandResult;
use crate::store::keyspace::Keyspace;
use crate::store::value::Stream;
use crate::store::value::stream::StreamId;
pub(super) use group::xreadgroup;
use options::Options;

/// `XREAD [BLOCK ms] [COUNT count] STREAMS key… id…`.
pub(super) fn xread(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args, keyspace.keys(), false)?;
    let mut above = Vec::with_capacity(keyspace.keys().len());
    for (key, text) in options.streams(keyspace.keys()) {
        above.push(options::above(keyspace.stream(*key)?, text)?);
    }
    let mut streams = Vec::with_capacity(above.len());
    for (key, id) in keyspace.keys().iter().zip(above) {
        if let Some(stream) = keyspace.stream(*key)?.filter(|stream| has_above(stream, id)) {
            streams.push((key.bytes, stream, id.next().unwrap_or(id)));
        }
    }
    if streams.is_empty() {
        reply.null_array();
        return Ok(());
    }
    reply_header(reply, streams.len());
    for (key, stream, first) in streams {
        stream_header(reply, key);
        answer::entries(reply, stream, (first, StreamId::MAX), options.max, false);
    }
    Ok(())
}

/// The header of a reply of `len` streams.
fn reply_header(reply: &mut Reply<'_>, len: usize) {
    match reply.protocol() {
        Protocol::Resp2 => reply.array(len),
        Protocol::Resp3 => reply.map(len),
    }
}

/// The header of one stream's entries.
fn stream_header(reply: &mut Reply<'_>, key: &[u8]) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key);
}

/// Whether the stream has an entry above `id`.
fn has_above(stream: &Stream, id: StreamId) -> bool {
    stream.top() > Some(id)
}
