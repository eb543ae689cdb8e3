//! A snapshot that is not what was written is refused, with its place.

use super::support::{Still, loaded, taken, taken_with};
use super::values::filled;
use crate::log::check::{check, repair};
use crate::log::disk::faulty::{Deed, EIO, ENOSPC, FaultyDisk, Verdict};
use crate::log::recovery::RecoveryError;
use crate::log::snapshot::{Pace, SnapshotError, Source, name, take};
use crate::log::tests::support::recover;
use crate::log::{Fsync, identity};
use crate::store::Store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

fn refused(disk: &FaultyDisk, what: &str) {
    match loaded(disk) {
        Err(RecoveryError::Damaged(damage)) => assert_eq!(damage.file, name(1), "{what}"),
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what} was not seen"),
    }
}

fn written() -> (FaultyDisk, Vec<u8>) {
    let disk = FaultyDisk::default();
    taken(filled().store(), &disk, &Still, &|| vec![b"#!lua name=l\n".to_vec()]).unwrap();
    let bytes = disk.bytes(&name(1)).unwrap();
    (disk, bytes)
}

#[test]
fn every_flipped_byte_is_seen() {
    let (disk, bytes) = written();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        disk.put(&name(1), &damaged);
        refused(&disk, &format!("byte {at} of {}", bytes.len()));
    }
}

#[test]
fn every_missing_end_is_seen() {
    let (disk, bytes) = written();
    for len in 0..bytes.len() {
        disk.put(&name(1), &bytes[..len]);
        refused(&disk, &format!("an end at {len} of {}", bytes.len()));
    }
}

#[test]
fn a_block_that_is_left_out_or_comes_twice_is_seen() {
    let (disk, bytes) = written();
    let len = |at: usize| 8 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let second = 35 + len(35);
    let third = second + len(second);
    disk.put(&name(1), &[&bytes[..second], &bytes[third..]].concat());
    refused(&disk, "a block left out");
    disk.put(&name(1), &[&bytes[..third], &bytes[second..]].concat());
    refused(&disk, "a block twice");
}

#[test]
fn a_snapshot_of_another_directory_is_refused() {
    let (disk, bytes) = written();
    disk.put(&name(2), &bytes);
    assert!(matches!(loaded(&disk), Err(RecoveryError::Damaged(damage)) if damage.offset == 0));
}

#[test]
fn a_disk_that_fails_leaves_the_last_snapshot() {
    let (disk, bytes) = written();
    for error in [EIO, ENOSPC] {
        for kind in [Deed::Sync, Deed::SyncDir, Deed::Change] {
            let hook = move |_, deed: &Deed| if *deed == kind { Verdict::Fail(error) } else { Verdict::Do };
            disk.set_hook(Some(Arc::new(hook)));
            assert!(matches!(taken(&Store::new(None), &disk, &Still, &Vec::new), Err(SnapshotError::Io(_))));
            disk.set_hook(None);
            // Only a directory that could not be synced has the new one already.
            if disk.bytes(&name(1)).unwrap() != bytes {
                assert!(loaded(&disk).unwrap().1.unwrap().keys == 0);
                disk.put(&name(1), &bytes);
            }
            assert!(loaded(&disk).unwrap().1.is_some());
        }
    }
}

#[test]
fn one_that_is_stopped_leaves_the_last_snapshot() {
    let (disk, bytes) = written();
    let (store, stop, keys_done) = (Store::new(None), AtomicBool::new(true), AtomicU64::new(0));
    let (log, libraries) = (&Still, &Vec::new);
    let source = Source {
        store: &store,
        disk: &disk,
        data_id: super::support::ID,
        log,
        libraries,
        pace: Pace::Half,
        stop: &stop,
        keys_done: &keys_done,
    };
    assert!(matches!(take(&source), Err(SnapshotError::Stopped)));
    assert_eq!(disk.bytes(&name(1)).unwrap(), bytes);
    assert_eq!(disk.bytes("snap-0000000000000001.tmp"), None);
}

#[test]
fn a_check_reads_the_snapshot_and_a_repair_falls_back_to_a_log_that_reaches_back() {
    let disk = FaultyDisk::default();
    let model =
        crate::log::tests::support::written(&disk, crate::log::tests::support::settings(Fsync::No), 60);
    let data_id = identity::data_id(&disk).unwrap();
    let (_, store, _) = recover(&disk).unwrap();
    taken_with(&store, &disk, &Still, &Vec::new, data_id).unwrap();
    assert!(check(&disk).unwrap().text.starts_with("snap-0000000000000001.snap: "));
    let bytes = disk.bytes(&name(1)).unwrap();
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    disk.put(&name(1), &damaged);
    assert_eq!(check(&disk).unwrap().damage.unwrap().file, name(1));
    assert_eq!(repair(&disk).unwrap().unwrap().file, name(1));
    assert!(check(&disk).unwrap().damage.is_none());
    let mut model = model;
    model.check_all(&recover(&disk).unwrap().1);
    // Without the first segment there is no way back.
    disk.put(&name(1), &damaged);
    let first = crate::log::tests::support::segments(&disk).remove(0);
    crate::log::disk::Disk::remove(&disk, &first).unwrap();
    assert!(repair(&disk).unwrap_err().to_string().contains("is gone"));
}
