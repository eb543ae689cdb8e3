//! Objects as releases of Redis wrote them, and corrupt ones that they refuse.

use ringmaster_protocol::rdb::dump::open;
use ringmaster_protocol::rdb::stream::{StreamId, StreamMeta};

use super::payload::any_bytes;
use super::payload::value::{Bytes, Group, Stream, Value, read, write};

/// In hexadecimal, one a line: objects that a redis-server 7.0 with `sanitize-dump-payload yes` refuses, from the
/// integration tests of that release.
const CORRUPT: &str = include_str!("corrupt.txt");

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| item.as_bytes().to_vec()).collect())
}

fn set(members: &[&str]) -> Value {
    Value::Set(members.iter().map(|member| member.as_bytes().to_vec()).collect())
}

fn hash(fields: &[(&str, &str, Option<u64>)]) -> Value {
    let field = |(name, value, time): &(&str, &str, _)| {
        (name.as_bytes().to_vec(), (value.as_bytes().to_vec(), *time))
    };
    Value::Hash(fields.iter().map(field).collect())
}

fn sorted_set(members: &[(&str, f64)]) -> Value {
    Value::SortedSet(members.iter().map(|(member, score)| (member.as_bytes().to_vec(), *score)).collect())
}

#[test]
fn what_redis_7_0_dumps_is_read_and_written_byte_for_byte() {
    let long = "ab".repeat(40);
    let dumps: [(&[u8], Value, bool); 11] = [
        (b"\x00\x05hello\n\x00cr\xdfve4 \n", Value::String(b"hello".to_vec()), true),
        (b"\x00\xc190\n\x00\x9d\x94\xea'\x93\xfc\x08\xb9", Value::String(b"12345".to_vec()), true),
        (
            b"\x00\xc3\x0b@x\x03abca\xe0i\x02\x01bc\n\x00\xc4\x94\xa1p*\xe2>\x06",
            Value::String(b"abc".repeat(40)),
            true,
        ),
        (
            b"\x12\x01\x02\x18\x18\x00\x00\x00\x05\x00\x81a\x02\x01\x01\xc1,\x02\xf2\x90\xee\xfe\x04\x82zz\x03\xff\n\
            \x00\xfcMC\x1c\x05\xa0\x12\x11",
            list(&["a", "1", "300", "-70000", "zz"]),
            true,
        ),
        (
            b"\x0b\x14\x04\x00\x00\x00\x03\x00\x00\x00\xfe\xff\xff\xff\x01\x00\x00\x00p\x11\x01\x00\n\x000R}\xf8\xcc1\
            \x1f;",
            set(&["1", "-2", "70000"]),
            true,
        ),
        (b"\x02\x02\x01b\x01a\n\x00u\xd9\x9d\x83^\xf8_e", set(&["a", "b"]), false),
        (
            b"\x10\x12\x12\x00\x00\x00\x04\x00\x81f\x02\x81v\x02\x81n\x02\x07\x01\xff\n\x00\xb8*\xde\xa8@\x7f\xfa\xa8",
            hash(&[("f", "v", None), ("n", "7", None)]),
            true,
        ),
        (
            b"\x04\x01\x01f\xc3\n@P\x02aba\xe0B\x01\x01ab\n\x00C\xc0\xe6`\x8f\x8b\x90\xa1",
            hash(&[("f", &long, None)]),
            false,
        ),
        (
            b"\x11\x1c\x1c\x00\x00\x00\x06\x00\x81a\x02\x831.5\x04\x81b\x02\x02\x01\x81c\x02\x83inf\x04\xff\n\x00\x89Y\
            \x7f&\x06-\xa8\xa1",
            sorted_set(&[("a", 1.5), ("b", 2.0), ("c", f64::INFINITY)]),
            true,
        ),
        (
            b"\x05\x01\xc3\n@P\x02aba\xe0B\x01\x01ab\x00\x00\x00\x00\x00\x00\xf0\xff\n\x008{H\x82\x92\xf1\xe3s",
            sorted_set(&[(&long, f64::NEG_INFINITY)]),
            false,
        ),
        (
            b"\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01\xc3>@M\x12M\x00\x00\x00 \
            \x00\x03\x01\x01\x01\x02\x01\x81a\x02\x81b\x02\x00 \t\x00\x00 \x01@\x11\x02\x05\x01\x03`\t\x02\x03\x01\
            \x04 \x0b@\x13@\x03\x06\x81q\x02\x81r\x02\x06 \x0b@)\xe0\x00\x0f\x01\x01\xff\x03\x07\x01\x05\x01\x05\
            \x02\x04\x02\x01g\x06\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00\x06\x00\
            \x00\x00\x00\x00\x00\x00\x01\xd6\x8e\xcb\x03\xa2\x01\x00\x00\x01\x01\x03bob\xd6\x8e\xcb\x03\xa2\x01\x00\
            \x00\x01\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x01\x01h\x00\x00\x81\xff\xff\xff\
            \xff\xff\xff\xff\xff\x00\x00\n\x00\x81`(6\xcaL\"\x0b",
            Value::Stream(a_stream()),
            true,
        ),
    ];
    for (payload, value, packed) in dumps {
        let object = open(payload).unwrap_or_else(|| panic!("{}", payload.escape_ascii()));
        assert_eq!(read(object).as_ref(), Ok(&value));
        // The order of a table's members is not kept here, and nodes of a stream remember what was deleted.
        if !matches!(value, Value::Stream(_) | Value::Set(_)) {
            assert_eq!(write(&value, packed).escape_ascii().to_string(), object.escape_ascii().to_string());
        }
        any_bytes(object);
    }
}

/// Entries 5-1, 6-1 and 7-1 (5-2 was deleted), a group with one pending entry and one without anything.
fn a_stream() -> Stream {
    let id = |ms, seq| StreamId { ms, seq };
    let text = |text: &str| text.as_bytes().to_vec();
    let pair = |name, value| (text(name), text(value));
    let time = 0x01a2_03cb_8ed6;
    let group = |name, last_id| Group { name: text(name), last_id, ..Group::default() };
    Stream {
        entries: vec![
            (id(5, 1), vec![pair("a", "1"), pair("b", "2")]),
            (id(6, 1), vec![pair("q", "r")]),
            (id(7, 1), vec![pair("q", "r")]),
        ],
        meta: StreamMeta {
            len: 3,
            last_id: id(7, 1),
            first_id: id(5, 1),
            max_deleted_id: id(5, 2),
            entries_added: 4,
        },
        groups: vec![
            Group {
                pending: vec![(id(6, 1), time, 1)],
                consumers: vec![(text("bob"), time, vec![id(6, 1)])],
                ..group("g", id(6, 1))
            },
            group("h", id(0, 0)),
        ],
    }
}

#[test]
fn what_older_and_newer_releases_wrote_is_read() {
    let abc = hash(&[("a", "1", None), ("b", "2", None), ("c", "3", None)]);
    let objects: [(&[u8], Value); 13] = [
        (b"\x09\x10\x02\x02f1\x02\x00v1\x02f2\x02\x00v2\xff", hash(&[("f1", "v1", None), ("f2", "v2", None)])),
        (
            b"\x0d\x1b\x1b\0\0\0\x16\0\0\0\x04\0\0\x02f1\x04\x02v1\x04\x02f2\x04\x02v2\xff",
            hash(&[("f1", "v1", None), ("f2", "v2", None)]),
        ),
        (b"\x0e\x01\x0d\x0d\0\0\0\x0a\0\0\0\x01\0\0\xf8\xff", list(&["7"])),
        (
            b"\x0c\x19\x19\0\0\0\x16\0\0\0\x04\0\0\x03one\x05\xf2\x02\x03two\x05\xf3\xff",
            sorted_set(&[("one", 1.0), ("two", 2.0)]),
        ),
        (b"\x03\x02\x02bb\x0220\x01i\xfe", sorted_set(&[("bb", 20.0), ("i", f64::INFINITY)])),
        (
            b"\x0a00\0\0\0\x25\0\0\0\x08\0\0\xc0\x01\0\x04\xc0\x02\0\x04\xc0\x03\0\x04\x01a\x03\x01b\x03\x01c\x03\
            \xd0\xa0\x86\x01\0\x06\xe0\0\xbc\xa0e\x01\0\0\0\xff",
            list(&["1", "2", "3", "a", "b", "c", "100000", "6000000000"]),
        ),
        (
            b"\x0b8\x08\0\0\0\x06\0\0\0\0\xca\x9a;\0\0\0\0\0\x945w\0\0\0\0\0^\xd0\xb2\0\0\0\0\0(k\xee\0\0\0\0\0\xf2\
            \x05*\x01\0\0\0\0\xbc\xa0e\x01\0\0\0",
            set(&["1000000000", "2000000000", "3000000000", "4000000000", "5000000000", "6000000000"]),
        ),
        (b"\x0d  \0\0\0\x1b\0\0\0\x06\0\0\x01a\x03\xc0\x01\0\x04\x01b\x03\xc0\x02\0\x04\x01c\x03\xc0\x03\0\xff", abc),
        (b"\x01\x03\xc0\x01\x01a\xc2\xa0\x86\x01\0", list(&["1", "a", "100000"])),
        (b"\x14\x0c\x0c\0\0\0\x02\0\x81a\x02\x07\x01\xff", set(&["a", "7"])),
        (
            b"\x18\xe8\x03\0\0\0\0\0\0\x02\0\x01a\x01b\x06\x01c\x01d",
            hash(&[("a", "b", None), ("c", "d", Some(1005))]),
        ),
        (b"\x16\x01\x06\x01c\x01d", hash(&[("c", "d", Some(6))])),
        (
            b"\x19\xe8\x03\0\0\0\0\0\0\x18\x18\0\0\0\x06\0\x81c\x02\x81d\x02\xc3\xe8\x02\x81a\x02\x81b\x02\0\x01\xff",
            hash(&[("a", "b", None), ("c", "d", Some(1000))]),
        ),
    ];
    for (object, value) in objects {
        assert_eq!(read(object), Ok(value), "{}", object.escape_ascii());
        any_bytes(object);
    }
}

#[test]
fn streams_of_the_first_release_are_completed() {
    let object = write(&Value::Stream(a_stream()), true);
    let Ok(Value::Stream(stream)) = read(&object) else { panic!("a stream") };
    // Up to the number of entries and the last id the releases agree; then one group without anything follows.
    let mut first = object.clone();
    first[0] = 15;
    let tail: Bytes = [&[3u8, 7, 1, 5, 1, 5, 2, 4, 2][..], b"\x01g"].concat();
    let at = first.windows(tail.len()).position(|bytes| bytes == tail).expect("the summary");
    first.truncate(at);
    first.extend_from_slice(b"\x03\x07\x01\x01\x01g\x06\x01\x00\x00");
    let Ok(Value::Stream(found)) = read(&first) else { panic!("a stream: {:?}", read(&first)) };
    assert_eq!(found.entries, stream.entries);
    let meta = StreamMeta { max_deleted_id: StreamId::default(), entries_added: 3, ..stream.meta };
    assert_eq!(found.meta, meta);
    assert_eq!(found.groups[0].entries_read, None);
}

#[test]
fn corrupt_payloads_are_refused() {
    for line in CORRUPT.lines() {
        let byte = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).expect("two digits");
        let object: Bytes = (0..line.len()).step_by(2).map(byte).collect();
        assert!(read(&object).is_err(), "{}: {:?}", object.escape_ascii(), read(&object));
    }
}

#[test]
fn an_empty_collection_is_no_value() {
    let wrong: [&[u8]; 7] = [
        b"\x01\x00",
        b"\x02\x00",
        b"\x04\x00",
        b"\x05\x00",
        b"\x12\x00",
        b"\x0e\x01\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff",
        b"\x10\x07\x07\0\0\0\0\0\xff",
    ];
    for object in wrong {
        assert!(read(object).is_err(), "{}", object.escape_ascii());
    }
}
