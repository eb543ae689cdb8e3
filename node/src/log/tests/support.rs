//! Lives of a small log: random operations on a few slots, and a model of what may be found after each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::log::disk::Disk;
use crate::log::disk::faulty::FaultyDisk;
use crate::log::operation;
use crate::log::record::{DataId, Framer, Kind};
use crate::log::recovery::{self, Begin, Found, RecoveryError};
use crate::log::replay::replay;
use crate::log::snapshot::Loaded;
use crate::log::stage::Stages;
use crate::log::status::Status;
use crate::log::writer::Writer;
use crate::log::{Fsync, Settings, identity, snapshot};
use crate::store::Store;
use crate::store::effect::Effect;
use crate::store::journal::Section;
use crate::store::key::Key;

/// Keys, each in a slot of its own.
pub(in crate::log) const KEYS: usize = 6;

/// Random numbers.
pub(in crate::log) struct Random(pub(in crate::log) u64);

impl Random {
    pub(in crate::log) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (self.0 >> 33) % end
    }
}

/// How many seeds a test takes: `RINGMASTER_LOG_SEEDS`, or these.
pub(in crate::log) fn seeds(default: u64) -> std::ops::Range<u64> {
    let set = std::env::var("RINGMASTER_LOG_SEEDS").ok().and_then(|text| text.parse().ok());
    0..set.unwrap_or(default)
}

fn name(key: usize) -> [u8; 2] {
    [b'k', b'a' + u8::try_from(key).unwrap()]
}

/// An operation: its lsn and, of each key that it set, the version of the slot after it.
#[derive(Clone)]
struct Done {
    lsn: u64,
    keys: Vec<(usize, u64)>,
}

/// What was done so far, over all lives.
#[derive(Clone, Default)]
pub(in crate::log) struct Model {
    /// The values of each key, the first of version 1.
    values: [Vec<u64>; KEYS],
    done: Vec<Done>,
    counter: u64,
    /// All up to this lsn was acknowledged as durable.
    pub(in crate::log) acknowledged: u64,
}

/// A log that is open.
pub(in crate::log) struct Life {
    pub(in crate::log) stages: Arc<Stages>,
    pub(in crate::log) status: Arc<Status>,
    pub(in crate::log) writer: Writer,
    pub(in crate::log) now: Instant,
    /// What the node has in memory.
    pub(in crate::log) store: Arc<Store>,
    pub(in crate::log) data_id: DataId,
}

/// Settings with small segments.
pub(in crate::log) fn settings(fsync: Fsync) -> Settings {
    Settings { segment_bytes: 2000, ..Settings::new(fsync, 1) }
}

impl Life {
    /// Recovers, checks what is found against `model`, and begins to write.
    pub(in crate::log) fn begin(
        disk: &FaultyDisk,
        settings: Settings,
        model: &mut Model,
    ) -> Result<Self, RecoveryError> {
        let (found, store, data_id) = recover(disk)?;
        model.check(&store);
        recovery::cut(disk, &found)?;
        let start_lsn = snapshot::list(disk)?.last().map_or(0, |(start_lsn, _)| *start_lsn);
        snapshot::tidy(disk, start_lsn)?;
        let last_lsn = found.last_lsn().max(start_lsn.saturating_sub(1));
        let stages = Arc::new(Stages::new(Framer::new(&data_id), 1, last_lsn + 1));
        let status = Arc::new(Status::new(last_lsn, found.good_bytes()));
        let shared = (Arc::clone(&stages), Arc::clone(&status));
        let writer = Writer::new(Arc::new(disk.clone()), settings, data_id, shared)?;
        // All that was found is durable now.
        model.acknowledged = last_lsn;
        Ok(Self { stages, status, writer, now: Instant::now(), store: Arc::new(store), data_id })
    }

    /// One random step.
    pub(in crate::log) fn step(&mut self, random: &mut Random, model: &mut Model) {
        match random.below(4) {
            0 | 1 => self.operate(random, model),
            2 => drop(self.writer.turn(self.now)),
            _ => {
                self.now += Duration::from_millis(random.below(700));
                if let Some(job) = self.writer.sync_due(self.now) {
                    job.run();
                }
            }
        }
        model.acknowledged = model.acknowledged.max(self.status.durable_lsn());
    }

    /// An operation on one to three keys.
    pub(in crate::log) fn operate(&self, random: &mut Random, model: &mut Model) {
        let mut keys: Vec<usize> =
            (0..=random.below(3)).map(|_| random.below(KEYS as u64) as usize).collect();
        let size = if random.below(10) == 0 { 1500 } else { random.below(40) };
        keys.sort_unstable_by_key(|key| Key::new(&name(*key), 0).slot);
        keys.dedup();
        self.set(&keys, usize::try_from(size).unwrap(), model);
    }

    /// Sets `keys`, which are in the order of their slots, to a new number with so many bytes behind it.
    pub(in crate::log) fn set(&self, keys: &[usize], padding: usize, model: &mut Model) {
        model.counter += 1;
        let mut value = model.counter.to_le_bytes().to_vec();
        value.resize(8 + padding, b'.');
        let mut body = Vec::new();
        operation::begin(&mut body, keys.len());
        let mut done = Vec::new();
        for &key in keys {
            model.values[key].push(model.counter);
            let n = model.values[key].len() as u64;
            section(key, n, &value, &mut body);
            done.push((key, n));
            let name = name(key);
            let key = Key::new(&name, 0);
            self.store.apply(key.slot, 1, &Effect::SetString { key, value: &value, deadline: None });
        }
        let lsn = self.stages.append_in_parts(Kind::Operation, |out| out.extend_from_slice(&body), 1000);
        model.done.push(Done { lsn, keys: done });
    }

    /// Writes an operation that gives the slot of `key` the version `n`, whatever it has.
    pub(in crate::log) fn skip(&self, key: usize, n: u64) {
        let mut body = Vec::new();
        operation::begin(&mut body, 1);
        section(key, n, b"value", &mut body);
        self.stages.append(Kind::Operation, body.len(), |out| out.extend_from_slice(&body));
    }
}

fn section(key: usize, n: u64, value: &[u8], body: &mut Vec<u8>) {
    let name = name(key);
    let key = Key::new(&name, 0);
    let mut section = Section::default();
    (section.version.n, section.time) = (n, 1);
    section.push(&Effect::SetString { key, value, deadline: None });
    operation::put(body, key.slot, &section);
}

/// Reads the snapshot and the log of `disk` into a new store.
pub(in crate::log) fn recover(disk: &FaultyDisk) -> Result<(Found, Store, [u8; 16]), RecoveryError> {
    let mut drawn = 0;
    let identity = identity::open(disk, || {
        drawn += 1;
        drawn
    })?;
    let store = Store::new(None);
    let loaded = snapshot::load(disk, &identity.data_id(), &store, 2, &mut |_, _| {})?;
    let begin = loaded.as_ref().map_or(Begin::At(1), Loaded::log);
    let read = replay(&store, 2, |replayer| {
        recovery::read(disk, &identity.data_id(), begin, &mut |record| replayer.operation(record))
    });
    let found = read.expect("records that were read can be applied")?;
    loaded.map_or(Ok(()), |loaded| loaded.check(&found))?;
    Ok((found, store, identity.data_id()))
}

impl Model {
    /// Whether `store` is a state that may be found; what it lacks is forgotten then.
    pub(in crate::log) fn check(&mut self, store: &Store) {
        let mut versions = [0; KEYS];
        for (key, version) in versions.iter_mut().enumerate() {
            let (n, value) = look(store, key);
            let values = &self.values[key];
            assert!(n as usize <= values.len(), "key {key} has the version {n} of {}", values.len());
            let expected = (n > 0).then(|| values[n as usize - 1]);
            assert_eq!(value, expected, "key {key} at version {n} of {}", values.len());
            *version = n;
        }
        for done in &self.done {
            let applied = done.keys.iter().filter(|(key, n)| *n <= versions[*key]).count();
            assert!(applied == 0 || applied == done.keys.len(), "operation {} is there in part", done.lsn);
            assert!(applied > 0 || done.lsn > self.acknowledged, "operation {} was acknowledged", done.lsn);
        }
        self.done.retain(|done| done.keys.iter().all(|(key, n)| *n <= versions[*key]));
        (0..KEYS).for_each(|key| self.values[key].truncate(versions[key] as usize));
    }

    /// Whether `store` has everything.
    pub(in crate::log) fn check_all(&mut self, store: &Store) {
        self.acknowledged = u64::MAX;
        self.check(store);
    }
}

/// Version of the key's slot, and the number that it holds.
fn look(store: &Store, key: usize) -> (u64, Option<u64>) {
    let name = name(key);
    let key = Key::new(&name, 0);
    store.look(key.slot, |slot| {
        let value = slot.find(key, 1).and_then(|entry| entry.as_string().map(<[u8]>::to_vec));
        let number = value.map(|value| u64::from_le_bytes(value[..8].try_into().unwrap()));
        (slot.version.n, number)
    })
}

/// A log of `count` operations, closed in order.
pub(in crate::log) fn written(disk: &FaultyDisk, settings: Settings, count: u64) -> Model {
    let (mut model, mut random) = (Model::default(), Random(count));
    let mut life = Life::begin(disk, settings, &mut model).unwrap();
    for _ in 0..count {
        life.operate(&mut random, &mut model);
        life.writer.turn(life.now);
    }
    life.writer.close(life.now).unwrap();
    model
}

/// The segments of `disk`.
pub(in crate::log) fn segments(disk: &FaultyDisk) -> Vec<String> {
    let mut names = disk.list().unwrap();
    names.retain(|name| name.starts_with("wal-"));
    names.sort_unstable();
    names
}
