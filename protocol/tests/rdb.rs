//! Payloads of Redis's RDB on random input: the properties that are also fuzzed, here on the stable toolchain.

#[path = "rdb/payload.rs"]
mod payload;
#[path = "rdb/releases.rs"]
mod releases;

use payload::any_bytes;
use payload::value::{Bytes, Group, Stream, Value, read, write};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use ringmaster_protocol::rdb::dump::{open, seal};
use ringmaster_protocol::rdb::stream::{StreamId, StreamMeta};

/// Texts of all forms: integers, short, long, repetitive.
fn text() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => (any::<i64>(), 0u32..64).prop_map(|(value, shift)| (value >> shift).to_string().into_bytes()),
        4 => vec(any::<u8>(), 0..12),
        1 => vec(any::<u8>(), 0..90),
        1 => (vec(any::<u8>(), 1..5), 1usize..60).prop_map(|(unit, times)| unit.repeat(times)),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        any::<i32>().prop_map(f64::from),
        any::<f64>().prop_filter("a number of normal size", |value| value.is_normal() || *value == 0.0),
    ]
}

fn id() -> impl Strategy<Value = StreamId> {
    (prop_oneof![Just(5), 0..9u64, any::<u64>()], prop_oneof![0..9u64, any::<u64>()])
        .prop_map(|(ms, seq)| StreamId { ms, seq })
}

fn group() -> impl Strategy<Value = Group> {
    let pending = btree_map(id(), (any::<u64>(), 0u64..99, 0usize..3), 0..5);
    (text(), id(), proptest::option::of(0u64..99), pending, btree_map(text(), any::<u64>(), 3..4)).prop_map(
        |(name, last_id, entries_read, pending, consumers)| {
            let mut consumers: Vec<_> =
                consumers.into_iter().map(|(name, time)| (name, time, vec![])).collect();
            for (id, (_, _, owner)) in &pending {
                consumers[*owner].2.push(*id);
            }
            let pending = pending.into_iter().map(|(id, (time, times, _))| (id, time, times)).collect();
            Group { name, last_id, entries_read, pending, consumers }
        },
    )
}

fn stream() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just(b"a".to_vec()), Just(b"b".to_vec()), text()];
    let entries = btree_map(id(), vec((name, text()), 0..4), 0..250);
    (entries, vec(group(), 0..3), any::<u64>()).prop_map(|(entries, mut groups, entries_added)| {
        let mut names = std::collections::BTreeSet::new();
        groups.retain(|group| names.insert(group.name.clone()));
        let first_id = entries.keys().next().copied().unwrap_or_default();
        let last_id = StreamId { ms: u64::MAX, seq: u64::MAX };
        let len = entries.len() as u64;
        let meta = StreamMeta { len, last_id, first_id, max_deleted_id: first_id, entries_added };
        Value::Stream(Stream { entries: entries.into_iter().collect(), meta, groups })
    })
}

fn value() -> impl Strategy<Value = Value> {
    let number =
        (any::<i64>(), 0u32..64).prop_map(|(value, shift)| (value >> shift).to_string().into_bytes());
    prop_oneof![
        text().prop_map(Value::String),
        vec(text(), 1..40).prop_map(Value::List),
        vec(Just(vec![b'x'; 900]), 1..40).prop_map(Value::List),
        btree_set(text(), 1..40).prop_map(Value::Set),
        btree_set(number, 1..40).prop_map(Value::Set),
        btree_map(text(), text().prop_map(|value| (value, None)), 1..40).prop_map(Value::Hash),
        btree_map(text(), (text(), proptest::option::of(1u64..1 << 48)), 1..40).prop_map(Value::Hash),
        btree_map(text(), score(), 1..40).prop_map(Value::SortedSet),
        stream(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn values_come_back(value in value(), packed: bool) {
        let object = write(&value, packed);
        prop_assert_eq!(read(&object), Ok(value));
        any_bytes(&object);
    }

    #[test]
    fn cut_payloads_are_refused(value in value(), packed: bool, cut: prop::sample::Index) {
        let object = write(&value, packed);
        prop_assert!(read(&object[..cut.index(object.len())]).is_err());
    }

    #[test]
    fn flipped_bytes_do_no_harm(
        value in value(),
        packed: bool,
        flips in vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(0x80), Just(1)]), 1..4)
    ) {
        let mut object = write(&value, packed);
        for (at, bits) in flips {
            let at = at.index(object.len());
            object[at] ^= bits;
        }
        any_bytes(&object);
    }

    #[test]
    fn any_type_before_any_bytes_does_no_harm(code in 0u8..30, rest in vec(any::<u8>(), 0..80)) {
        any_bytes(&[&[code], &rest[..]].concat());
    }

    #[test]
    fn a_changed_envelope_does_not_open(value in value(), flip: prop::sample::Index, bits in 1u8..) {
        let mut payload = write(&value, true);
        seal(&mut payload);
        let whole = payload.clone();
        prop_assert_eq!(open(&payload), Some(&whole[..whole.len() - 10]));
        let at = flip.index(payload.len());
        payload[at] ^= bits;
        prop_assert_eq!(open(&payload), None);
    }
}
