//! `CLUSTER COUNTKEYSINSLOT` and `CLUSTER GETKEYSINSLOT`: walks that visit one slot. What a node does not tell of, because
//! another does, has no keys here; a proxy asks all of them.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use crate::command::options::integer;
use crate::command::{CommandError, Onward, Walk};
use crate::store::keyspace::Moment;
use crate::store::slot::{Operation, Slot};

/// Keys that are looked at in one visit: less than half a millisecond.
const PART: usize = 2048;

const BAD_SLOT: CommandError = CommandError::text("ERR Invalid slot");
const BAD_SLOT_OR_COUNT: CommandError = CommandError::text("ERR Invalid slot or number of keys");

/// `CLUSTER COUNTKEYSINSLOT slot`.
pub(crate) fn count(args: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    let slot = slot(integer(args, 2)?).ok_or(BAD_SLOT)?;
    Ok(Box::new(Count { slot, database: moment.database, keys: 0 }))
}

/// `CLUSTER GETKEYSINSLOT slot count`.
pub(crate) fn keys(args: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    let (slot, wanted) = (slot(integer(args, 2)?), usize::try_from(integer(args, 3)?));
    let (Some(slot), Ok(wanted)) = (slot, wanted) else { return Err(BAD_SLOT_OR_COUNT) };
    Ok(Box::new(Keys { slot, database: moment.database, wanted, from: 0, found: Vec::new() }))
}

fn slot(number: i64) -> Option<HashSlot> {
    u16::try_from(number).ok().and_then(HashSlot::new)
}

struct Count {
    slot: HashSlot,
    database: u8,
    keys: u64,
}

impl Walk for Count {
    fn start(&self) -> u16 {
        self.slot.number()
    }

    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward {
        if operation.slot == self.slot {
            self.keys = slot.census().count(self.database).keys;
        }
        Onward::End
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        reply.int(i64::try_from(self.keys).unwrap_or(i64::MAX));
    }
}

struct Keys {
    slot: HashSlot,
    database: u8,
    /// Most keys that are told.
    wanted: usize,
    /// Where to go on in a large slot, in the order of hashes; 0 is its begin.
    from: u32,
    found: Vec<Box<[u8]>>,
}

impl Walk for Keys {
    fn start(&self) -> u16 {
        self.slot.number()
    }

    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward {
        if operation.slot != self.slot || self.wanted == 0 {
            return Onward::End;
        }
        let (time, found, database) = (slot.time_at(operation.now), &mut self.found, self.database);
        let next = slot.scan(self.from, PART, |entry| {
            if entry.database() == database && !entry.is_expired(time) {
                found.push(entry.key().into());
            }
        });
        self.from = next.unwrap_or(0);
        if next.is_some() && self.found.len() < self.wanted { Onward::Same } else { Onward::End }
    }

    fn finish(mut self: Box<Self>, reply: &mut Reply<'_>) {
        self.found.truncate(self.wanted);
        reply.array(self.found.len());
        self.found.iter().for_each(|key| reply.bulk(key));
    }
}
