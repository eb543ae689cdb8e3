//! `SET key value [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::is;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
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
enum Expiry {
    Never,
    Keep,
    At(u64),
}

struct Options {
    condition: Option<Condition>,
    expiry: Option<Expiry>,
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
    let options = Options::parse(args, keyspace.now())?;
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
    let deadline = match options.expiry.unwrap_or(Expiry::Never) {
        Expiry::Never => None,
        Expiry::Keep => keyspace.find(key).and_then(crate::store::entry::EntryRef::deadline),
        Expiry::At(deadline) => Some(deadline),
    };
    match deadline {
        Some(deadline) if deadline <= keyspace.now() => {
            keyspace.apply(key.slot, &Effect::Remove { key });
        }
        _ => {
            keyspace.apply(key.slot, &Effect::SetString { key, value: &args[2], deadline });
        }
    }
    if !options.get {
        reply.ok();
    }
    Ok(())
}

impl Options {
    fn parse(args: Args<'_>, now: u64) -> Result<Self, CommandError> {
        let mut options = Self { condition: None, expiry: None, get: false };
        let mut index = 3;
        while let Some(option) = args.get(index) {
            let free = options.expiry.is_none();
            match option {
                _ if is(option, "NX") && options.condition != Some(Condition::Present) => {
                    options.condition = Some(Condition::Absent);
                }
                _ if is(option, "XX") && options.condition != Some(Condition::Absent) => {
                    options.condition = Some(Condition::Present);
                }
                _ if is(option, "GET") => options.get = true,
                _ if is(option, "KEEPTTL") && free => options.expiry = Some(Expiry::Keep),
                _ if free && args.get(index + 1).is_some() => {
                    index += 1;
                    options.expiry = Some(Expiry::At(deadline(option, &args[index], now)?));
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }
}

/// The deadline in Unix milliseconds of `EX 10` and its kin.
fn deadline(unit: &[u8], amount: &[u8], now: u64) -> Result<u64, CommandError> {
    let (factor, base) = match unit {
        _ if is(unit, "EX") => (1000, now),
        _ if is(unit, "PX") => (1, now),
        _ if is(unit, "EXAT") => (1000, 0),
        _ if is(unit, "PXAT") => (1, 0),
        _ => return Err(CommandError::Syntax),
    };
    let amount = parse_integer(amount).ok_or(CommandError::NotInteger)?;
    if amount <= 0 {
        return Err(INVALID_EXPIRE);
    }
    let milliseconds = amount.checked_mul(factor).and_then(|ms| ms.checked_add_unsigned(base));
    milliseconds.and_then(|ms| u64::try_from(ms).ok()).ok_or(INVALID_EXPIRE)
}
