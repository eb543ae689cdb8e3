//! `FLUSHDB`, `FLUSHALL`, `SWAPDB`: one effect for each slot.
//!
//! A flush goes slot by slot, with an operation for each: a crash on the way leaves what it had not come to, and it can
//! be done again. A swap is one operation.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::SLOT_COUNT;

use crate::command::options::{integer, is};
use crate::command::{CommandError, Onward, Walk};
use crate::store::census::DATABASES;
use crate::store::effect::Effect;
use crate::store::key::Key;
use crate::store::keyspace::Moment;
use crate::store::slot::{Operation, Slot};

/// `FLUSHDB [ASYNC|SYNC]`.
pub(crate) fn flushdb(args: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    check_mode(args)?;
    Ok(Change::boxed(Effect::Clear { database: Some(moment.database) }))
}

/// `FLUSHALL [ASYNC|SYNC]`.
pub(crate) fn flushall(args: Args<'_>, _: Moment) -> Result<Box<dyn Walk>, CommandError> {
    check_mode(args)?;
    Ok(Change::boxed(Effect::Clear { database: None }))
}

/// Both modes do the same: slot by slot, with other commands in between, answered when all are empty.
fn check_mode(args: Args<'_>) -> Result<(), CommandError> {
    match args.get(1) {
        None => Ok(()),
        Some(mode) if args.len() == 2 && (is(mode, "ASYNC") || is(mode, "SYNC")) => Ok(()),
        Some(_) => Err(CommandError::Syntax),
    }
}

/// `SWAPDB index1 index2`.
pub(crate) fn swapdb(args: Args<'_>, _: Moment) -> Result<Box<dyn Walk>, CommandError> {
    let first = number(args, 1, CommandError::text("ERR invalid first DB index"))?;
    let second = number(args, 2, CommandError::text("ERR invalid second DB index"))?;
    let database = |number| {
        let database = u8::try_from(number).ok().filter(|database| *database < DATABASES);
        database.ok_or(CommandError::text("ERR DB index is out of range"))
    };
    Ok(Change::boxed(Effect::SwapDatabases { first: database(first)?, second: database(second)? }))
}

fn number(args: Args<'_>, index: usize, invalid: CommandError) -> Result<i32, CommandError> {
    integer(args, index).ok().and_then(|number| i32::try_from(number).ok()).ok_or(invalid)
}

/// Keys of a database that are removed in one visit of a slot which has keys of others: about 0.2 ms.
const PART: usize = 512;

struct Change {
    effect: Effect<'static>,
    /// Where to go on in a large slot, in the order of hashes; 0 is its begin.
    from: u32,
}

impl Change {
    fn boxed(effect: Effect<'static>) -> Box<dyn Walk> {
        Box::new(Self { effect, from: 0 })
    }

    /// Removes some keys of `database`, if it shares the slot with others and has many; returns whether there are more.
    fn clear_part(&mut self, database: u8, slot: &mut Slot, operation: &mut Operation<'_>) -> bool {
        let keys = usize::try_from(slot.census().count(database).keys).unwrap_or(usize::MAX);
        if keys == 0 || self.from == 0 && (keys == slot.len() || slot.len() <= PART) {
            self.from = 0;
            return false;
        }
        let mut part = Vec::new();
        let next = slot.scan(self.from, PART, |entry| {
            if entry.database() == database {
                part.push(entry.key().to_vec());
            }
        });
        for key in &part {
            slot.apply(operation, &Effect::Remove { key: Key::new(key, database) });
        }
        self.from = next.unwrap_or(0);
        next.is_some()
    }
}

impl Walk for Change {
    /// Half a swap is worse than none, and none can be done again when half of it is.
    fn is_one(&self) -> bool {
        matches!(self.effect, Effect::SwapDatabases { .. })
    }

    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> Onward {
        if matches!(self.effect, Effect::SwapDatabases { first, second } if first == second) {
            return Onward::End;
        }
        if let Effect::Clear { database: Some(database) } = self.effect
            && self.clear_part(database, slot, operation)
        {
            return Onward::Same;
        }
        slot.apply(operation, &self.effect);
        if let (Effect::Clear { .. }, Some(events)) = (&self.effect, operation.events) {
            slot.forget_all_tracked(events.tracking());
            if operation.slot.index() + 1 == SLOT_COUNT {
                // What clients keep of the slots before may be of this moment: they are told when all are empty.
                events.tracking().flush();
            }
        }
        Onward::Next
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        reply.ok();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ringmaster_protocol::slot::HashSlot;

    use crate::engine::Engine;
    use crate::engine::testing::reply_at;
    use crate::store::Store;
    use crate::store::journal::{Journal, Section};

    /// Notes how many slots each operation changes.
    #[derive(Clone, Default)]
    struct Sizes(Arc<Mutex<Vec<usize>>>);

    impl Journal for Sizes {
        fn commit(&self, parts: &[(HashSlot, &Section)]) {
            self.0.lock().unwrap().push(parts.len());
        }
    }

    #[test]
    fn a_swap_is_one_operation_over_all_slots_that_have_keys() {
        let sizes = Sizes::default();
        let engine = Engine::new(Store::new(Some(Box::new(sizes.clone()))));
        for key in ["a", "b", "c"] {
            reply_at(&engine, 1, &format!("SET {key} v"));
        }
        assert_eq!(reply_at(&engine, 1, "SWAPDB 0 1"), r"+OK\r\n");
        assert_eq!(reply_at(&engine, 1, "GET a"), r"$-1\r\n");
        assert_eq!(*sizes.0.lock().unwrap(), [1, 1, 1, 3]);
    }
}
