//! Records are read back as they were written, and nothing else is read.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::store::effect::StreamChange;
use crate::store::value::Stream;
use crate::store::value::list::End;
use crate::store::value::stream::{Cut, Delivery, StreamId};

/// What the effects of a case are made of.
#[derive(Clone, Debug)]
struct Parts {
    database: u8,
    deadline: Option<u64>,
    numbers: (u64, i64),
    end: End,
    bytes: Vec<u8>,
    strings: Vec<Vec<u8>>,
    scores: Vec<f64>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let bytes = || vec(any::<u8>(), 0..20);
    let deadline = proptest::option::of(0..u64::MAX);
    let end = prop_oneof![Just(End::Front), Just(End::Back)];
    let scores = vec(prop_oneof![Just(f64::INFINITY), Just(-0.0), -1e300..1e300], 0..200);
    let numbers = (any::<u64>(), any::<i64>());
    (0u8..16, deadline, numbers, end, bytes(), vec(bytes(), 0..200), scores).prop_map(
        |(database, deadline, numbers, end, bytes, strings, scores)| Parts {
            database,
            deadline,
            numbers,
            end,
            bytes,
            strings,
            scores,
        },
    )
}

/// Does something with one effect of each kind.
fn each_effect(parts: &Parts, mut visit: impl FnMut(Effect<'_>)) {
    let key = Key::new(b"{a}key", parts.database);
    let to = Key::new(b"{a}other", parts.numbers.1.unsigned_abs() as u8 % 16);
    let (deadline, end, value) = (parts.deadline, parts.end, &parts.bytes[..]);
    let (number, count) = (parts.numbers.0 as usize, parts.numbers.1);
    let strings: Vec<&[u8]> = parts.strings.iter().map(|string| &**string).collect();
    let fields: Vec<(&[u8], &[u8])> = strings.iter().map(|string| (*string, value)).collect();
    let scores: Vec<(f64, &[u8])> = parts.scores.iter().copied().zip(strings.iter().copied()).collect();
    visit(Effect::SetString { key, value, deadline });
    visit(Effect::WriteString { key, offset: number % (STRING_BYTES_MAX - 20), bytes: value });
    visit(Effect::Remove { key });
    visit(Effect::SetDeadline { key, deadline });
    visit(Effect::SetFieldDeadlines { key, deadline, fields: &strings });
    visit(Effect::Rename { from: key, to });
    visit(Effect::Copy { from: key, to });
    visit(Effect::PushList { key, end, values: &strings });
    visit(Effect::PopList { key, end, count: number });
    visit(Effect::SetListItem { key, index: number, value });
    visit(Effect::InsertListItem { key, index: number, value });
    visit(Effect::RemoveListItems { key, value, count });
    visit(Effect::TrimList { key, start: number, len: number / 2 });
    visit(Effect::AddMembers { key, members: &strings });
    visit(Effect::RemoveMembers { key, members: &strings });
    visit(Effect::SetFields { key, fields: &fields });
    visit(Effect::RemoveFields { key, fields: &strings });
    visit(Effect::SetScores { key, scores: &scores });
    visit(Effect::RemoveScored { key, members: &strings });
    each_change_of_a_stream(parts, |change| visit(Effect::Stream { key, change }));
    visit(Effect::Clear { database: None });
    visit(Effect::Clear { database: Some(parts.database) });
    visit(Effect::SwapDatabases { first: parts.database, second: to.database });
}

/// Does something with one change of a stream of each kind.
fn each_change_of_a_stream(parts: &Parts, mut visit: impl FnMut(StreamChange<'_>)) {
    let (group, consumer) = (&parts.bytes[..], &b"consumer"[..]);
    let last = StreamId::new(parts.numbers.0, parts.numbers.1.unsigned_abs());
    let ids = [last, StreamId::MIN, StreamId::MAX];
    let deliveries = ids.map(|id| Delivery { id, time: last.seq, count: last.ms });
    let fields: Vec<(&[u8], &[u8])> = parts.strings.iter().map(|string| (&**string, group)).collect();
    let mut stream = Stream::default();
    stream.push(StreamId::new(1, 1), &fields);
    visit(StreamChange::Append { id: last, fields: &fields });
    visit(StreamChange::Trim { cut: Cut { blocks: fields.len(), entries: group.len() } });
    visit(StreamChange::Delete { ids: &ids });
    visit(StreamChange::SetIds { last, added: last.ms, max_deleted: StreamId::MAX });
    for (id, block) in stream.blocks() {
        visit(StreamChange::AppendBlock { id, listpack: block.as_listpack() });
    }
    visit(StreamChange::SetGroup { group, last, read: Some(parts.numbers.1) });
    visit(StreamChange::SetGroup { group, last, read: None });
    visit(StreamChange::RemoveGroup { group });
    visit(StreamChange::Deliver { group, consumer, seen: last.ms, deliveries: &deliveries });
    visit(StreamChange::RemoveConsumer { group, consumer });
    visit(StreamChange::Acknowledge { group, ids: &ids });
}

fn encoded(effect: &Effect<'_>) -> Vec<u8> {
    let mut record = Vec::new();
    encode(effect, &mut record);
    record
}

fn slot() -> HashSlot {
    HashSlot::of(b"{a}")
}

proptest! {
    #[test]
    fn an_effect_is_read_back_as_it_was_written(parts in parts()) {
        each_effect(&parts, |effect| {
            let record = encoded(&effect);
            let decoded = decode(&record, slot()).unwrap();
            assert_eq!(format!("{:?}", decoded.effect()), format!("{effect:?}"));
        });
    }

    #[test]
    fn a_record_that_is_cut_off_or_too_long_is_refused(parts in parts(), at in any::<prop::sample::Index>()) {
        each_effect(&parts, |effect| {
            let mut record = encoded(&effect);
            assert!(decode(&record[..at.index(record.len())], slot()).is_err());
            record.push(0);
            assert!(decode(&record, slot()).is_err());
        });
    }

    #[test]
    fn bytes_that_are_read_have_one_form_only(
        parts in parts(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        each_effect(&parts, |effect| {
            let mut record = encoded(&effect);
            let at = at.index(record.len());
            record[at] = byte;
            if let Ok(decoded) = decode(&record, slot()) {
                assert_eq!(encoded(&decoded.effect()), record);
            }
        });
    }

    #[test]
    fn no_bytes_make_it_panic(record in vec(any::<u8>(), 0..60)) {
        let _ = decode(&record, slot());
    }
}

#[test]
fn what_no_handler_could_mean_is_refused() {
    let key = Key::new(b"{a}key", 0);
    let record = encoded(&Effect::Remove { key });
    let refused = |record: &[u8]| decode(record, slot()).err();
    assert_eq!(decode(&record, HashSlot::of(b"b")).err(), Some(DecodeError::OtherSlot));
    assert_eq!(refused(&[200, 0, 0]), Some(DecodeError::Kind(200)));
    assert_eq!(refused(&[]), Some(DecodeError::Truncated));
    assert_eq!(refused(&[CLEAR, 16]), Some(DecodeError::Database(16)));
    let huge = Effect::WriteString { key, offset: STRING_BYTES_MAX, bytes: b"x" };
    assert_eq!(refused(&encoded(&huge)), Some(DecodeError::TooLong));
    let scores = [(f64::NAN, &b"m"[..])];
    assert_eq!(refused(&encoded(&Effect::SetScores { key, scores: &scores })), Some(DecodeError::Number));
}

#[test]
fn the_bytes_on_disk_stay_what_they_are() {
    let key = Key::new(b"{a}k", 3);
    let hex =
        |effect: &Effect<'_>| encoded(effect).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let set = Effect::SetString { key, value: b"v", deadline: Some(1_000_000) };
    assert_eq!(hex(&set), "0103047b617d6b0176c1843d");
    let add = Effect::AddMembers { key, members: &[b"x", b""] };
    assert_eq!(hex(&add), "0d03047b617d6b02017800");
    let scores = Effect::SetScores { key, scores: &[(1.5, b"m")] };
    assert_eq!(hex(&scores), "1103047b617d6b01000000000000f83f016d");
    let remove = Effect::RemoveListItems { key, value: b"v", count: -2 };
    assert_eq!(hex(&remove), "0b03047b617d6b017603");
    assert_eq!(hex(&Effect::Clear { database: None }), "13ff");
}
