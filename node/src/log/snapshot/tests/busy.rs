//! Threads change a few slots, some of them large, while snapshots are taken: each snapshot with what was told after it
//! is what the store holds at the end.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::Version;

use super::support::{content, loaded, taken};
use crate::log::disk::faulty::FaultyDisk;
use crate::log::snapshot::Position;
use crate::log::tests::support::{Random, seeds};
use crate::store::effect::Effect;
use crate::store::effect::encoding::framed;
use crate::store::key::Key;
use crate::store::value::list::End;
use crate::store::{Restored, Store};

const THREADS: u64 = 3;
const SNAPSHOTS: usize = 4;
const KEYS_PER_SLOT: u64 = 4000;
const TAGS: [&str; 3] = ["a", "b", "c"];

/// An operation of one effect.
struct Told {
    slot: HashSlot,
    version: Version,
    time: u64,
    effect: Vec<u8>,
}

/// The store, and a log that is never lost.
struct Scene {
    store: Store,
    log: Mutex<Vec<Told>>,
    clock: AtomicU64,
    stop: AtomicBool,
}

impl Position for Scene {
    fn last_lsn(&self) -> u64 {
        self.log.lock().unwrap().len() as u64
    }

    fn wait_written(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Scene {
    fn apply(&self, slot: HashSlot, effect: &Effect<'_>) {
        let time = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut guard = self.store.lock(slot);
        let mut operation = self.store.operation(slot, time);
        if guard.apply(&mut operation, effect).changed {
            let mut bytes = Vec::new();
            framed::put(&mut bytes, effect);
            let told = Told { slot, version: guard.version, time: guard.time_at(time), effect: bytes };
            self.log.lock().unwrap().push(told);
        }
    }

    fn step(&self, random: &mut Random) {
        let tag = TAGS[random.below(3) as usize];
        let mut name = || format!("{{{tag}}}{}", random.below(KEYS_PER_SLOT));
        let (first, second) = (name(), name());
        let [key, other] = [&first, &second].map(|name| Key::new(name.as_bytes(), 0));
        let (value, other_database) = (random.below(1 << 40).to_string(), key.in_database(1));
        let value = value.as_bytes();
        let deadline = Some(self.clock.load(Ordering::Relaxed) + random.below(2000));
        let effect = match random.below(60) {
            0 if random.below(100) == 0 => Effect::Clear { database: None },
            0 if random.below(100) == 0 => Effect::Clear { database: Some(1) },
            0 if random.below(50) == 0 => Effect::SwapDatabases { first: 0, second: 1 },
            0..8 => Effect::Remove { key },
            8..14 => Effect::Rename { from: key, to: other },
            14..20 => Effect::Copy { from: key, to: other },
            20..24 => Effect::Copy { from: key, to: other_database },
            24..28 => Effect::SetDeadline { key, deadline },
            28..32 => Effect::AddMembers { key, members: &[value] },
            32..36 => Effect::SetFields { key, fields: &[(value, b"v")] },
            36..40 => Effect::PushList { key, end: End::Back, values: &[value] },
            40..44 => Effect::SetScores { key, scores: &[(1.5, value)] },
            44..46 => Effect::SetString { key, value, deadline },
            _ => Effect::SetString { key, value, deadline: None },
        };
        self.apply(key.slot, &effect);
    }

    fn fill(&self) {
        for tag in TAGS {
            for n in 0..KEYS_PER_SLOT {
                let name = format!("{{{tag}}}{n}");
                let key = Key::new(name.as_bytes(), 0);
                self.apply(key.slot, &Effect::SetString { key, value: b"filled", deadline: None });
            }
        }
    }

    /// The snapshot of `disk`, and what the log tells after it.
    fn recovered(&self, disk: &FaultyDisk) -> Store {
        let (store, loaded) = loaded(disk).unwrap();
        let loaded = loaded.unwrap();
        let log = self.log.lock().unwrap();
        assert!(loaded.start_lsn - 1 <= loaded.end_lsn && loaded.end_lsn <= log.len() as u64);
        for told in &log[loaded.start_lsn as usize - 1..] {
            let decoded = framed::take(&mut &told.effect[..], told.slot).unwrap();
            let effects = std::iter::once(decoded.effect());
            let restored = store.restore(told.slot, (told.version, told.time), effects);
            assert!(!matches!(restored, Restored::Gap { .. }), "{restored:?}");
        }
        store
    }
}

fn run(seed: u64) {
    let scene = Scene {
        store: Store::new(None),
        log: Mutex::default(),
        clock: AtomicU64::new(1000),
        stop: AtomicBool::new(false),
    };
    scene.fill();
    let disks: Vec<FaultyDisk> = thread::scope(|scope| {
        for thread in 0..THREADS {
            let (scene, mut random) = (&scene, Random(seed * THREADS + thread));
            scope.spawn(move || {
                while !scene.stop.load(Ordering::Relaxed) {
                    scene.step(&mut random);
                }
            });
        }
        let snapshot = |_| {
            let disk = FaultyDisk::default();
            taken(&scene.store, &disk, &scene, &Vec::new).unwrap();
            disk
        };
        let disks = (0..SNAPSHOTS).map(snapshot).collect();
        scene.stop.store(true, Ordering::Relaxed);
        disks
    });
    let now = scene.clock.load(Ordering::Relaxed);
    let expected = content(&scene.store, now);
    for (index, disk) in disks.iter().enumerate() {
        let recovered = content(&scene.recovered(disk), now);
        assert_eq!(recovered.versions, expected.versions, "seed {seed}, snapshot {index}");
        assert!(recovered.keys == expected.keys, "seed {seed}, snapshot {index}: keys differ");
    }
}

#[test]
fn a_snapshot_and_what_was_told_after_it_are_the_store() {
    seeds(8).for_each(run);
}
