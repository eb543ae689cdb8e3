//! A log that is broken begins anew behind a snapshot; power is lost at every boundary of that.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::power::lose_power_at;
use super::support::taken_with;
use crate::log::disk::faulty::{Deed, EIO, FaultyDisk, Verdict};
use crate::log::record::Kind;
use crate::log::recovery::{self, Begin};
use crate::log::renewal::Step;
use crate::log::snapshot::{Position, SnapshotError, tidy};
use crate::log::tests::support::{Life, Model, Random, recover, seeds, settings};
use crate::log::{Fsync, Log, Settings, identity};
use crate::store::Store;

/// A log whose writer takes its turns when it is waited for; `late` operations come while the snapshot is taken.
struct Broken<'l> {
    life: RefCell<&'l mut Life>,
    model: RefCell<&'l mut Model>,
    late: usize,
}

impl Broken<'_> {
    fn turn(&self) {
        let mut life = self.life.borrow_mut();
        let now = life.now;
        life.writer.turn(now);
    }

    fn step(&self, step: Step) {
        self.life.borrow().status.renewal.set(step);
        self.turn();
    }
}

impl Position for Broken<'_> {
    fn last_lsn(&self) -> u64 {
        self.life.borrow().stages.last_lsn()
    }

    fn wait_written(&self, _: u64) -> io::Result<()> {
        Err(io::Error::other("the log is broken"))
    }

    fn ask_renewal(&self) -> io::Result<bool> {
        self.step(Step::Asked);
        Ok(true)
    }

    fn end_renewal(&self, start_lsn: Option<u64>) -> io::Result<()> {
        // What came after the snapshot's last look, and must not be lost.
        if start_lsn.is_some() {
            self.life.borrow().set(&[0], 20, &mut self.model.borrow_mut());
            self.turn();
        }
        self.step(start_lsn.map_or(Step::None, Step::Begin));
        self.life.borrow().status.renewal.ended().unwrap_or_else(|| Err(io::Error::other("no answer")))
    }
}

fn snapshot(life: &mut Life, disk: &FaultyDisk, model: &mut Model, late: usize) -> Result<(), SnapshotError> {
    let (store, data_id) = (Arc::clone(&life.store), life.data_id);
    let log = Broken { life: life.into(), model: model.into(), late };
    let libraries = || {
        (0..log.late).for_each(|_| log.life.borrow().set(&[1], 9, &mut log.model.borrow_mut()));
        log.turn();
        Vec::new()
    };
    let taken = taken_with(&store, disk, &log, &libraries, data_id)?;
    tidy(disk, taken.start_lsn)?;
    Ok(())
}

/// A log that has written some, lost a sync, and to which commands that had begun still append.
fn broken(disk: &FaultyDisk, fsync: Fsync, (random, model): (&mut Random, &mut Model)) -> Life {
    let mut life = Life::begin(disk, settings(fsync), model).unwrap();
    (0..20).for_each(|_| life.step(random, model));
    disk.set_hook(Some(Arc::new(|_, deed| match deed {
        Deed::Sync => Verdict::Fail(EIO),
        _ => Verdict::Do,
    })));
    while !life.status.is_broken() {
        life.operate(random, model);
        life.step(random, model);
    }
    disk.set_hook(None);
    for _ in 0..3 {
        life.operate(random, model);
        life.writer.turn(life.now);
        life.operate(random, model);
    }
    life
}

/// The modes in which a sync is not only that of a whole segment.
const MODES: [Fsync; 2] = [Fsync::Always, Fsync::Everysec];

#[test]
fn a_snapshot_makes_a_broken_log_good_again_whenever_power_is_lost() {
    for fsync in MODES {
        let (mut deed, mut done) = (1, false);
        while !done {
            for seed in seeds(3) {
                let (mut random, mut model) = (Random(seed), Model::default());
                let disk = FaultyDisk::default();
                let mut life = broken(&disk, fsync, (&mut random, &mut model));
                lose_power_at(&disk, deed);
                done = snapshot(&mut life, &disk, &mut model, 0).is_ok();
                assert!(!done || !life.status.refuses());
                model.acknowledged = model.acknowledged.max(life.status.durable_lsn());
                (0..20).for_each(|_| life.step(&mut random, &mut model));
                disk.restart(seed);
                let mut life = Life::begin(&disk, settings(fsync), &mut model)
                    .unwrap_or_else(|error| panic!("{fsync:?} {deed} {seed}: {error}"));
                (0..20).for_each(|_| life.step(&mut random, &mut model));
                disk.restart(seed);
                model.check(&recover(&disk).unwrap().1);
            }
            deed += 1;
        }
        assert!(deed > 8, "only {deed} boundaries");
    }
}

#[test]
fn a_log_stays_broken_while_keys_change() {
    let (disk, mut random, mut model) = (FaultyDisk::default(), Random(5), Model::default());
    let mut life = broken(&disk, Fsync::Always, (&mut random, &mut model));
    let result = snapshot(&mut life, &disk, &mut model, 2);
    assert!(matches!(result, Err(SnapshotError::Changed)), "{result:?}");
    assert!(life.status.is_broken());
    snapshot(&mut life, &disk, &mut model, 0).unwrap();
    assert!(!life.status.refuses());
    life.writer.close(life.now).unwrap();
    disk.restart(1);
    model.check_all(&recover(&disk).unwrap().1);
}

fn running(disk: &FaultyDisk) -> (Log, [u8; 16]) {
    let data_id = identity::open(disk, || 5).unwrap().data_id();
    let settings = Settings::new(Fsync::Everysec, 1);
    (Log::start(Arc::new(disk.clone()), settings, data_id, (0, 0)).unwrap(), data_id)
}

fn append(log: &Log) -> u64 {
    log.append(Kind::Library, 5, |out| out.extend_from_slice(b"hello"))
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "it never was so");
        std::thread::yield_now();
    }
}

#[test]
fn a_running_log_begins_anew() {
    let disk = FaultyDisk::default();
    let (log, data_id) = running(&disk);
    disk.set_hook(Some(Arc::new(|_, deed| match deed {
        Deed::Sync => Verdict::Fail(EIO),
        _ => Verdict::Do,
    })));
    append(&log);
    wait_until(|| log.status().is_broken());
    let store = Store::new(None);
    assert!(taken_with(&store, &disk, &log, &Vec::new, data_id).is_err());
    assert!(log.status().is_broken());
    disk.set_hook(None);
    taken_with(&store, &disk, &log, &Vec::new, data_id).unwrap();
    assert!(!log.status().refuses());
    let last = append(&log);
    log.close().unwrap();
    assert_eq!((log.status().durable_lsn(), last), (2, 2));
    disk.restart(7);
    let found = recovery::read(&disk, &data_id, Begin::Anew(2), &mut |_| Ok(())).unwrap();
    assert_eq!((found.last_lsn(), found.records), (2, 1));
}

#[test]
fn a_sync_that_is_about_to_fail_keeps_a_snapshot_from_counting() {
    let disk = FaultyDisk::default();
    let (log, data_id) = running(&disk);
    let gate = Arc::new((Mutex::new(true), Condvar::new()));
    let syncs = Arc::new(AtomicU64::new(0));
    let (shut, count) = (Arc::clone(&gate), Arc::clone(&syncs));
    disk.set_hook(Some(Arc::new(move |_, deed| {
        if *deed != Deed::Sync || count.fetch_add(1, Ordering::SeqCst) > 0 {
            return Verdict::Do;
        }
        // The kernel has told the log's thread that it failed, and nobody else will hear of it.
        drop(shut.1.wait_while(shut.0.lock().unwrap(), |shut| *shut).unwrap());
        Verdict::Fail(EIO)
    })));
    append(&log);
    wait_until(|| syncs.load(Ordering::SeqCst) == 1);
    let store = Store::new(None);
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| taken_with(&store, &disk, &log, &Vec::new, data_id));
        // It has made the log durable, as far as it can see.
        wait_until(|| syncs.load(Ordering::SeqCst) == 2);
        *gate.0.lock().unwrap() = false;
        gate.1.notify_all();
        assert!(taking.join().unwrap().is_err());
    });
    assert!(log.status().is_broken());
}
