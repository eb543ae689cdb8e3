//! Every kind of value comes back.

use std::fmt::Write;

use super::support::{Still, content, loaded, taken};
use crate::engine::Engine;
use crate::engine::testing::reply_at;
use crate::log::disk::Disk;
use crate::log::disk::faulty::FaultyDisk;
use crate::log::snapshot::{list, tidy};
use crate::store::Store;

const NOW: u64 = 1_000_000;

const FILL: [&str; 14] = [
    "SET s 12",
    "SET volatile v PXAT 1005000",
    "SET gone v PXAT 1000001",
    "RPUSH l a b 3",
    "SADD set 1 2 3",
    "SADD words a b",
    "HSET h f v g w",
    "HPEXPIREAT h 1004000 FIELDS 1 f",
    "ZADD z 1.5 a 2 b",
    "PEXPIREAT z 1009000",
    "XADD x 1-1 f v",
    "XGROUP CREATE x group 0",
    "XREADGROUP GROUP group c COUNT 1 STREAMS x >",
    "XGROUP CREATECONSUMER x group idle",
];

pub(super) fn filled() -> Engine {
    let engine = Engine::new(Store::new(None));
    for line in FILL {
        let reply = reply_at(&engine, NOW, line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
    engine
}

#[test]
fn every_kind_of_value_comes_back() {
    let engine = filled();
    for (command, parts) in [("SADD many", 1), ("RPUSH long", 1), ("HSET wide", 2), ("ZADD high", 2)] {
        let mut line = command.to_owned();
        (0..5000 * parts).for_each(|n| write!(line, " {n}").unwrap());
        reply_at(&engine, NOW, &line);
    }
    let disk = FaultyDisk::default();
    let libraries = vec![b"#!lua name=l\n".to_vec(), Vec::new()];
    let result = taken(engine.store(), &disk, &Still, &|| libraries.clone()).unwrap();
    assert_eq!(result.keys, 13);
    disk.restart(1);
    let (store, loaded) = loaded(&disk).unwrap();
    let loaded = loaded.unwrap();
    assert_eq!((loaded.keys, loaded.bytes, &loaded.libraries), (13, result.bytes, &libraries));
    assert_eq!(content(&store, NOW + 1), content(engine.store(), NOW + 1));
}

#[test]
fn an_empty_directory_has_no_snapshot() {
    assert!(loaded(&FaultyDisk::default()).unwrap().1.is_none());
}

#[test]
fn a_new_snapshot_takes_the_place_of_the_old_one() {
    let (engine, disk) = (filled(), FaultyDisk::default());
    for name in ["snap-0000000000000000.snap", "snap-0000000000000009.tmp", "another"] {
        disk.put(name, b"");
    }
    let result = taken(engine.store(), &disk, &Still, &Vec::new).unwrap();
    assert_eq!(tidy(&disk, result.start_lsn).unwrap().files, 2);
    assert_eq!(list(&disk).unwrap(), [(1, "snap-0000000000000001.snap".to_owned())]);
    assert!(disk.list().unwrap().contains(&"another".to_owned()));
}
