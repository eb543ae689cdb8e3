//! A journal that keeps what it hears, as the bytes that the log would keep.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ringmaster_node::engine::Engine;
use ringmaster_node::store::effect::Effect;
use ringmaster_node::store::effect::encoding::decode;
use ringmaster_node::store::journal::{Journal, Section};
use ringmaster_protocol::slot::HashSlot;

/// One effect.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) slot: HashSlot,
    pub(crate) version: u64,
    pub(crate) time: u64,
    pub(crate) body: Vec<u8>,
}

/// What was recorded, in order; one for the journal and one for the test.
#[derive(Clone, Default)]
pub(crate) struct Tape(Arc<Mutex<Vec<Record>>>);

impl Journal for Tape {
    fn commit(&self, parts: &[(HashSlot, &Section)]) {
        let mut tape = self.0.lock().unwrap();
        for (slot, section) in parts {
            let (version, time) = (section.version.n, section.time);
            tape.extend(section.effects().map(|body| Record {
                slot: *slot,
                version,
                time,
                body: body.to_vec(),
            }));
        }
    }
}

impl Tape {
    /// Takes what was recorded since the last time.
    pub(crate) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Carries the records out, those of one version of a slot as one operation.
pub(crate) fn replay(records: &[Record], engine: &Engine) {
    let mut operations: BTreeMap<(HashSlot, u64), Vec<&Record>> = BTreeMap::new();
    for record in records {
        operations.entry((record.slot, record.version)).or_default().push(record);
    }
    for ((slot, _), records) in operations {
        let decoded: Vec<_> =
            records.iter().map(|record| decode(&record.body, slot).expect("what was encoded")).collect();
        let effects: Vec<Effect<'_>> = decoded.iter().map(|decoded| decoded.effect()).collect();
        engine.replay(slot, records[0].time, &effects);
    }
}
