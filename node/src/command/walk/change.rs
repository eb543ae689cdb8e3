//! `FLUSHDB`, `FLUSHALL`, `SWAPDB`: one effect for each slot.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::SLOT_COUNT;

use crate::command::options::{integer, is};
use crate::command::{CommandError, Walk};
use crate::store::census::DATABASES;
use crate::store::effect::Effect;
use crate::store::keyspace::Moment;
use crate::store::slot::{Operation, Slot};

/// `FLUSHDB [ASYNC|SYNC]`.
pub(crate) fn flushdb(args: Args<'_>, moment: Moment) -> Result<Box<dyn Walk>, CommandError> {
    check_mode(args)?;
    Ok(Box::new(Change(Effect::Clear { database: Some(moment.database) })))
}

/// `FLUSHALL [ASYNC|SYNC]`.
pub(crate) fn flushall(args: Args<'_>, _: Moment) -> Result<Box<dyn Walk>, CommandError> {
    check_mode(args)?;
    Ok(Box::new(Change(Effect::Clear { database: None })))
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
    Ok(Box::new(Change(Effect::SwapDatabases { first: database(first)?, second: database(second)? })))
}

fn number(args: Args<'_>, index: usize, invalid: CommandError) -> Result<i32, CommandError> {
    integer(args, index).ok().and_then(|number| i32::try_from(number).ok()).ok_or(invalid)
}

struct Change(Effect<'static>);

impl Walk for Change {
    fn visit(&mut self, slot: &mut Slot, operation: &mut Operation<'_>) -> bool {
        if matches!(self.0, Effect::SwapDatabases { first, second } if first == second) {
            return false;
        }
        slot.apply(operation, &self.0);
        if let (Effect::Clear { .. }, Some(events)) = (self.0, operation.events) {
            slot.forget_all_tracked(events.tracking());
            if operation.slot.index() + 1 == SLOT_COUNT {
                // What clients keep of the slots before may be of this moment: they are told when all are empty.
                events.tracking().flush();
            }
        }
        true
    }

    fn finish(self: Box<Self>, reply: &mut Reply<'_>) {
        reply.ok();
    }
}
