//! `DBSIZE`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::HashSlot;

use crate::command::{CommandError, Onward, Overtaken, Walk};
use crate::store::keyspace::Moment;
use crate::store::slot::{Operation, Slot};

/// `DBSIZE`: the expired that are not freed yet are counted, as in Redis.
pub(crate) fn dbsize(_: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    Ok(Box::new(Size { database: moment.database, keys: 0 }))
}

struct Size {
    database: u8,
    keys: u64,
}

impl Walk for Size {
    fn visit(&mut self, slot: &mut Slot, _: &mut Operation<'_>) -> Onward {
        self.keys += slot.census().count(self.database).keys;
        Onward::Next
    }

    fn overtaken(&mut self, _: HashSlot) -> Overtaken {
        Overtaken::Fails
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        reply.int(i64::try_from(self.keys).unwrap_or(i64::MAX));
    }
}
