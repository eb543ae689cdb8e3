//! Arguments of the commands that came with the deadlines of fields: `FIELDS numfields field…`, and times.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_integer;

use crate::command::options::{integer, is};
use crate::command::unit::Unit;
use crate::command::{CommandError, CommandResult};

/// The latest deadline of a field, in Unix milliseconds: 2^46 - 1, which is Redis's.
const DEADLINE_MAX: i64 = (1 << 46) - 1;

const NUMBER: CommandError = CommandError::text("ERR Number of fields must be a positive integer");

/// The fields of a command: `FIELDS` at `index`, their number, and the fields up to the end.
///
/// # Errors
/// That the word is not there, or that the number is none or not that of the fields.
pub(super) fn fields<'a>(
    args: Args<'a>,
    index: usize,
    number: CommandError,
) -> Result<Vec<&'a [u8]>, CommandError> {
    if !args.get(index).is_some_and(|word| is(word, "FIELDS")) {
        let text = "ERR Mandatory argument FIELDS is missing or not at the right position";
        return Err(CommandError::text(text));
    }
    let count = args.get(index + 1).and_then(parse_integer).filter(|count| *count >= 1).ok_or(number)?;
    let fields: Vec<&[u8]> = args.iter().skip(index + 2).collect();
    if usize::try_from(count) != Ok(fields.len()) {
        let text = "ERR The `numfields` parameter must match the number of arguments";
        return Err(CommandError::text(text));
    }
    Ok(fields)
}

/// As [`fields`], with the error that most commands have for a number that is none.
pub(super) fn plain_fields(args: Args<'_>, index: usize) -> Result<Vec<&[u8]>, CommandError> {
    fields(args, index, NUMBER)
}

/// The deadline that the argument at `index` names in `unit`. `name` is the command's.
///
/// # Errors
/// That it is no integer, negative or too far away.
pub(super) fn deadline(
    args: Args<'_>,
    index: usize,
    unit: Unit,
    now: u64,
    name: &'static str,
) -> Result<u64, CommandError> {
    let amount = integer(args, index)?;
    if amount < 0 {
        return Err(CommandError::text("ERR invalid expire time, must be >= 0"));
    }
    let deadline = unit.milliseconds(amount, now).filter(|deadline| *deadline <= DEADLINE_MAX);
    deadline
        .and_then(|deadline| u64::try_from(deadline).ok())
        .ok_or_else(|| CommandError::Other(format!("ERR invalid expire time in '{name}' command").into()))
}

/// What a command does to the deadlines of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// They stay as they are.
    Keep,
    /// They go.
    Persist,
    /// They are this, in Unix milliseconds.
    At(u64),
}

/// Refuses a second one of options that go together with none.
pub(super) fn only_one(taken: bool, text: &'static str) -> CommandResult {
    if taken { Err(CommandError::text(text)) } else { Ok(()) }
}
