//! `XTRIM`, and the options of trimming that `XADD` shares with it.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::apply;
use super::argument::{self, Wanted};
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::StreamChange;
use crate::store::event::Class;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::stream::{ENTRIES_MAX, Limit};

/// Most entries that an approximate trim takes if the client does not say.
const APPROXIMATE_MAX: usize = 100 * ENTRIES_MAX;

/// What stands before the id of `XADD`, or in all of `XTRIM`.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Up to where to trim, if at all.
    limit: Option<Limit>,
    approximate: bool,
    /// Most entries to take by an approximate trim; 0 is any number.
    most: Option<i64>,
    /// Whether an absent stream stays absent.
    pub(super) only_existing: bool,
    /// The id that was asked for and the place behind it; `None` at the end of the arguments.
    pub(super) wanted: Option<(Wanted, usize)>,
}

impl Options {
    /// Reads the options from argument 2 on, for `XADD` up to the id.
    pub(super) fn parse(args: Args<'_>, adds: bool) -> Result<Self, CommandError> {
        let (mut options, mut index) = (Self::default(), 2);
        while let Some(option) = args.get(index) {
            let more = index + 1 < args.len();
            match option {
                b"*" if adds => {
                    options.wanted = Some((Wanted::Generated, index + 1));
                    break;
                }
                _ if is(option, "MAXLEN") && more => index = options.limit(args, index + 1, len)?,
                _ if is(option, "MINID") && more => index = options.limit(args, index + 1, least_id)?,
                _ if is(option, "LIMIT") && more => {
                    options.most =
                        Some(not_negative(args, index + 1, "ERR The LIMIT argument must be >= 0.")?);
                    index += 1;
                }
                _ if adds && is(option, "NOMKSTREAM") => options.only_existing = true,
                _ if adds => {
                    options.wanted = Some((argument::wanted(option)?, index + 1));
                    break;
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        options.check(adds)?;
        Ok(options)
    }

    /// Reads a limit at `index` and, before it, `~` or `=`. Returns where it stands.
    fn limit(
        &mut self,
        args: Args<'_>,
        index: usize,
        read: fn(Args<'_>, usize) -> Result<Limit, CommandError>,
    ) -> Result<usize, CommandError> {
        if self.limit.is_some() {
            return Err(CommandError::text(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let mode = args.get(index).filter(|mode| matches!(*mode, b"~" | b"=") && index + 1 < args.len());
        let index = index + usize::from(mode.is_some());
        self.approximate = mode == Some(b"~");
        self.limit = Some(read(args, index)?);
        Ok(index)
    }

    fn check(&self, adds: bool) -> Result<(), CommandError> {
        let refusal = match self {
            Self { most: Some(1..), limit: None, .. } => {
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
            }
            Self { limit: None, .. } if !adds => {
                "ERR syntax error, XTRIM must be called with a trimming strategy"
            }
            Self { most: Some(_), approximate: false, .. } => {
                "ERR syntax error, LIMIT cannot be used without the special ~ option"
            }
            _ => return Ok(()),
        };
        Err(CommandError::text(refusal))
    }

    /// Trims the stream at `key`; returns how many entries went.
    pub(super) fn trim(&self, keyspace: &mut Keyspace<'_, '_>, key: Key<'_>) -> Result<usize, CommandError> {
        let (Some(limit), Some(stream)) = (self.limit, keyspace.stream(key)?) else { return Ok(0) };
        let most = self.most.map_or(APPROXIMATE_MAX, |most| usize::try_from(most).unwrap_or(0));
        let cut = stream.cut(limit, self.approximate.then_some(most));
        if cut.blocks + cut.entries == 0 {
            return Ok(0);
        }
        let trimmed = apply(keyspace, key, StreamChange::Trim { cut }).count;
        if trimmed > 0 {
            keyspace.notify(Class::Stream, "xtrim", key);
        }
        Ok(trimmed)
    }
}

fn len(args: Args<'_>, index: usize) -> Result<Limit, CommandError> {
    let len = not_negative(args, index, "ERR The MAXLEN argument must be >= 0.")?;
    Ok(Limit::Len(usize::try_from(len).unwrap_or(usize::MAX)))
}

fn least_id(args: Args<'_>, index: usize) -> Result<Limit, CommandError> {
    argument::strict_id(args.get(index).unwrap_or_default(), 0).map(Limit::Id)
}

fn not_negative(args: Args<'_>, index: usize, refusal: &'static str) -> Result<i64, CommandError> {
    let value = integer(args, index)?;
    if value < 0 { Err(CommandError::text(refusal)) } else { Ok(value) }
}

/// `XTRIM key MAXLEN|MINID [~|=] limit [LIMIT count]`.
pub(super) fn xtrim(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args, false)?;
    let trimmed = options.trim(keyspace, keyspace.key())?;
    reply.count(trimmed);
    Ok(())
}
