//! `SET key value [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::is;
use crate::command::unit::Unit;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::keyspace::Keyspace;

const INVALID_EXPIRE: CommandError = CommandError::text("ERR invalid expire time in 'set' command");

/// When the key is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Absent,
    Present,
}

/// What becomes of the deadline.
#[derive(Clone, Copy)]
enum Expiry<'a> {
    Never,
    Keep,
    In(Unit, &'a [u8]),
}

struct Options<'a> {
    condition: Option<Condition>,
    expiry: Expiry<'a>,
    get: bool,
}

/// `SET`: the plain form takes the short way.
pub(crate) fn set(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = keyspace.key();
    if args.len() == 3 {
        keyspace.apply(key.slot, &Effect::SetString { key, value: &args[2], deadline: None });
        reply.ok();
        return Ok(());
    }
    let options = Options::parse(args)?;
    let deadline = match options.expiry {
        Expiry::Never => None,
        Expiry::Keep => keyspace.find(key).and_then(EntryRef::deadline),
        Expiry::In(unit, amount) => Some(unit.deadline(amount, keyspace.now(), &INVALID_EXPIRE)?),
    };
    let present = keyspace.find(key).is_some();
    if options.get {
        reply.bulk_or_null(keyspace.string(key)?);
    }
    if options.condition.is_some_and(|condition| (condition == Condition::Present) != present) {
        if !options.get {
            reply.null();
        }
        return Ok(());
    }
    super::set_or_remove(keyspace, key, &args[2], deadline);
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
                _ if is(option, "NX") && options.condition != Some(Condition::Present) => {
                    options.condition = Some(Condition::Absent);
                }
                _ if is(option, "XX") && options.condition != Some(Condition::Absent) => {
                    options.condition = Some(Condition::Present);
                }
                _ if is(option, "GET") => options.get = true,
                _ if is(option, "KEEPTTL") && !matches!(options.expiry, Expiry::In(..)) => {
                    options.expiry = Expiry::Keep;
                }
                _ => {
                    index += 1;
                    options.expiry = options.expire_in(option, args.get(index))?;
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
