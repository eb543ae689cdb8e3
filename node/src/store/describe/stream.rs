//! A stream: its blocks as they are, so that it is trimmed as the other.

use super::{Tell, in_parts};
use crate::store::effect::{Effect, StreamChange};
use crate::store::key::Key;
use crate::store::value::Stream;
use crate::store::value::stream::{Delivery, Group};

/// Tells what gives `key`, which is absent, what `stream` holds.
pub(super) fn describe(key: Key<'_>, stream: &Stream, tell: Tell<'_>) {
    let mut change = |change: StreamChange<'_>| tell(&Effect::Stream { key, change });
    for (id, block) in stream.blocks() {
        change(StreamChange::AppendBlock { id, listpack: block.as_listpack() });
    }
    let (last, added, max_deleted) = (stream.last_id(), stream.added(), stream.max_deleted_id());
    change(StreamChange::SetIds { last, added, max_deleted });
    for (name, group) in stream.groups() {
        change(StreamChange::SetGroup { group: name, last: group.last_id, read: group.read });
    }
    for (name, group) in stream.groups() {
        deliver(name, group, &mut change);
    }
}

fn deliver(name: &[u8], group: &Group, change: &mut dyn FnMut(StreamChange<'_>)) {
    for member in group.consumers() {
        let (consumer, seen) = (member.name(), member.seen);
        let mut deliver = |deliveries: &[Delivery]| {
            change(StreamChange::Deliver { group: name, consumer, seen, deliveries });
        };
        if member.pending().is_empty() {
            // A consumer without pending entries is made too.
            deliver(&[]);
        }
        let delivery =
            |id| group.pending(id).map(|pending| Delivery { id, time: pending.time, count: pending.count });
        in_parts(member.pending().iter().copied().filter_map(delivery), deliver);
    }
}
