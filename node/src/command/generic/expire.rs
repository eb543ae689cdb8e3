//! `EXPIRE`, `PEXPIRE`, `EXPIREAT`, `PEXPIREAT key amount [NX|XX|GT|LT]`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use crate::command::options::{integer, is};
use crate::command::unit::Unit;
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::EntryRef;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;

const NX_WITH_OTHERS: CommandError =
    CommandError::text("ERR NX and XX, GT or LT options at the same time are not compatible");
const GT_WITH_LT: CommandError =
    CommandError::text("ERR GT and LT options at the same time are not compatible");

/// `EXPIRE`: seconds from now.
pub(crate) fn expire(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let invalid = CommandError::text("ERR invalid expire time in 'expire' command");
    set_deadline(keyspace, args, reply, Unit::Seconds, invalid)
}

/// `PEXPIRE`: milliseconds from now.
pub(crate) fn pexpire(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let invalid = CommandError::text("ERR invalid expire time in 'pexpire' command");
    set_deadline(keyspace, args, reply, Unit::Milliseconds, invalid)
}

/// `EXPIREAT`: seconds since 1970.
pub(crate) fn expireat(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let invalid = CommandError::text("ERR invalid expire time in 'expireat' command");
    set_deadline(keyspace, args, reply, Unit::UnixSeconds, invalid)
}

/// `PEXPIREAT`: milliseconds since 1970.
pub(crate) fn pexpireat(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let invalid = CommandError::text("ERR invalid expire time in 'pexpireat' command");
    set_deadline(keyspace, args, reply, Unit::UnixMilliseconds, invalid)
}

fn set_deadline(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    unit: Unit,
    invalid: CommandError,
) -> CommandResult {
    let conditions = match Conditions::parse(args.from(3)) {
        Ok(conditions) => conditions,
        Err(Refusal::Unknown(option)) => {
            reply.error_bytes(&[b"ERR Unsupported option ", option].concat());
            return Ok(());
        }
        Err(Refusal::Together(error)) => return Err(error),
    };
    // The past is allowed: it deletes.
    let deadline = unit.milliseconds(integer(args, 2)?, keyspace.now()).ok_or(invalid)?;
    let deadline = u64::try_from(deadline).unwrap_or(0);
    let key = keyspace.key();
    let current = keyspace.find(key).map(EntryRef::deadline);
    let Some(current) = current.filter(|current| conditions.allow(*current, deadline)) else {
        reply.int(0);
        return Ok(());
    };
    if deadline <= keyspace.now() {
        keyspace.apply(key.slot, &Effect::Remove { key });
        keyspace.notify(Class::Generic, "del", key);
    } else {
        if current != Some(deadline) {
            keyspace.apply(key.slot, &Effect::SetDeadline { key, deadline: Some(deadline) });
        }
        keyspace.notify(Class::Generic, "expire", key);
    }
    reply.int(1);
    Ok(())
}

#[derive(Default)]
struct Conditions {
    none_yet: bool,
    one_already: bool,
    later: bool,
    earlier: bool,
}

enum Refusal<'a> {
    Unknown(&'a [u8]),
    Together(CommandError),
}

impl Conditions {
    fn parse(options: Args<'_>) -> Result<Self, Refusal<'_>> {
        let mut conditions = Self::default();
        for option in options.iter() {
            match option {
                _ if is(option, "NX") => conditions.none_yet = true,
                _ if is(option, "XX") => conditions.one_already = true,
                _ if is(option, "GT") => conditions.later = true,
                _ if is(option, "LT") => conditions.earlier = true,
                _ => return Err(Refusal::Unknown(shown(option))),
            }
        }
        match conditions {
            Self { none_yet: true, one_already, later, earlier } if one_already || later || earlier => {
                Err(Refusal::Together(NX_WITH_OTHERS))
            }
            Self { later: true, earlier: true, .. } => Err(Refusal::Together(GT_WITH_LT)),
            _ => Ok(conditions),
        }
    }

    /// Whether a key that has the deadline `current` may have `new`. No deadline is later than all.
    fn allow(&self, current: Option<u64>, new: u64) -> bool {
        !(self.none_yet && current.is_some()
            || self.one_already && current.is_none()
            || self.later && current.is_none_or(|current| new <= current)
            || self.earlier && current.is_some_and(|current| new >= current))
    }
}

/// What an error repeats of a text: what C prints, to its first zero byte, and no line ends after it.
fn shown(text: &[u8]) -> &[u8] {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    &text[..end]
}
