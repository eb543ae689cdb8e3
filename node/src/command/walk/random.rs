//! `RANDOMKEY`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::SLOT_COUNT;

use crate::command::{CommandError, Onward, Walk};
use crate::store::entry::EntryRef;
use crate::store::keyspace::Moment;
use crate::store::slot::{Operation, Slot};

/// Places looked at in a slot before all its keys are.
const PICKS: u64 = 16;

/// `RANDOMKEY`: a key of the first slot that has one, from a random slot on. Keys after a gap are likelier, as
/// they are in Redis within its table.
pub(crate) fn randomkey(_: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    Ok(Box::new(RandomKey { moment, found: None }))
}

struct RandomKey {
    moment: Moment,
    found: Option<Vec<u8>>,
}

impl Walk for RandomKey {
    fn start(&self) -> u16 {
        #[expect(clippy::cast_possible_truncation, reason = "below the number of slots")]
        let start = (self.moment.random % SLOT_COUNT as u64) as u16;
        start
    }

    fn wraps(&self) -> bool {
        true
    }

    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward {
        let (database, time) = (self.moment.database, slot.time_at(operation.now));
        if slot.census().count(database).keys == 0 {
            return Onward::Next;
        }
        // A place hangs on the upper bits of its number: each pick has others.
        let places = (0..PICKS)
            .map(|pick| self.moment.random.rotate_left(17) ^ pick.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let picked = places.filter_map(|place| slot.pick(place));
        let living = picked.filter(|entry| entry.database() == database && !entry.is_expired(time));
        let found = living.map(EntryRef::key).next();
        let found = found.or_else(|| slot.living(database, operation.now).map(EntryRef::key).next());
        self.found = found.map(<[u8]>::to_vec);
        Onward::next_if(self.found.is_none())
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        reply.bulk_or_null(self.found.as_deref());
    }
}
