//! `XREAD`, `XREADGROUP`: they read what is there, or wait for entries with `BLOCK`.

mod group;
mod options;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;
use smallvec::SmallVec;

use super::answer;
use crate::command::CommandError;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::stream::StreamId;
use crate::store::value::{Kind, Stream};
use crate::waiting::{Attempt, Stage, Wish};
use group::FromGroup;
use options::{Options, Start};

type Parsed = Result<Box<dyn Wish>, CommandError>;

/// `XREAD [BLOCK ms] [COUNT count] STREAMS key… id…`.
pub(super) fn xread(args: Args<'_>) -> Parsed {
    let options = Options::parse(args, false)?;
    Ok(Box::new(FromStreams { options, above: std::sync::OnceLock::new() }))
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key… >|id…`.
pub(super) fn xreadgroup(args: Args<'_>) -> Parsed {
    Ok(Box::new(FromGroup { options: Options::parse(args, true)? }))
}

/// Ids, one for each of a few streams.
type Ids = SmallVec<[StreamId; 2]>;

struct FromStreams {
    options: Options,
    /// What the ids came to when the command came: `$` is the last entry of that moment.
    above: std::sync::OnceLock<Ids>,
}

impl Wish for FromStreams {
    fn attempt(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        stage: Stage,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError> {
        match stage {
            Stage::First => self.read(keyspace, reply),
            Stage::Waiting => self.read_new(keyspace, reply),
        }
    }

    fn timeout_millis(&self) -> Option<u64> {
        self.options.timeout_millis
    }

    fn give_up(&self, reply: &mut Reply<'_>) {
        reply.null_array();
    }

    fn kind(&self) -> Kind {
        Kind::Stream
    }
}

impl FromStreams {
    fn read(&self, keyspace: &Keyspace<'_, '_>, reply: &mut Reply<'_>) -> Result<Attempt, CommandError> {
        let keys = self.options.check_keys(keyspace.keys())?;
        let mut above = Ids::new();
        for (key, start) in keys.iter().zip(&self.options.starts) {
            let stream = keyspace.stream(*key)?;
            above.push(match start.clone()? {
                Start::Last => stream.map_or(StreamId::MIN, Stream::last_id),
                Start::Above(id) => id,
                Start::New => StreamId::MAX,
            });
        }
        let mut streams: SmallVec<[(Key<'_>, &Stream, StreamId); 2]> = SmallVec::new();
        for (key, id) in keys.iter().zip(&above) {
            if let Some(stream) = keyspace.stream(*key)?.filter(|stream| has_above(stream, *id)) {
                streams.push((*key, stream, *id));
            }
        }
        if streams.is_empty() {
            // It is attempted as the command comes once only.
            let _ = self.above.set(above);
            return Ok(Attempt::Nothing);
        }
        reply_header(reply, streams.len());
        for (key, stream, id) in streams {
            write_above(reply, (key, stream), id, self.options.max);
        }
        Ok(Attempt::Served)
    }

    /// What has come to the key that was changed.
    fn read_new(&self, keyspace: &Keyspace<'_, '_>, reply: &mut Reply<'_>) -> Result<Attempt, CommandError> {
        let key = keyspace.key();
        let Some(place) = self.options.place_of(key) else { return Ok(Attempt::Nothing) };
        let id = self.above.get().and_then(|above| above.get(place)).copied();
        let (Some(id), Some(stream)) = (id, keyspace.stream(key)?) else { return Ok(Attempt::Nothing) };
        if stream.last_id() <= id {
            return Ok(Attempt::Nothing);
        }
        reply_header(reply, 1);
        write_above(reply, (key, stream), id, self.options.max_after_waiting());
        Ok(Attempt::Served)
    }
}

/// Writes the key and up to `max` of its entries above `id`, which is not the highest.
fn write_above(reply: &mut Reply<'_>, (key, stream): (Key<'_>, &Stream), id: StreamId, max: usize) {
    stream_header(reply, key.bytes);
    let first = id.next().unwrap_or(id);
    answer::entries(reply, stream, (first, StreamId::MAX), max, false);
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
