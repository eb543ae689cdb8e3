//! A stream against a plain model of it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// One change, of few ids, so that they meet.
#[derive(Clone, Debug)]
enum Change {
    Push(u64, Fields),
    Delete(Vec<u64>),
    Trim(Limit, Option<usize>),
    Deliver(u8, Vec<u64>),
    Acknowledge(u64),
    RemoveConsumer(u8),
}

fn change() -> impl Strategy<Value = Change> {
    let text = || {
        prop_oneof![
            Just(b"name".to_vec()),
            Just(b"17".to_vec()),
            vec(any::<u8>(), 0..10),
            (0usize..1500).prop_map(|len| vec![b'x'; len]),
        ]
    };
    let fields = vec((text(), text()), 1..4);
    let number = || 0u64..400;
    let limit = prop_oneof![
        (0usize..300).prop_map(Limit::Len),
        number().prop_map(|number| Limit::Id(StreamId::new(number / 4, number % 4))),
    ];
    prop_oneof![
        12 => (1u64..3, fields).prop_map(|(step, fields)| Change::Push(step, fields)),
        2 => vec(number(), 1..6).prop_map(Change::Delete),
        1 => (limit, proptest::option::of(0usize..200)).prop_map(|(limit, most)| Change::Trim(limit, most)),
        1 => (0u8..4, vec(number(), 0..6)).prop_map(|(name, ids)| Change::Deliver(name, ids)),
        1 => number().prop_map(Change::Acknowledge),
        1 => (0u8..4).prop_map(Change::RemoveConsumer),
    ]
}

fn id_of(number: u64) -> StreamId {
    StreamId::new(number / 4, number % 4)
}

#[derive(Default)]
struct Model {
    next: u64,
    entries: BTreeMap<StreamId, Fields>,
    pending: BTreeMap<StreamId, (u8, u64)>,
    consumers: BTreeSet<u8>,
}

fn borrowed(fields: &Fields) -> Vec<(&[u8], &[u8])> {
    fields.iter().map(|(name, value)| (&**name, &**value)).collect()
}

fn carry_out(change: &Change, stream: &mut Stream, model: &mut Model, time: u64) {
    let edit = |stream: &mut Stream, change: &mut dyn FnMut(&mut Group)| {
        assert!(stream.edit_group(b"g", change).is_some());
    };
    match change {
        Change::Push(step, fields) => {
            model.next += step;
            model.entries.insert(id_of(model.next), fields.clone());
            assert!(stream.push(id_of(model.next), &borrowed(fields)));
            assert!(!stream.push(id_of(model.next), &borrowed(fields)));
        }
        Change::Delete(numbers) => {
            let ids: Vec<StreamId> = numbers.iter().map(|number| id_of(*number)).collect();
            let there = ids.iter().filter(|id| model.entries.remove(id).is_some()).count();
            assert_eq!(stream.delete(&ids), there);
        }
        Change::Trim(limit, most) => trim(stream, model, *limit, *most),
        Change::Deliver(name, numbers) => {
            model.consumers.insert(*name);
            model.pending.extend(numbers.iter().map(|number| (id_of(*number), (*name, time))));
            let deliveries: Vec<Delivery> =
                numbers.iter().map(|number| Delivery { id: id_of(*number), time, count: 1 }).collect();
            edit(stream, &mut |group| {
                group.deliver(&[*name], time, &deliveries);
            });
        }
        Change::Acknowledge(number) => {
            let there = model.pending.remove(&id_of(*number)).is_some();
            edit(stream, &mut |group| assert_eq!(group.acknowledge(id_of(*number)), there));
        }
        Change::RemoveConsumer(name) => {
            let before = model.pending.len();
            model.pending.retain(|_, (owner, _)| owner != name);
            let removed = model.consumers.remove(name).then(|| before - model.pending.len());
            edit(stream, &mut |group| assert_eq!(group.remove_consumer(&[*name]), removed));
        }
    }
}

fn trim(stream: &mut Stream, model: &mut Model, limit: Limit, most: Option<usize>) {
    let cut = stream.cut(limit, most);
    let before: usize = stream.blocks().take(cut.blocks).map(|(_, block)| block.live()).sum();
    let (removed, _) = stream.trim(cut);
    assert_eq!(removed, before + cut.entries);
    let kept = model.entries.split_off(&model.entries.keys().nth(removed).copied().unwrap_or(StreamId::MAX));
    let gone = std::mem::replace(&mut model.entries, kept);
    match limit {
        Limit::Len(len) if most.is_none() => {
            assert_eq!(model.entries.len(), len.min(removed + model.entries.len()));
        }
        Limit::Len(len) => assert!(removed == 0 || model.entries.len() >= len),
        Limit::Id(least) => {
            assert!(gone.keys().all(|id| *id < least));
            assert!(most.is_some() || model.entries.keys().all(|id| *id >= least));
        }
    }
    assert!(most.is_none_or(|most| most == 0 || removed <= most));
}

/// The entries as the model has them.
fn shown<'s>(entries: impl Iterator<Item = Entry<'s>>) -> Vec<(StreamId, Fields)> {
    let fields =
        |entry: &Entry<'_>| entry.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    entries.map(|entry| (entry.id, fields(&entry))).collect()
}

fn check(stream: &Stream, model: &Model) {
    assert_eq!(stream.len(), model.entries.len());
    assert_eq!(stream.first_id(), model.entries.keys().next().copied().unwrap_or_default());
    assert_eq!(stream.top(), model.entries.keys().next_back().copied());
    let group = stream.group(b"g").unwrap();
    let pending = group.pending_range(StreamId::MIN, StreamId::MAX);
    let pending: Vec<_> = pending.map(|(id, pending, owner)| (id, (owner.name()[0], pending.time))).collect();
    assert_eq!(pending, model.pending.iter().map(|(id, owner)| (*id, *owner)).collect::<Vec<_>>());
    let names: Vec<u8> = group.consumers().map(|consumer| consumer.name()[0]).collect();
    assert_eq!(names, model.consumers.iter().copied().collect::<Vec<_>>());
    for consumer in group.consumers() {
        let own = model.pending.iter().filter(|(_, (owner, _))| *owner == consumer.name()[0]);
        assert!(consumer.pending().iter().eq(own.map(|(id, _)| id)));
    }
}

fn check_range(stream: &Stream, model: &Model, (one, other): (u64, u64)) {
    let (first, last) = (id_of(one), id_of(other));
    let expected: Vec<(StreamId, Fields)> = if first > last {
        Vec::new()
    } else {
        model.entries.range(first..=last).map(|(id, fields)| (*id, fields.clone())).collect()
    };
    assert_eq!(stream.count(first, last, usize::MAX), expected.len());
    assert_eq!(stream.count(first, last, 7), expected.len().min(7));
    assert_eq!(shown(stream.range(first, last)), expected);
    assert!(shown(stream.range(first, last).rev()).iter().eq(expected.iter().rev()));
    assert_eq!(stream.get(first).is_some(), model.entries.contains_key(&first));
}

/// The same stream from its parts, as a snapshot has them.
fn rebuilt(stream: &Stream) -> Stream {
    let mut copy = Stream::default();
    for (id, block) in stream.blocks() {
        assert!(copy.push_block(id, Block::from_listpack(id, block.as_listpack()).unwrap()));
    }
    copy.set_ids(stream.last_id(), stream.added(), stream.max_deleted_id());
    for (name, group) in stream.groups() {
        copy.set_group(name, group.last_id, group.read);
        for consumer in group.consumers() {
            let delivery = |id: &StreamId| {
                let pending = group.pending(*id).unwrap();
                Delivery { id: *id, time: pending.time, count: pending.count }
            };
            let deliveries: Vec<Delivery> = consumer.pending().iter().map(delivery).collect();
            copy.edit_group(name, |group| group.deliver(consumer.name(), consumer.seen, &deliveries));
        }
    }
    copy
}

proptest! {
    #[test]
    fn a_stream_does_what_its_model_does(
        changes in vec(change(), 1..400),
        ranges in vec((0u64..800, 0u64..800), 1..8),
    ) {
        let (mut stream, mut model) = (Stream::default(), Model::default());
        stream.set_group(b"g", StreamId::MIN, None);
        for (time, change) in changes.iter().enumerate() {
            carry_out(change, &mut stream, &mut model, time as u64);
        }
        check(&stream, &model);
        ranges.iter().for_each(|range| check_range(&stream, &model, *range));
        let copy = rebuilt(&stream);
        check(&copy, &model);
        prop_assert!(copy.blocks().eq(stream.blocks()) && copy.added() == stream.added());
        prop_assert!(stream.heap_bytes() >= copy.blocks().map(|(_, block)| block.as_listpack().len()).sum());
        let blocks = stream.blocks().len();
        stream.trim(Cut { blocks, entries: 0 });
        stream.remove_group(b"g");
        prop_assert_eq!(stream.heap_bytes(), Stream::default().heap_bytes());
    }

    #[test]
    fn no_bytes_make_a_block_that_panics(
        bytes in vec(any::<u8>(), 0..80),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (id, name) = (StreamId::new(5, 5), &bytes[..]);
        let mut block = Block::of(&[(name, b"v")]);
        block.push(id, StreamId::new(6, 0), &[(name, b"12"), (b"other", name)]);
        let mut list = block.as_listpack().to_vec();
        let at = at.index(list.len());
        list[at] = byte;
        for list in [&list, &bytes] {
            if let Some(mut block) = Block::from_listpack(id, list) {
                let entries = block.entries(id).count();
                assert_eq!((entries, block.entries(id).rev().count()), (block.live() + block.deleted(), entries));
                block.entries(id).for_each(|entry| assert_eq!(entry.fields().count(), entry.fields().len()));
                block.delete_lowest(id, 2);
                assert_eq!(block.entries(id).count(), entries);
            }
        }
    }
}

#[test]
fn a_stream_takes_no_more_than_in_redis() {
    /// What `used_memory` of redis-server 7.0.15 grows by for this stream.
    const REDIS_BYTES: usize = 2_154_496;
    let mut stream = Stream::default();
    for number in 0..100_000 {
        stream
            .push(StreamId::new(1_700_000_000_000 + number, 0), &[(b"name", b"value"), (b"field", b"12345")]);
    }
    let bytes = stream.heap_bytes();
    assert!((1_900_000..REDIS_BYTES).contains(&bytes), "{bytes} bytes");
}
