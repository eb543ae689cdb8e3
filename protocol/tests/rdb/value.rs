//! Values as plain collections, read from payloads and written to them.

use std::collections::{BTreeMap, BTreeSet};

use ringmaster_protocol::rdb::RdbError;
use ringmaster_protocol::rdb::dump::Checked;
use ringmaster_protocol::rdb::object::{self, Element, Kind, Part};
use ringmaster_protocol::rdb::stream::{Packer, StreamId, StreamMeta, StreamPart, StreamWriter};
use ringmaster_protocol::rdb::wire::Output;
use ringmaster_protocol::resp::number::parse_integer;

pub(crate) type Bytes = Vec<u8>;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    String(Bytes),
    List(Vec<Bytes>),
    Set(BTreeSet<Bytes>),
    Hash(BTreeMap<Bytes, (Bytes, Option<u64>)>),
    SortedSet(BTreeMap<Bytes, f64>),
    Stream(Stream),
}

/// A stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stream {
    pub(crate) entries: Vec<(StreamId, Vec<(Bytes, Bytes)>)>,
    pub(crate) meta: StreamMeta,
    pub(crate) groups: Vec<Group>,
}

/// A group of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: Bytes,
    pub(crate) last_id: StreamId,
    pub(crate) entries_read: Option<u64>,
    pub(crate) pending: Vec<(StreamId, u64, u64)>,
    pub(crate) consumers: Vec<(Bytes, u64, Vec<StreamId>)>,
}

/// Takes in what a reader hands out.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    elements: Vec<(Bytes, Option<Bytes>, Option<u64>, f64)>,
    stream: Stream,
}

impl Builder {
    pub(crate) fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Element(element) => self.element(&element),
            Part::Packed(packed) => packed.elements().for_each(|element| self.element(&element)),
            Part::Stream(part) => self.stream_part(part),
        }
    }

    fn element(&mut self, element: &Element<'_>) {
        self.elements.push(match element {
            Element::Item(item) => (item.to_vec(), None, None, 0.0),
            Element::Field { name, value, deadline } => (name.to_vec(), Some(value.to_vec()), *deadline, 0.0),
            Element::Scored { member, score } => (member.to_vec(), None, None, *score),
        });
    }

    fn stream_part(&mut self, part: StreamPart<'_>) {
        let Stream { entries, meta, groups } = &mut self.stream;
        match part {
            StreamPart::Node(node) => {
                let before = entries.len();
                for entry in node.entries() {
                    let fields = entry.fields().map(|(name, value)| (name.to_vec(), value.to_vec()));
                    entries.push((entry.id, fields.collect()));
                }
                assert_eq!((entries.len() - before) as u64, node.len());
            }
            StreamPart::Meta(found) => *meta = found,
            StreamPart::Group { name, last_id, entries_read } => {
                groups.push(Group { name: name.to_vec(), last_id, entries_read, ..Group::default() });
            }
            StreamPart::Pending { id, delivered_at, deliveries } => {
                groups.last_mut().unwrap().pending.push((id, delivered_at, deliveries));
            }
            StreamPart::Consumer { name, seen_at, .. } => {
                groups.last_mut().unwrap().consumers.push((name.to_vec(), seen_at, Vec::new()));
            }
            StreamPart::Owned { id } => groups.last_mut().unwrap().consumers.last_mut().unwrap().2.push(id),
        }
    }

    /// What was built. Names are distinct.
    pub(crate) fn finish(self, kind: Kind) -> Value {
        let count = self.elements.len();
        let elements = self.elements.into_iter();
        let value = match kind {
            Kind::String => Value::String(elements.map(|(text, ..)| text).next().unwrap()),
            Kind::List => Value::List(elements.map(|(text, ..)| text).collect()),
            Kind::Set => Value::Set(elements.map(|(text, ..)| text).collect()),
            Kind::Hash => {
                Value::Hash(elements.map(|(name, value, time, _)| (name, (value.unwrap(), time))).collect())
            }
            Kind::SortedSet => Value::SortedSet(elements.map(|(text, _, _, score)| (text, score)).collect()),
            Kind::Stream => Value::Stream(self.stream),
        };
        let kept = match &value {
            Value::Set(set) => set.len(),
            Value::Hash(hash) => hash.len(),
            Value::SortedSet(set) => set.len(),
            Value::String(_) | Value::List(_) | Value::Stream(_) => count,
        };
        assert_eq!(kept, count, "a name twice");
        value
    }
}

/// The value of an object.
pub(crate) fn read(object: &[u8]) -> Result<Value, RdbError> {
    let checked = Checked::new(object)?;
    let mut builder = Builder::default();
    checked.for_each_part(|part| builder.part(part));
    Ok(builder.finish(checked.kind()))
}

/// The object of a value, packed if `packed` and if no field expires.
pub(crate) fn write(value: &Value, packed: bool) -> Bytes {
    let mut bytes = Bytes::new();
    let out = &mut Output::new(&mut bytes);
    match value {
        Value::String(text) => object::string(out, text),
        Value::List(items) => object::list(out, || items.iter().map(|item| &**item)),
        Value::Set(members) => match members.iter().map(|member| parse_integer(member)).collect() {
            Some(integers) if packed => object::set_of_integers(out, integers),
            _ => object::set(out, members.len(), members.iter().map(|member| &**member)),
        },
        Value::Hash(fields) => {
            let first = fields.values().filter_map(|(_, deadline)| *deadline).min();
            let rows = fields.iter().map(|(name, (value, deadline))| (&**name, &**value, *deadline));
            match first {
                Some(first) => object::timed_hash(out, fields.len(), first, rows),
                None => object::hash(out, fields.len(), rows.map(|(name, value, _)| (name, value)), packed),
            }
        }
        Value::SortedSet(members) => {
            let pairs = members.iter().map(|(member, score)| (&**member, *score));
            if packed { object::sorted_set_packed(out, pairs) } else { object::sorted_set(out, pairs) }
        }
        Value::Stream(stream) => write_stream(out, stream),
    }
    bytes
}

fn write_stream(out: &mut Output<'_>, stream: &Stream) {
    let (mut packer, mut nodes) = (Packer::default(), Vec::new());
    for (id, fields) in &stream.entries {
        nodes.extend(packer.entry(*id, fields.iter().map(|(name, value)| (&**name, &**value))));
    }
    nodes.extend(packer.finish());
    let mut writer = StreamWriter::begin(out, nodes.len());
    nodes.iter().for_each(|(id, listpack)| writer.node(*id, listpack));
    writer.meta(&stream.meta, stream.groups.len());
    for group in &stream.groups {
        writer.group(&group.name, group.last_id, group.entries_read, group.pending.len());
        for (id, delivered_at, deliveries) in &group.pending {
            writer.pending(*id, *delivered_at, *deliveries);
        }
        writer.consumers(group.consumers.len());
        for (name, seen_at, owned) in &group.consumers {
            writer.consumer(name, *seen_at, owned.iter().copied());
        }
    }
}
