//! `XREADGROUP`: new entries become pending for who reads them; pending ones can be read again.

use ringmaster_protocol::resp::reply::Reply;

use super::options::{Options, Reader, Start};
use super::{has_above, reply_header, stream_header};
use crate::command::CommandError;
use crate::command::stream::claim::deliver;
use crate::command::stream::{answer, apply, group};
use crate::store::effect::StreamChange;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::stream::{Delivery, Group, StreamId};
use crate::store::value::{Kind, Stream};
use crate::waiting::{Attempt, Stage, Wish};

pub(super) struct FromGroup {
    pub(super) options: Options,
}

impl Wish for FromGroup {
    fn attempt(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        stage: Stage,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError> {
        let Reader { group, consumer } = self.options.reader.as_ref().ok_or(CommandError::Syntax)?;
        let reading = Reading { group, consumer, max: self.options.max, no_ack: self.options.no_ack };
        match stage {
            Stage::First => reading.read(keyspace, &self.options, reply),
            Stage::Waiting => {
                Reading { max: self.options.max_after_waiting(), ..reading }.read_new(keyspace, reply)
            }
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

    fn mourns(&self) -> bool {
        true
    }
}

/// Who reads, and how.
struct Reading<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    max: usize,
    no_ack: bool,
}

impl Reading<'_> {
    /// What is there as the command comes.
    fn read(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        options: &Options,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError> {
        let keys = options.check_keys(keyspace.keys())?;
        for (key, start) in keys.iter().zip(&options.starts) {
            if group(keyspace, *key, self.group)?.is_none() {
                return Err(CommandError::quoting(
                    "NOGROUP No such key '%' or consumer group '%' in XREADGROUP with GROUP option",
                    &[key.bytes, self.group],
                ));
            }
            start.clone()?;
        }
        // How many streams have something is known when all are read: one may be named twice.
        let (mut body, mut served) = (Vec::new(), 0);
        let mut entries = Reply::new(&mut body, reply.protocol());
        for (key, start) in keys.iter().zip(&options.starts) {
            served += usize::from(match start {
                Ok(Start::Above(id)) => self.history(keyspace, *key, *id, &mut entries)?,
                _ => self.new_entries(keyspace, *key, (&mut entries, has_above))?,
            });
        }
        if served == 0 {
            return Ok(Attempt::Nothing);
        }
        reply_header(reply, served);
        reply.raw(&body);
        Ok(Attempt::Served)
    }

    /// What has come to the key that was changed.
    fn read_new(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        reply: &mut Reply<'_>,
    ) -> Result<Attempt, CommandError> {
        let key = keyspace.key();
        let Ok(Some(stream)) = keyspace.stream(key) else {
            return Err(CommandError::text("UNBLOCKED the stream key no longer exists"));
        };
        let Some(group) = stream.group(self.group) else {
            return Err(CommandError::text(
                "NOGROUP the consumer group this client was blocked on no longer exists",
            ));
        };
        if stream.last_id() <= group.last_id {
            return Ok(Attempt::Nothing);
        }
        reply_header(reply, 1);
        self.new_entries(keyspace, key, (reply, |stream, id| stream.last_id() > id))?;
        Ok(Attempt::Served)
    }

    /// Entries that nobody has read, if `has_any` says so of the stream and the last that was. Returns whether it did.
    fn new_entries(
        &self,
        keyspace: &mut Keyspace<'_, '_>,
        key: Key<'_>,
        (reply, has_any): (&mut Reply<'_>, fn(&Stream, StreamId) -> bool),
    ) -> Result<bool, CommandError> {
        let Some(stream) = keyspace.stream(key)? else { return Ok(false) };
        let Some(group) = stream.group(self.group).filter(|group| has_any(stream, group.last_id)) else {
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
