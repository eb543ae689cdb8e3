//! `XREADGROUP`: new entries become pending for who reads them; pending ones can be read again.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::options::{Options, history_above};
use super::{has_above, reply_header, stream_header};
use crate::command::stream::claim::deliver;
use crate::command::stream::{answer, apply, group};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::StreamChange;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::stream::{Delivery, Group, StreamId};

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key… >|id…`.
pub(in crate::command::stream) fn xreadgroup(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let keys = keyspace.keys();
    let options = Options::parse(args, keys, true)?;
    let (name, consumer) = options.reader.unwrap_or_default();
    let mut wanted = Vec::with_capacity(keys.len());
    for (key, text) in options.streams(keys) {
        if group(keyspace, *key, name)?.is_none() {
            return Err(CommandError::quoting(
                "NOGROUP No such key '%' or consumer group '%' in XREADGROUP with GROUP option",
                &[key.bytes, name],
            ));
        }
        wanted.push((*key, history_above(text)?));
    }
    let reading = Reading { group: name, consumer, max: options.max, no_ack: options.no_ack };
    // How many streams have something is known when all are read: what is read of one may be named twice.
    let (mut body, mut served) = (Vec::new(), 0);
    let mut entries = Reply::new(&mut body, reply.protocol());
    for (key, above) in wanted {
        served += usize::from(match above {
            Some(above) => reading.history(keyspace, key, above, &mut entries)?,
            None => reading.new_entries(keyspace, key, &mut entries)?,
        });
    }
    if served == 0 {
        reply.null_array();
    } else {
        reply_header(reply, served);
        reply.raw(&body);
    }
    Ok(())
}

/// Who reads, and how.
struct Reading<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    max: usize,
    no_ack: bool,
}

impl Reading<'_> {
    /// Entries that nobody has read. Returns whether there are any.
    fn new_entries(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        key: Key<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<bool, CommandError> {
        let Some(stream) = keyspace.stream(key)? else { return Ok(false) };
        let Some(group) = stream.group(self.group).filter(|group| has_above(stream, group.last_id)) else {
            return Ok(false);
        };
        let (time, first) = (keyspace.now(), group.last_id.next().unwrap_or(StreamId::MAX));
        let (mut deliveries, mut last, mut read) = (Vec::new(), group.last_id, group.read);
        stream_header(reply, key.bytes);
        reply.array(stream.count(first, StreamId::MAX, self.max));
        for entry in stream.range(first, StreamId::MAX).take(self.max) {
            answer::entry(reply, &entry);
            (last, read) = (entry.id, stream.read_up_to(entry.id, read));
            if !self.no_ack {
                deliveries.push(Delivery { id: entry.id, time, count: 1 });
            }
        }
        apply(keyspace, key, StreamChange::SetGroup { group: self.group, last, read });
        deliver(keyspace, key, (self.group, self.consumer), &deliveries);
        Ok(true)
    }

    /// The consumer's own pending entries above `above`, read once more. There is always an answer.
    fn history(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        key: Key<'_>,
        above: StreamId,
        reply: &mut Reply<'_>,
    ) -> Result<bool, CommandError> {
        let Some(stream) = keyspace.stream(key)? else { return Ok(false) };
        let Some(group) = stream.group(self.group) else { return Ok(false) };
        let (time, mut deliveries) = (keyspace.now(), Vec::new());
        let pending = self.pending(group, above);
        stream_header(reply, key.bytes);
        reply.array(pending.len());
        for (id, count) in pending {
            if let Some(entry) = stream.get(id) {
                answer::entry(reply, &entry);
                deliveries.push(Delivery { id, time, count: count.wrapping_add(1) });
            } else {
                reply.array(2);
                answer::id(reply, id);
                reply.null_array();
            }
        }
        deliver(keyspace, key, (self.group, self.consumer), &deliveries);
        Ok(true)
    }

    /// Ids of pending entries, and how often each was delivered.
    fn pending(&self, group: &Group, above: StreamId) -> Vec<(StreamId, u64)> {
        let Some(consumer) = group.consumer(self.consumer) else { return Vec::new() };
        let first = above.next().unwrap_or_default();
        let ids = consumer.pending_range(first, StreamId::MAX).take(self.max);
        ids.filter_map(|id| Some((id, group.pending(id)?.count))).collect()
    }
}
