//! `BITFIELD`, `BITFIELD_RO`: integers of any width at any bit of a string.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;
use ringmaster_protocol::resp::reply::Reply;
use smallvec::SmallVec;

use super::BAD_OFFSET;
use super::integer::{BYTES_MAX, Encoding, Overflow};
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::entry::STRING_BYTES_MAX;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;

/// What one part of the command does.
#[derive(Clone, Copy, Debug)]
enum Action {
    Get,
    Set(i64),
    Increment(i64),
}

/// One part of the command: one reply.
#[derive(Clone, Copy, Debug)]
struct Part {
    action: Action,
    encoding: Encoding,
    overflow: Overflow,
    /// The first bit.
    offset: usize,
}

/// What became of a part.
enum Done {
    Read(i64),
    Written {
        answer: i64,
        changes: bool,
    },
    /// The value did not fit.
    Failed,
}

type Parts = SmallVec<[Part; 4]>;

/// `BITFIELD key [GET encoding offset | [OVERFLOW WRAP|SAT|FAIL] SET encoding offset value | INCRBY encoding offset
/// increment]…`.
pub(super) fn bitfield(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let parts = parse(args)?;
    let key = keyspace.key();
    let len = keyspace.string(key)?.map_or(0, <[u8]>::len);
    let needed = bytes_needed(&parts);
    if needed > STRING_BYTES_MAX {
        return Err(BAD_OFFSET);
    }
    if needed > len {
        keyspace.apply(key.slot, &Effect::WriteString { key, offset: needed - 1, bytes: &[0] });
    }
    reply.array(parts.len());
    let mut changed = false;
    for part in &parts {
        match part.carry_out(keyspace, key)? {
            Done::Read(value) => reply.int(value),
            Done::Written { answer, changes } => {
                changed |= changes || needed > len;
                reply.int(answer);
            }
            Done::Failed => reply.null(),
        }
    }
    if changed {
        keyspace.notify(Class::String, "setbit", key);
    }
    Ok(())
}

/// `BITFIELD_RO key [GET encoding offset]…`.
pub(super) fn bitfield_ro(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let parts = parse(args)?;
    let key = keyspace.key();
    if bytes_needed(&parts) > 0 {
        return Err(CommandError::text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    keyspace.string(key)?;
    reply.array(parts.len());
    for part in &parts {
        reply.int(part.encoding.read(part.bytes(keyspace, key)?, part.shift()));
    }
    Ok(())
}

/// Length of the string that has room for all that is written; 0 if nothing is.
fn bytes_needed(parts: &[Part]) -> usize {
    let written = parts.iter().filter(|part| !matches!(part.action, Action::Get));
    written.map(Part::end_byte).max().unwrap_or(0)
}

fn parse(args: Args<'_>) -> Result<Parts, CommandError> {
    let (mut parts, mut overflow, mut index) = (Parts::new(), Overflow::Wrap, 2);
    while let Some(word) = args.get(index) {
        let following = args.len() - index - 1;
        if is(word, "OVERFLOW") && following >= 1 {
            overflow = parse_overflow(&args[index + 1])?;
            index += 2;
            continue;
        }
        let arguments = match word {
            _ if is(word, "GET") => 2,
            _ if is(word, "SET") || is(word, "INCRBY") => 3,
            _ => return Err(CommandError::Syntax),
        };
        if following < arguments {
            return Err(CommandError::Syntax);
        }
        let encoding = parse_encoding(&args[index + 1])?;
        let offset = parse_offset(&args[index + 2], encoding)?;
        let action = match word {
            _ if is(word, "GET") => Action::Get,
            _ if is(word, "SET") => Action::Set(integer(args, index + 3)?),
            _ => Action::Increment(integer(args, index + 3)?),
        };
        parts.push(Part { action, encoding, overflow, offset });
        index += 1 + arguments;
    }
    Ok(parts)
}

fn parse_overflow(word: &[u8]) -> Result<Overflow, CommandError> {
    match word {
        _ if is(word, "WRAP") => Ok(Overflow::Wrap),
        _ if is(word, "SAT") => Ok(Overflow::Saturate),
        _ if is(word, "FAIL") => Ok(Overflow::Fail),
        _ => Err(CommandError::text("ERR Invalid OVERFLOW type specified")),
    }
}

fn parse_encoding(word: &[u8]) -> Result<Encoding, CommandError> {
    let wrong =
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    Encoding::parse(word).ok_or(CommandError::text(wrong))
}

/// The first bit: a number, or `#` and a number of integers of this width.
fn parse_offset(word: &[u8], encoding: Encoding) -> Result<usize, CommandError> {
    let (number, unit) = match word {
        [b'#', number @ ..] => (number, i64::from(encoding.bits)),
        _ => (word, 1),
    };
    // As in Redis, the product may wrap.
    let offset = parse_integer(number).ok_or(BAD_OFFSET)?.wrapping_mul(unit);
    let offset = usize::try_from(offset).map_err(|_| BAD_OFFSET)?;
    if offset >> 3 >= STRING_BYTES_MAX { Err(BAD_OFFSET) } else { Ok(offset) }
}

impl Part {
    fn first_byte(&self) -> usize {
        self.offset >> 3
    }

    /// The bits of the first byte that come before.
    fn shift(&self) -> u32 {
        (self.offset & 7) as u32
    }

    /// One more than the last byte.
    fn end_byte(&self) -> usize {
        (self.offset + usize::from(self.encoding.bits)).div_ceil(8)
    }

    /// The bytes around the integer; beyond the string they are zero.
    fn bytes(&self, keyspace: &Keyspace<'_, '_>, key: Key<'_>) -> Result<[u8; BYTES_MAX], CommandError> {
        let value = keyspace.string(key)?.unwrap_or_default();
        let mut bytes = [0; BYTES_MAX];
        let there = value.get(self.first_byte()..).unwrap_or_default();
        let len = there.len().min(BYTES_MAX);
        bytes[..len].copy_from_slice(&there[..len]);
        Ok(bytes)
    }

    /// Reads and writes the integer, for whose bits the string has room.
    fn carry_out(&self, keyspace: &mut Keyspace<'_, '_>, key: Key<'_>) -> Result<Done, CommandError> {
        let bytes = self.bytes(keyspace, key)?;
        let old = self.encoding.read(bytes, self.shift());
        let wanted = match self.action {
            Action::Get => return Ok(Done::Read(old)),
            Action::Set(value) => self.encoding.given(value),
            Action::Increment(by) => i128::from(old) + i128::from(by),
        };
        let Some(new) = self.encoding.fit(wanted, self.overflow) else { return Ok(Done::Failed) };
        if new != old {
            let written = self.encoding.write(bytes, self.shift(), new);
            let touched = &written[..self.end_byte() - self.first_byte()];
            let effect = Effect::WriteString { key, offset: self.first_byte(), bytes: touched };
            keyspace.apply(key.slot, &effect);
        }
        let answer = if matches!(self.action, Action::Set(_)) { old } else { new };
        Ok(Done::Written { answer, changes: new != old })
    }
}
