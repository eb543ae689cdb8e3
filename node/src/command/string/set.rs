//! `SET key value [NX|XX|IFEQ value|IFNE value|IFDEQ digest|IFDNE digest] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]`.
//! The comparisons are Redis 8.4's.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::condition::Condition;
use crate::command::options::is;
use crate::command::unit::Unit;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

const INVALID_EXPIRE: CommandError = CommandError::text("ERR invalid expire time in 'set' command");

/// What becomes of the deadline.
#[derive(Clone, Copy)]
enum Expiry<'a> {
    Never,
    Keep,
    In(Unit, &'a [u8]),
}

struct Options<'a> {
    condition: Option<Condition<'a>>,
    expiry: Expiry<'a>,
    get: bool,
}

/// `SET`: the plain form takes the short way.
pub(crate) fn set(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    if args.len() == 3 {
        keyspace.apply(key.slot, &Effect::SetString { key, value: &args[2], deadline: None });
        keyspace.notify(Class::String, "set", key);
        reply.ok();
        return Ok(());
    }
    let options = Options::parse(args)?;
    let deadline = match options.expiry {
        Expiry::Never => None,
        Expiry::Keep => keyspace.find(key).and_then(EntryRef::deadline),
        Expiry::In(unit, amount) => Some(unit.deadline(amount, keyspace.now(), &INVALID_EXPIRE)?),
    };
    let fits = options.condition.map_or(Ok(true), |condition| condition.holds(keyspace, key))?;
    if options.get {
        reply.bulk_or_null(keyspace.string(key)?);
        keyspace.notify_miss(key);
    }
    if !fits {
        if !options.get {
            reply.null();
        }
        return Ok(());
    }
    let expires = matches!(options.expiry, Expiry::In(..));
    super::set_or_remove(keyspace, key, &args[2], deadline, expires);
    if !options.get {
        reply.ok();
    }
    Ok(())
}

impl<'a> Options<'a> {
    /// An option may be repeated; the last one counts.
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self { condition: None, expiry: Expiry::Never, get: false };
        let mut index = 3;
        while let Some(option) = args.get(index) {
            match option {
                _ if is(option, "NX") && matches!(options.condition, None | Some(Condition::Absent)) => {
                    options.condition = Some(Condition::Absent);
                }
                _ if is(option, "XX") && matches!(options.condition, None | Some(Condition::Present)) => {
                    options.condition = Some(Condition::Present);
                }
                _ if is(option, "GET") => options.get = true,
                _ if is(option, "KEEPTTL") && !matches!(options.expiry, Expiry::In(..)) => {
                    options.expiry = Expiry::Keep;
                }
                _ => {
                    index += 1;
                    let argument = args.get(index);
                    match Condition::comparison(option, argument)? {
                        Some(_) if options.condition.is_some() => return Err(CommandError::Syntax),
                        Some(comparison) => options.condition = Some(comparison),
                        None => options.expiry = options.expire_in(option, argument)?,
                    }
                }
            }
            index += 1;
        }
        Ok(options)
    }

    /// `EX 10` and its kin, which go together with none but themselves.
    fn expire_in(&self, option: &[u8], amount: Option<&'a [u8]>) -> Result<Expiry<'a>, CommandError> {
        let unit = Unit::of_option(option).ok_or(CommandError::Syntax)?;
        let free = match self.expiry {
            Expiry::Never => true,
            Expiry::Keep => false,
            Expiry::In(before, _) => before == unit,
        };
        amount.filter(|_| free).map(|amount| Expiry::In(unit, amount)).ok_or(CommandError::Syntax)
    }
}
