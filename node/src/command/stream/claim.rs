//! `XCLAIM`, and what `XAUTOCLAIM` shares with it.

use std::collections::BTreeMap;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use super::{answer, apply, argument, group, no_group};
use crate::command::options::is;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::{ELEMENTS_MAX, StreamChange};
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::Stream;
use crate::store::value::stream::{Delivery, Group, StreamId};

/// What a claim comes to.
#[derive(Default)]
pub(super) struct Claims {
    /// Entries that the consumer gets, in the order of the reply.
    pub(super) claimed: Vec<Delivery>,
    /// Pending entries that the stream does not have any more: they are pending no more.
    pub(super) gone: Vec<StreamId>,
}

impl Claims {
    /// Carries the claim out.
    pub(super) fn apply(&self, keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, group: &[u8], consumer: &[u8]) {
        for ids in self.gone.chunks(ELEMENTS_MAX) {
            apply(keyspace, key, StreamChange::Acknowledge { group, ids });
        }
        if self.claimed.is_empty() {
            return;
        }
        deliver(keyspace, key, (group, consumer), &self.claimed);
    }

    /// Writes the claimed entries, or their ids only.
    pub(super) fn write(&self, reply: &mut Reply<'_>, stream: &Stream, only_ids: bool) {
        reply.array(self.claimed.len());
        for delivery in &self.claimed {
            if only_ids {
                answer::id(reply, delivery.id);
            } else {
                answer::entry_of(reply, stream, delivery.id);
            }
        }
    }
}

/// A consumer is seen now and gets `deliveries`; one that is new is told of.
pub(super) fn deliver(
    keyspace: &mut Keyspace<'_, '_>,
    key: Key<'_>,
    (name, consumer): (&[u8], &[u8]),
    deliveries: &[Delivery],
) {
    let seen = keyspace.now();
    let known =
        group(keyspace, key, name).ok().flatten().is_some_and(|group| group.consumer(consumer).is_some());
    let mut parts = deliveries.chunks(ELEMENTS_MAX);
    let first = parts.next().unwrap_or_default();
    for deliveries in std::iter::once(first).chain(parts) {
        apply(keyspace, key, StreamChange::Deliver { group: name, consumer, seen, deliveries });
    }
    if !known {
        keyspace.notify(Class::Stream, "xgroup-createconsumer", key);
    }
}

/// The least idle time of argument 4; a negative one is as 0.
pub(super) fn least_idle(args: Args<'_>, refusal: &'static str) -> Result<u64, CommandError> {
    let least = args.get(4).and_then(parse_integer).ok_or(CommandError::text(refusal))?;
    Ok(u64::try_from(least).unwrap_or(0))
}

/// Whether an entry that was delivered at `time` has been idle for `least` milliseconds.
pub(super) fn is_idle(now: u64, time: u64, least: u64) -> bool {
    least == 0 || i128::from(now) - i128::from(time) >= i128::from(least)
}

/// `XCLAIM key group consumer min-idle id… [IDLE ms] [TIME unix-ms] [RETRYCOUNT n] [FORCE] [JUSTID] [LASTID id]`.
pub(super) fn xclaim(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (key, name, consumer) = (keyspace.key(), &args[2], &args[3]);
    let group = group(keyspace, key, name)?.ok_or_else(|| no_group(key.bytes, name))?;
    let options = Options::parse(args, keyspace.now())?;
    let (last, read) = (group.last_id, group.read);
    let claims = match keyspace.stream(key)? {
        Some(stream) => options.claims(stream, group),
        None => Claims::default(),
    };
    if options.last_id > last {
        apply(keyspace, key, StreamChange::SetGroup { group: name, last: options.last_id, read });
    }
    claims.apply(keyspace, key, name, consumer);
    if let Some(stream) = keyspace.stream(key)? {
        claims.write(reply, stream, options.only_ids);
    }
    Ok(())
}

struct Options {
    least_idle: u64,
    ids: Vec<StreamId>,
    now: u64,
    /// When the entries count as delivered.
    time: u64,
    /// How often they count as delivered; `None` is once more than before.
    count: Option<u64>,
    force: bool,
    only_ids: bool,
    last_id: StreamId,
}

impl Options {
    fn parse(args: Args<'_>, now: u64) -> Result<Self, CommandError> {
        let least_idle = least_idle(args, "ERR Invalid min-idle-time argument for XCLAIM")?;
        let ids: Vec<StreamId> =
            args.from(5).iter().map_while(|text| argument::strict_id(text, 0).ok()).collect();
        let mut index = 5 + ids.len();
        let last_id = StreamId::MIN;
        let mut options =
            Self { least_idle, ids, now, time: now, count: None, force: false, only_ids: false, last_id };
        while let Some(option) = args.get(index) {
            index += 1 + options.option(option, args.get(index + 1))?;
        }
        Ok(options)
    }

    /// Takes an option in; returns how many arguments follow it.
    fn option(&mut self, option: &[u8], argument: Option<&[u8]>) -> Result<usize, CommandError> {
        let integer = |text, refusal| parse_integer(text).ok_or(CommandError::text(refusal));
        match (option, argument) {
            _ if is(option, "FORCE") => self.force = true,
            _ if is(option, "JUSTID") => self.only_ids = true,
            (_, Some(text)) if is(option, "IDLE") => {
                let idle = integer(text, "ERR Invalid IDLE option argument for XCLAIM")?;
                self.set_time(self.now.cast_signed().wrapping_sub(idle));
                return Ok(1);
            }
            (_, Some(text)) if is(option, "TIME") => {
                self.set_time(integer(text, "ERR Invalid TIME option argument for XCLAIM")?);
                return Ok(1);
            }
            (_, Some(text)) if is(option, "RETRYCOUNT") => {
                let count = integer(text, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                self.count = u64::try_from(count).ok();
                return Ok(1);
            }
            (_, Some(text)) if is(option, "LASTID") => {
                self.last_id = argument::strict_id(text, 0)?;
                return Ok(1);
            }
            _ => return Err(CommandError::quoting("ERR Unrecognized XCLAIM option '%'", &[option])),
        }
        Ok(0)
    }

    /// A time before 1970 or after now counts as now.
    fn set_time(&mut self, time: i64) {
        self.time = u64::try_from(time).ok().filter(|time| *time <= self.now).unwrap_or(self.now);
    }

    fn claims(&self, stream: &Stream, group: &Group) -> Claims {
        let mut claims = Claims::default();
        // An id that is named twice meets what became of it the first time.
        let mut changed: BTreeMap<StreamId, Option<(u64, u64)>> = BTreeMap::new();
        for id in self.ids.iter().copied() {
            let before = || group.pending(id).map(|pending| (pending.time, pending.count));
            let pending = changed.get(&id).copied().unwrap_or_else(before);
            if stream.get(id).is_none() {
                if pending.is_some() {
                    claims.gone.push(id);
                    changed.insert(id, None);
                }
                continue;
            }
            let Some(count) = self.count_after(pending) else { continue };
            changed.insert(id, Some((self.time, count)));
            claims.claimed.push(Delivery { id, time: self.time, count });
        }
        claims
    }

    /// How often an entry will have been delivered, `None` if it is not claimed.
    fn count_after(&self, pending: Option<(u64, u64)>) -> Option<u64> {
        let count = match pending {
            // One that is made pending has been delivered once, as Redis counts.
            None => self.force.then_some(1)?,
            Some((time, count)) => is_idle(self.now, time, self.least_idle).then_some(count)?,
        };
        let more = u64::from(!self.only_ids);
        Some(self.count.unwrap_or(count.wrapping_add(more)))
    }
}
