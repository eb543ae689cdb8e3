//! `KEYS pattern`.

use ringmaster_protocol::glob::{Case, matches};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::{CommandError, Walk};
use crate::store::entry::EntryRef;
use crate::store::keyspace::Moment;
use crate::store::slot::{Operation, Slot};

/// `KEYS`.
pub(crate) fn keys(args: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    let walk = Keys { database: moment.database, pattern: args[1].to_vec(), found: Vec::new() };
    Ok(Box::new(walk))
}

struct Keys {
    database: u8,
    pattern: Vec<u8>,
    found: Vec<Box<[u8]>>,
}

impl Walk for Keys {
    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> bool {
        let all = self.pattern == b"*";
        let living = slot.living(self.database, operation.now).map(EntryRef::key);
        let fitting = living.filter(|key| all || matches(&self.pattern, key, Case::Sensitive));
        self.found.extend(fitting.map(Box::from));
        true
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        reply.array(self.found.len());
        self.found.iter().for_each(|key| reply.bulk(key));
    }
}
