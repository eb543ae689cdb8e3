//! Power is lost at every boundary; what was acknowledged is there, and every state is one that was.

use std::sync::Arc;

use super::support::{Life, Model, Random, recover, seeds, settings};
use crate::log::Fsync;
use crate::log::disk::faulty::{FaultyDisk, Verdict};

const MODES: [Fsync; 3] = [Fsync::Always, Fsync::Everysec, Fsync::No];

fn lose_power_at(disk: &FaultyDisk, deed: u64) {
    let from = disk.deeds();
    disk.set_hook(Some(Arc::new(
        move |number, _| {
            if number - from == deed { Verdict::LosePower } else { Verdict::Do }
        },
    )));
}

/// A life that ends with the power, or after `steps`. Returns whether it ended with the power.
fn live(disk: &FaultyDisk, fsync: Fsync, steps: u64, (random, model): (&mut Random, &mut Model)) -> bool {
    let life = Life::begin(disk, settings(fsync), model);
    if disk.is_powerless() {
        return true;
    }
    let mut life = life.expect("a log that lost power is read");
    for _ in 0..steps {
        life.step(random, model);
        if disk.is_powerless() {
            return true;
        }
    }
    false
}

#[test]
fn several_losses_of_power_lose_nothing_acknowledged() {
    for seed in seeds(300) {
        let (mut random, mut model) = (Random(seed), Model::default());
        let disk = FaultyDisk::default();
        let fsync = MODES[seed as usize % MODES.len()];
        for _ in 0..4 {
            lose_power_at(&disk, 1 + random.below(60));
            live(&disk, fsync, 120, (&mut random, &mut model));
            disk.restart(random.below(u64::MAX));
        }
        let (_, store, _) = recover(&disk).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        model.check(&store);
    }
}

#[test]
fn every_boundary_of_one_life_is_survived() {
    for fsync in MODES {
        let mut deed = 1;
        loop {
            let mut ended = false;
            for seed in seeds(4) {
                let (mut random, mut model) = (Random(7), Model::default());
                let disk = FaultyDisk::default();
                lose_power_at(&disk, deed);
                ended = live(&disk, fsync, 80, (&mut random, &mut model));
                disk.restart(seed);
                let (_, store, _) =
                    recover(&disk).unwrap_or_else(|error| panic!("{fsync:?} {deed} {seed}: {error}"));
                model.check(&store);
            }
            if !ended {
                break;
            }
            deed += 1;
        }
        assert!(deed > 20, "only {deed} boundaries");
    }
}

#[test]
fn what_is_written_survives_the_process() {
    for seed in seeds(60) {
        let (mut random, mut model) = (Random(seed), Model::default());
        let disk = FaultyDisk::default();
        for _ in 0..3 {
            let mut life = Life::begin(&disk, settings(MODES[seed as usize % 3]), &mut model).unwrap();
            (0..random.below(60)).for_each(|_| life.step(&mut random, &mut model));
            model.acknowledged = life.status.written_lsn();
            disk.kill();
        }
        model.check(&recover(&disk).unwrap().1);
    }
}

#[test]
fn a_closed_log_has_everything() {
    for fsync in MODES {
        let disk = FaultyDisk::default();
        let mut model = super::support::written(&disk, settings(fsync), 50);
        disk.restart(5);
        let (found, store, _) = recover(&disk).unwrap();
        assert_eq!(found.tail, None);
        model.check_all(&store);
    }
}
