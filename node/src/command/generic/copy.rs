//! `COPY source destination [DB n] [REPLACE]`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::{database, rebuild};
use crate::command::options::is;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

/// `COPY`.
pub(crate) fn copy(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args, keyspace.database())?;
    let [from, to] = [keyspace.keys()[0], keyspace.keys()[1].in_database(options.database)];
    if from.database == to.database && from.bytes == to.bytes {
        return Err(CommandError::SameObject);
    }
    let copies = keyspace.find(from).is_some() && (options.replace || keyspace.find(to).is_none());
    keyspace.notify_miss(from);
    if copies && from.slot == to.slot {
        keyspace.apply(from.slot, &Effect::Copy { from, to });
    } else if copies {
        rebuild::rebuild(keyspace, from, to);
    }
    if copies {
        keyspace.notify(Class::Generic, "copy_to", to);
    }
    reply.int(i64::from(copies));
    Ok(())
}

struct Options {
    database: u8,
    replace: bool,
}

impl Options {
    fn parse(args: Args<'_>, selected: u8) -> Result<Self, CommandError> {
        let (mut options, mut index) = (Self { database: selected, replace: false }, 3);
        while let Some(option) = args.get(index) {
            match option {
                _ if is(option, "REPLACE") => options.replace = true,
                _ if is(option, "DB") && index + 1 < args.len() => {
                    index += 1;
                    options.database = database(args, index)?;
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }
}
