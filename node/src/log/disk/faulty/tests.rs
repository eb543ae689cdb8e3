//! The faulty disk loses what it may, and nothing else.

use super::*;

fn written_and_synced() -> FaultyDisk {
    let disk = FaultyDisk::default();
    let file = disk.create("a").unwrap();
    file.write_at(&[1; 2000], 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir().unwrap();
    file.write_at(&[2; 2000], 1000).unwrap();
    disk
}

#[test]
fn what_was_synced_survives_every_loss() {
    for seed in 0..200 {
        let disk = written_and_synced();
        disk.restart(seed);
        let bytes = disk.bytes("a").unwrap();
        assert_eq!(bytes[..1000], [1; 1000], "seed {seed}");
        assert!(bytes.len() >= 2000, "seed {seed}");
    }
}

#[test]
fn the_unsynced_is_lost_kept_torn_and_padded() {
    let (mut old, mut new, mut torn, mut padded) = (0, 0, 0, 0);
    for seed in 0..200 {
        let disk = written_and_synced();
        disk.restart(seed);
        let bytes = disk.bytes("a").unwrap();
        old += u32::from(bytes[1000..2000] == [1; 1000]);
        new += u32::from(bytes[1000..] == [2; 2000]);
        torn += u32::from(bytes[1024..1536].windows(2).any(|pair| pair[0] != pair[1]));
        padded += u32::from(bytes[2000..].contains(&0));
    }
    assert!(old > 5 && new > 5 && torn > 5 && padded > 5, "{old} {new} {torn} {padded}");
}

#[test]
fn a_name_that_was_not_synced_may_be_lost() {
    let found: BTreeSet<_> = (0..50)
        .map(|seed| {
            let disk = FaultyDisk::default();
            disk.create("a").unwrap().sync().unwrap();
            disk.restart(seed);
            disk.bytes("a").is_some()
        })
        .collect();
    assert_eq!(found.len(), 2);
}

#[test]
fn a_handle_dies_with_its_process() {
    let disk = FaultyDisk::default();
    let file = disk.create("a").unwrap();
    disk.kill();
    assert!(file.write_at(b"x", 0).is_err());
    assert_eq!(disk.bytes("a").unwrap(), b"");
}

#[test]
fn what_a_failed_sync_left_no_later_sync_brings_to_the_disk() {
    let lost = (0..50).filter(|seed| {
        let disk = written_and_synced();
        disk.set_hook(Some(Arc::new(
            |_, deed| if *deed == Deed::Sync { Verdict::Fail(EIO) } else { Verdict::Do },
        )));
        let file = disk.open("a").unwrap();
        assert!(file.sync().is_err());
        disk.set_hook(None);
        file.sync().unwrap();
        assert_eq!(disk.bytes("a").unwrap()[1000..], [2; 2000], "it looks written");
        disk.restart(*seed);
        disk.bytes("a").unwrap()[1000..2000] == [1; 1000]
    });
    assert!(lost.count() > 5);
}
