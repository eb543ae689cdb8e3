//! Disks that are full, fail or are slow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::support::{Life, Model, recover, settings};
use crate::log::disk::faulty::{Deed, EIO, ENOSPC, FaultyDisk, Verdict};
use crate::log::record::Kind;
use crate::log::recovery::Begin;
use crate::log::writer::Next;
use crate::log::{Fsync, Log, Settings, identity};

/// Waits until `done`, 10 s at most.
fn until(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "it did not come");
        std::thread::yield_now();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_is_tried_again() {
    for room in 0..60 {
        let (disk, mut model) = (FaultyDisk::default(), Model::default());
        let mut life = Life::begin(&disk, settings(Fsync::Always), &mut model).unwrap();
        disk.set_hook(Some(Arc::new(move |_, deed| match deed {
            Deed::Write { .. } => Verdict::Short(room, ENOSPC),
            _ => Verdict::Do,
        })));
        life.set(&[0], 10, &mut model);
        let Next::At(again) = life.writer.turn(life.now) else { panic!("it was written") };
        assert!(life.status.refusal().unwrap().retries);
        life.set(&[1], 10, &mut model);
        assert_eq!(life.writer.turn(life.now), Next::At(again));
        assert_eq!(life.status.written_lsn(), 0);
        disk.set_hook(None);
        assert_eq!(life.writer.turn(again), Next::Soon);
        assert_eq!((life.status.refusal(), life.status.durable_lsn()), (None, 2));
        disk.restart(1);
        model.check_all(&recover(&disk).unwrap().1);
    }
}

#[test]
fn a_failed_sync_is_final() {
    let (disk, mut model) = (FaultyDisk::default(), Model::default());
    let mut life = Life::begin(&disk, settings(Fsync::Always), &mut model).unwrap();
    disk.set_hook(Some(Arc::new(|_, deed| match deed {
        Deed::Sync => Verdict::Fail(EIO),
        _ => Verdict::Do,
    })));
    life.set(&[0], 10, &mut model);
    life.writer.turn(life.now);
    disk.set_hook(None);
    let refusal = life.status.refusal().unwrap();
    assert!(!refusal.retries && refusal.reason.contains("os error 5"), "{refusal:?}");
    life.set(&[1], 10, &mut model);
    assert_eq!(life.writer.turn(life.now + Duration::from_secs(9)), Next::Sleep);
    assert_eq!(life.status.durable_lsn(), 0);
    assert!(life.writer.close(life.now).is_err());
}

#[test]
fn a_full_disk_at_the_end_of_a_segment_is_tried_again() {
    let (disk, mut model) = (FaultyDisk::default(), Model::default());
    let mut life = Life::begin(&disk, settings(Fsync::Everysec), &mut model).unwrap();
    life.set(&[0], 1500, &mut model);
    life.writer.turn(life.now);
    disk.set_hook(Some(Arc::new(|_, deed| match deed {
        Deed::Change => Verdict::Fail(ENOSPC),
        _ => Verdict::Do,
    })));
    life.set(&[1], 1500, &mut model);
    let Next::At(again) = life.writer.turn(life.now) else { panic!("a segment was made") };
    disk.set_hook(None);
    life.writer.turn(again);
    assert_eq!(life.status.refusal(), None);
    life.writer.close(again).unwrap();
    disk.restart(3);
    model.check_all(&recover(&disk).unwrap().1);
}

fn running(disk: &FaultyDisk, settings: Settings) -> Log {
    let identity = identity::open(disk, || 5).unwrap();
    Log::start(Arc::new(disk.clone()), settings, identity.data_id(), (0, 0)).unwrap()
}

fn append(log: &Log, bytes: usize) -> u64 {
    log.append(Kind::Library, bytes, |out| out.resize(out.len() + bytes, b'x'))
}

#[test]
fn records_of_many_threads_are_written_in_order() {
    let disk = FaultyDisk::default();
    let log = running(&disk, Settings::new(Fsync::Always, 3));
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                for size in 0..2000 {
                    append(&log, size % 50);
                }
            });
        }
    });
    let context = Context::from_waker(Waker::noop());
    until(|| matches!(log.poll_durable(10_000, &context), Poll::Ready(Ok(()))));
    log.close().unwrap();
    let data_id = identity::data_id(&disk).unwrap();
    let found = crate::log::recovery::read(&disk, &data_id, Begin::At(1), &mut |_| Ok(())).unwrap();
    assert_eq!((found.last_lsn(), found.records, found.tail), (10_000, 10_000, None));
}

#[test]
fn a_slow_sync_stops_writing_at_a_bound_and_writers_wait() {
    let disk = FaultyDisk::default();
    let settings =
        Settings { staged_bytes_max: 10_000, unsynced_bytes_max: 5_000, ..Settings::new(Fsync::Everysec, 1) };
    let log = running(&disk, settings);
    let slow = Arc::new((Mutex::new(true), Condvar::new()));
    let gate = Arc::clone(&slow);
    let begun = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&begun);
    disk.set_hook(Some(Arc::new(move |_, deed| {
        if *deed == Deed::Sync {
            seen.store(true, Ordering::Release);
            let shut = gate.0.lock().unwrap();
            drop(gate.1.wait_while(shut, |shut| *shut).unwrap());
        }
        Verdict::Do
    })));
    append(&log, 100);
    until(|| begun.load(Ordering::Acquire));
    append(&log, 6_000);
    until(|| log.status().unsynced_bytes() > 5_000);
    append(&log, 11_000);
    assert!(!log.has_room());
    let context = Context::from_waker(Waker::noop());
    assert!(log.poll_room(&context).is_pending());
    until(|| log.status().delayed_total() > 0);
    *slow.0.lock().unwrap() = false;
    slow.1.notify_all();
    until(|| log.poll_room(&context).is_ready());
    log.close().unwrap();
    assert_eq!(log.status().durable_lsn(), 3);
}

#[test]
fn what_a_failed_sync_left_is_durable_after_the_next_start() {
    for seed in 0..40 {
        let (disk, mut model) = (FaultyDisk::default(), Model::default());
        let mut life = Life::begin(&disk, settings(Fsync::Always), &mut model).unwrap();
        disk.set_hook(Some(Arc::new(|_, deed| match deed {
            Deed::Sync => Verdict::Fail(EIO),
            _ => Verdict::Do,
        })));
        life.set(&[0], 10, &mut model);
        life.writer.turn(life.now);
        disk.set_hook(None);
        disk.kill();
        // The kernel still shows the bytes, though the disk may not have them: from here on they count.
        let mut life = Life::begin(&disk, settings(Fsync::Always), &mut model).unwrap();
        life.set(&[1], 10, &mut model);
        life.writer.turn(life.now);
        model.acknowledged = life.status.durable_lsn();
        assert_eq!(model.acknowledged, 2);
        disk.restart(seed);
        model.check(&recover(&disk).unwrap().1);
    }
}

#[test]
fn a_write_that_left_bytes_behind_does_not_spoil_the_segment_that_ends_there() {
    let (disk, mut model) = (FaultyDisk::default(), Model::default());
    let mut life = Life::begin(&disk, settings(Fsync::Everysec), &mut model).unwrap();
    life.set(&[0], 1000, &mut model);
    life.writer.turn(life.now);
    disk.set_hook(Some(Arc::new(|_, deed| match deed {
        Deed::Write { .. } => Verdict::Short(300, ENOSPC),
        Deed::Change => Verdict::Fail(EIO),
        _ => Verdict::Do,
    })));
    life.set(&[1], 300, &mut model);
    let Next::At(again) = life.writer.turn(life.now) else { panic!("it was written") };
    // Meanwhile so much came that the next attempt begins another segment.
    life.set(&[2], 1500, &mut model);
    let Next::At(again) = life.writer.turn(again) else { panic!("it was written") };
    disk.set_hook(None);
    life.writer.turn(again);
    life.writer.close(again).unwrap();
    disk.restart(3);
    model.check_all(&recover(&disk).unwrap().1);
}
