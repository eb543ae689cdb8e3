//! Power is lost at every boundary of a snapshot and of the removal of what it replaces.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use super::support::taken_with;
use crate::log::Fsync;
use crate::log::disk::faulty::{FaultyDisk, Verdict};
use crate::log::snapshot::{Position, list, tidy};
use crate::log::tests::support::{Life, Model, Random, recover, seeds, settings};

const MODES: [Fsync; 3] = [Fsync::Always, Fsync::Everysec, Fsync::No];

/// A log whose writer takes its turns when it is waited for, and to which more is appended while the snapshot is taken.
struct Turning<'l> {
    life: RefCell<&'l mut Life>,
    random: RefCell<&'l mut Random>,
    model: RefCell<&'l mut Model>,
}

impl Turning<'_> {
    fn operate(&self) {
        let mut random = self.random.borrow_mut();
        for _ in 0..random.below(4) {
            self.life.borrow().operate(&mut random, &mut self.model.borrow_mut());
        }
    }
}

impl Position for Turning<'_> {
    fn last_lsn(&self) -> u64 {
        self.life.borrow().stages.last_lsn()
    }

    fn wait_written(&self, lsn: u64) -> io::Result<()> {
        self.operate();
        let mut life = self.life.borrow_mut();
        let now = life.now;
        loop {
            if life.status.refuses() {
                return Err(io::Error::other("the log is not written"));
            }
            if life.status.written_lsn() >= lsn {
                return Ok(());
            }
            life.writer.turn(now);
        }
    }

    fn settle(&self) -> io::Result<()> {
        self.wait_written(0)
    }
}

/// Takes a snapshot during which more happens, and removes what it replaces. Returns whether it was done.
fn snapshot(life: &mut Life, disk: &FaultyDisk, random: &mut Random, model: &mut Model) -> bool {
    let (store, data_id) = (Arc::clone(&life.store), life.data_id);
    let log = Turning { life: life.into(), random: random.into(), model: model.into() };
    let libraries = || {
        log.operate();
        Vec::new()
    };
    let taken = taken_with(&store, disk, &log, &libraries, data_id);
    let done = taken.is_ok_and(|taken| tidy(disk, taken.start_lsn).is_ok());
    let durable = life.status.durable_lsn();
    model.acknowledged = model.acknowledged.max(durable);
    done
}

/// Has the power lost at the deed with this number from now on, from 1.
pub(super) fn lose_power_at(disk: &FaultyDisk, deed: u64) {
    let from = disk.deeds();
    disk.set_hook(Some(Arc::new(
        move |number, _| {
            if number - from == deed { Verdict::LosePower } else { Verdict::Do }
        },
    )));
}

/// A life that ends with the power, or after `steps`, a snapshot after each some. Returns the snapshots.
fn live(disk: &FaultyDisk, fsync: Fsync, steps: u64, (random, model): (&mut Random, &mut Model)) -> u64 {
    let life = Life::begin(disk, settings(fsync), model);
    if disk.is_powerless() {
        return 0;
    }
    let mut life = life.expect("a directory that lost power is read");
    let mut snapshots = 0;
    for _ in 0..steps {
        if random.below(12) == 0 {
            snapshots += u64::from(snapshot(&mut life, disk, random, model));
        } else {
            life.step(random, model);
        }
        if disk.is_powerless() {
            break;
        }
    }
    snapshots
}

#[test]
fn several_losses_of_power_lose_nothing_acknowledged() {
    let mut snapshots = 0;
    for seed in seeds(150) {
        let (mut random, mut model) = (Random(seed), Model::default());
        let disk = FaultyDisk::default();
        let fsync = MODES[seed as usize % MODES.len()];
        for _ in 0..4 {
            lose_power_at(&disk, 1 + random.below(120));
            snapshots += live(&disk, fsync, 60, (&mut random, &mut model));
            disk.restart(random.below(u64::MAX));
        }
        let (_, store, _) = recover(&disk).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        model.check(&store);
    }
    assert!(snapshots > 100, "{snapshots} snapshots");
}

#[test]
fn every_boundary_of_a_snapshot_is_survived() {
    for fsync in MODES {
        let (mut deed, mut snapshots) = (1, 0);
        while snapshots < 2 {
            for seed in seeds(2) {
                let (mut random, mut model) = (Random(11), Model::default());
                let disk = FaultyDisk::default();
                lose_power_at(&disk, deed);
                snapshots = live(&disk, fsync, 30, (&mut random, &mut model));
                disk.restart(seed);
                let (_, store, _) =
                    recover(&disk).unwrap_or_else(|error| panic!("{fsync:?} {deed} {seed}: {error}"));
                model.check(&store);
            }
            deed += 1;
        }
        assert!(deed > 15, "only {deed} boundaries");
    }
}

#[test]
fn old_segments_and_snapshots_go() {
    let disk = FaultyDisk::default();
    let (mut random, mut model) = (Random(3), Model::default());
    let mut life = Life::begin(&disk, settings(Fsync::Everysec), &mut model).unwrap();
    for _ in 0..3 {
        (0..200).for_each(|_| life.step(&mut random, &mut model));
        assert!(snapshot(&mut life, &disk, &mut random, &mut model));
        assert_eq!(list(&disk).unwrap().len(), 1);
    }
    life.writer.close(life.now).unwrap();
    assert!(crate::log::tests::support::segments(&disk).len() < 10);
    disk.restart(0);
    model.check_all(&recover(&disk).unwrap().1);
}
