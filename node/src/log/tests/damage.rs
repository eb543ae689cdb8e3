//! Bytes that change after they were durable.

use super::support::{Life, Model, recover, segments, settings, written};
use crate::log::check::{check, repair};
use crate::log::disk::faulty::FaultyDisk;
use crate::log::disk::{Disk, replace_whole};
use crate::log::record::{Bad, HEADER_BYTES, Kind};
use crate::log::recovery::{Found, RecoveryError};
use crate::log::{Fsync, identity, operation, recovery};

/// Reads the log, and applies nothing.
fn read(disk: &FaultyDisk) -> Result<Found, RecoveryError> {
    let data_id = identity::data_id(disk)?;
    recovery::read(disk, &data_id, recovery::Begin::At(1), &mut |record| {
        operation::parts(record.body).map(drop)
    })
}

#[test]
fn each_flipped_byte_of_a_closed_log_is_refused_with_its_place() {
    let disk = FaultyDisk::default();
    written(&disk, settings(Fsync::Everysec), 40);
    let names = segments(&disk);
    assert!(names.len() > 2);
    for name in &names {
        let bytes = disk.bytes(name).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            disk.put(name, &damaged);
            match read(&disk) {
                Err(RecoveryError::Damaged(damage)) => assert_eq!(damage.file, *name),
                // The last mark has no witness; nothing stands behind it.
                Ok(found) => {
                    assert!(found.tail.is_some() && names.last() == Some(name), "{name} {at}");
                    assert!(at + 37 >= bytes.len(), "{name} {at} of {}", bytes.len());
                }
                Err(error) => panic!("{error}"),
            }
        }
        disk.put(name, &bytes);
    }
}

#[test]
fn a_flipped_byte_of_a_log_that_was_not_closed_is_never_a_wrong_value() {
    let disk = FaultyDisk::default();
    let mut model = Model::default();
    let mut life = Life::begin(&disk, settings(Fsync::No), &mut model).unwrap();
    for number in 0..12 {
        life.set(&[number % 3], 10, &mut model);
        life.writer.turn(life.now);
    }
    disk.kill();
    let name = segments(&disk).pop().unwrap();
    let bytes = disk.bytes(&name).unwrap();
    for at in HEADER_BYTES..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        disk.put(&name, &damaged);
        let (found, store, _) = recover(&disk).unwrap();
        let tail = found.tail.expect("the flipped record and those behind it");
        assert!(tail.place.offset <= at as u64);
        assert_eq!(tail.place.offset + tail.bytes, bytes.len() as u64);
        // Versions are told by the store, values by the model: a prefix of the history.
        model.clone().check(&store);
    }
}

#[test]
fn a_missing_segment_is_noticed() {
    let disk = FaultyDisk::default();
    written(&disk, settings(Fsync::Always), 60);
    let names = segments(&disk);
    disk.remove(&names[1]).unwrap();
    let Err(RecoveryError::Damaged(damage)) = recover(&disk) else { panic!("it was read") };
    assert_eq!(damage.file, names[2]);
}

#[test]
fn repair_gives_up_what_follows_the_damage_and_keeps_it_aside() {
    let disk = FaultyDisk::default();
    let mut model = written(&disk, settings(Fsync::Always), 60);
    assert!(check(&disk).unwrap().damage.is_none());
    assert_eq!(repair(&disk).unwrap(), None);
    let names = segments(&disk);
    let whole = disk.bytes(&names[1]).unwrap();
    let mut damaged = whole.clone();
    damaged[HEADER_BYTES + 100] ^= 1;
    disk.put(&names[1], &damaged);
    let damage = check(&disk).unwrap().damage.unwrap();
    assert_eq!(damage.file, names[1]);
    assert_eq!(repair(&disk).unwrap(), Some(damage));
    disk.restart(1);
    assert_eq!(disk.bytes(&format!("{}.damaged", names[1])).unwrap(), damaged);
    assert!(disk.bytes(&format!("{}.cut", names[2])).is_some());
    model.acknowledged = 0;
    Life::begin(&disk, settings(Fsync::Always), &mut model).unwrap();
    assert!(check(&disk).unwrap().damage.is_none());
}

#[test]
fn a_log_of_another_directory_is_refused() {
    let (disk, other) = (FaultyDisk::default(), FaultyDisk::default());
    written(&disk, settings(Fsync::Always), 5);
    written(&other, settings(Fsync::Always), 5);
    replace_whole(&other, identity::FILE, &foreign_identity()).unwrap();
    assert!(matches!(recover(&other), Err(RecoveryError::Damaged(_))));
}

fn foreign_identity() -> Vec<u8> {
    let disk = FaultyDisk::default();
    identity::open(&disk, || 77).unwrap();
    disk.bytes(identity::FILE).unwrap()
}

#[test]
fn a_directory_is_used_by_one_process() {
    let disk = FaultyDisk::default();
    let held = disk.lock().unwrap();
    assert!(disk.lock().is_err());
    drop(held);
    disk.lock().unwrap();
}

#[test]
fn a_damaged_header_is_no_unfinished_end() {
    for fsync in [Fsync::No, Fsync::Always] {
        let disk = FaultyDisk::default();
        let mut model = Model::default();
        let mut life = Life::begin(&disk, settings(fsync), &mut model).unwrap();
        life.set(&[0], 10, &mut model);
        life.writer.turn(life.now);
        disk.kill();
        let name = segments(&disk).pop().unwrap();
        let bytes = disk.bytes(&name).unwrap();
        for at in 0..HEADER_BYTES {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            disk.put(&name, &damaged);
            assert!(matches!(read(&disk), Err(RecoveryError::Damaged(_))), "byte {at}");
        }
    }
}

#[test]
fn a_missing_operation_stops_the_start_with_its_place_and_can_be_cut() {
    let disk = FaultyDisk::default();
    let mut model = Model::default();
    let mut life = Life::begin(&disk, settings(Fsync::No), &mut model).unwrap();
    life.set(&[0], 10, &mut model);
    let kept = model.clone();
    life.skip(0, 3);
    life.writer.close(life.now).unwrap();
    let Err(RecoveryError::Damaged(damage)) = recover(&disk).map(drop) else { panic!("it is damaged") };
    assert!(matches!(damage.bad, Bad::Gap { lsn: 2, has: 1, next: 3, .. }), "{damage}");
    assert_eq!(check(&disk).unwrap().damage, Some(damage.clone()));
    assert_eq!(repair(&disk).unwrap(), Some(damage));
    let (_, store, _) = recover(&disk).unwrap();
    kept.clone().check_all(&store);
}

#[test]
fn a_malformed_library_is_found_by_the_check() {
    let disk = FaultyDisk::default();
    let mut life = Life::begin(&disk, settings(Fsync::No), &mut Model::default()).unwrap();
    life.stages.append(Kind::Library, 1, |out| out.push(9));
    life.writer.close(life.now).unwrap();
    assert_eq!(check(&disk).unwrap().damage.unwrap().bad, Bad::Body);
}
