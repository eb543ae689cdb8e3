//! A stream from its parts: nodes become blocks as they are.

use ringmaster_protocol::rdb::dump::Checked;
use ringmaster_protocol::rdb::object::Part;
use ringmaster_protocol::rdb::stream::{StreamId as RdbId, StreamPart};

use crate::store::effect::{ELEMENTS_MAX, Effect, StreamChange};
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::stream::{Block, Delivery, StreamId};

/// Whether the store takes the part; nodes are checked by it once more.
pub(super) fn is_supported(part: &Part<'_>) -> bool {
    match part {
        Part::Stream(StreamPart::Node(node)) => {
            Block::from_listpack(id(node.id()), node.listpack()).is_some()
        }
        Part::Stream(_) | Part::Element(_) | Part::Packed(_) => true,
    }
}

/// Makes the stream `value` at `key`, which is absent.
pub(super) fn build(keyspace: &mut Keyspace<'_, '_>, key: Key<'_>, value: &Checked<'_>) {
    let mut builder = Builder {
        keyspace,
        key,
        group: Vec::new(),
        pending: Vec::new(),
        consumer: (Vec::new(), 0),
        owned: Vec::new(),
        is_made: true,
    };
    value.for_each_part(|part| {
        if let Part::Stream(part) = part {
            builder.part(part);
        }
    });
    builder.deliver();
}

/// Turns the parts of a stream into effects.
struct Builder<'b, 's, 'k> {
    keyspace: &'b mut Keyspace<'s, 'k>,
    key: Key<'b>,
    /// The group's name and its pending entries, ids rising.
    group: Vec<u8>,
    pending: Vec<Delivery>,
    /// The consumer's name and when it was seen.
    consumer: (Vec<u8>, u64),
    /// Its pending entries that have no effect yet.
    owned: Vec<Delivery>,
    /// Whether the consumer is there.
    is_made: bool,
}

impl Builder<'_, '_, '_> {
    fn part(&mut self, part: StreamPart<'_>) {
        match part {
            StreamPart::Node(node) => {
                self.apply(StreamChange::AppendBlock { id: id(node.id()), listpack: node.listpack() });
            }
            StreamPart::Meta(meta) => self.apply(StreamChange::SetIds {
                last: id(meta.last_id),
                added: meta.entries_added,
                max_deleted: id(meta.max_deleted_id),
            }),
            StreamPart::Group { name, last_id, entries_read } => {
                self.deliver();
                let read = entries_read.map(u64::cast_signed);
                self.apply(StreamChange::SetGroup { group: &name, last: id(last_id), read });
                self.group = name.to_vec();
                self.pending.clear();
            }
            StreamPart::Pending { id: own, delivered_at, deliveries } => {
                self.pending.push(Delivery { id: id(own), time: delivered_at, count: deliveries });
            }
            StreamPart::Consumer { name, seen_at, .. } => {
                self.deliver();
                self.consumer = (name.to_vec(), seen_at);
                self.is_made = false;
            }
            StreamPart::Owned { id: own } => self.own(id(own)),
        }
    }

    fn own(&mut self, id: StreamId) {
        let place = self.pending.binary_search_by_key(&id, |pending| pending.id);
        self.owned.extend(place.ok().map(|place| self.pending[place]));
        if self.owned.len() == ELEMENTS_MAX {
            self.deliver();
        }
    }

    /// Gives the consumer what is its; it is made even if that is nothing.
    fn deliver(&mut self) {
        if self.is_made && self.owned.is_empty() {
            return;
        }
        let owned = std::mem::take(&mut self.owned);
        let (name, seen) = std::mem::take(&mut self.consumer);
        let group = std::mem::take(&mut self.group);
        self.apply(StreamChange::Deliver { group: &group, consumer: &name, seen, deliveries: &owned });
        (self.group, self.consumer, self.is_made) = (group, (name, seen), true);
    }

    fn apply(&mut self, change: StreamChange<'_>) {
        let key = self.key;
        self.keyspace.apply(key.slot, &Effect::Stream { key, change });
    }
}

fn id(id: RdbId) -> StreamId {
    StreamId { ms: id.ms, seq: id.seq }
}
