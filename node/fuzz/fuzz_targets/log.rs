//! The log's reader over any bytes: no panic, nothing that is not there, and a segment as recovery meets it.
//!
//! The bytes are what stands behind a segment's header, and records by themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringmaster_node::log::disk::faulty::FaultyDisk;
use ringmaster_node::log::operation::parts;
use ringmaster_node::log::record::{DataId, Framer, Header, Kind, Record};
use ringmaster_node::log::recovery;

const ID: DataId = [7; 16];

fuzz_target!(|data: &[u8]| {
    let _ = parts(data).map(|parts| parts.iter().all(|part| part.effects().is_ok()));
    let framer = Framer::new(&ID);
    let _ = (Header::decode(data), framer.take(data), framer.greatest_mark(data));
    // As garbage, and as the body of a record whose checksum is right.
    let mut framed = Vec::new();
    framer.put(&mut framed, 1, Kind::Operation, |out| out.extend_from_slice(data));
    for tail in [data, &framed] {
        let disk = FaultyDisk::default();
        let segment = [&Header { data_id: ID, first_lsn: 1 }.encode()[..], tail].concat();
        disk.put("wal-0000000000000001.log", &segment);
        let mut visit = |record: Record<'_>| parts(record.body).map(drop);
        let Ok(found) = recovery::read(&disk, &ID, recovery::Begin::At(1), &mut visit) else { continue };
        recovery::cut(&disk, &found).unwrap();
        let again = recovery::read(&disk, &ID, recovery::Begin::At(1), &mut visit).unwrap();
        assert_eq!((again.records, &again.tail), (found.records, &None));
    }
});
