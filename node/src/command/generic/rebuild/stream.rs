//! A stream built by effects: its blocks as they are, so that it is trimmed as the other.

use crate::store::effect::{ELEMENTS_MAX, Effect, StreamChange};
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::Stream;
use crate::store::value::stream::{Delivery, Group};

/// Gives `key`, which is absent, what `stream` holds.
pub(super) fn build(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, stream: &Stream) {
    let mut apply = |change: StreamChange<'_>| {
        keyspace.apply(key.slot, &Effect::Stream { key, change });
    };
    for (id, block) in stream.blocks() {
        apply(StreamChange::AppendBlock { id, listpack: block.as_listpack() });
    }
    let (last, added, max_deleted) = (stream.last_id(), stream.added(), stream.max_deleted_id());
    apply(StreamChange::SetIds { last, added, max_deleted });
    for (name, group) in stream.groups() {
        apply(StreamChange::SetGroup { group: name, last: group.last_id, read: group.read });
    }
    for (name, group) in stream.groups() {
        deliver(keyspace, key, name, group);
    }
}

fn deliver(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, name: &[u8], group: &Group) {
    for member in group.consumers() {
        let delivery =
            |id| group.pending(id).map(|pending| Delivery { id, time: pending.time, count: pending.count });
        let pending: Vec<Delivery> = member.pending().iter().copied().filter_map(delivery).collect();
        let (consumer, seen) = (member.name(), member.seen);
        // A consumer without pending entries is made too.
        let none: [&[Delivery]; 1] = [&[]];
        let parts = none.into_iter().filter(|_| pending.is_empty()).chain(pending.chunks(ELEMENTS_MAX));
        for deliveries in parts {
            let change = StreamChange::Deliver { group: name, consumer, seen, deliveries };
            keyspace.apply(key.slot, &Effect::Stream { key, change });
        }
    }
}
