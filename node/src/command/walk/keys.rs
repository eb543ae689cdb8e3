//! `KEYS pattern`.

use ringmaster_protocol::glob::{Case, matches};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use crate::command::{CommandError, Onward, Overtaken, Walk};
use crate::store::entry::EntryRef;
use crate::store::keyspace::Moment;
use crate::store::slot::{Operation, Slot};

/// `KEYS`.
pub(crate) fn keys(args: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    let walk = Keys { database: moment.database, pattern: args[1].to_vec(), from: 0, found: Vec::new() };
    Ok(Box::new(walk))
}

/// Keys of a slot that are looked at in one visit: less than half a millisecond.
const PART: usize = 2048;

struct Keys {
    database: u8,
    pattern: Vec<u8>,
    /// Where to go on in a large slot, in the order of hashes; 0 is its begin.
    from: u32,
    found: Vec<Box<[u8]>>,
}

impl Walk for Keys {
    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward {
        let fits = |key: &[u8]| self.pattern == b"*" || matches(&self.pattern, key, Case::Sensitive);
        if self.from == 0 && slot.len() <= PART {
            let living = slot.living(self.database, operation.now).map(EntryRef::key);
            self.found.extend(living.filter(|key| fits(key)).map(Box::from));
            return Onward::Next;
        }
        let (time, found) = (slot.time_at(operation.now), &mut self.found);
        let next = slot.scan(self.from, PART, |entry| {
            if entry.database() == self.database && !entry.is_expired(time) && fits(entry.key()) {
                found.push(entry.key().into());
            }
        });
        self.from = next.unwrap_or(0);
        if next.is_some() { Onward::Same } else { Onward::Next }
    }

    fn overtaken(&mut self, _: HashSlot) -> Overtaken {
        Overtaken::Fails
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        reply.array(self.found.len());
        self.found.iter().for_each(|key| reply.bulk(key));
    }
}
