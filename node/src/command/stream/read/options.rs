//! Options of `XREAD` and `XREADGROUP`.

use ringmaster_protocol::resp::Args;

use crate::command::CommandError;
use crate::command::options::{integer, is};
use crate::command::stream::argument;
use crate::store::key::Key;
use crate::store::value::Stream;
use crate::store::value::stream::StreamId;

/// What was asked for.
pub(super) struct Options<'a> {
    /// Most entries of each stream.
    pub(super) max: usize,
    /// Group and consumer.
    pub(super) reader: Option<(&'a [u8], &'a [u8])>,
    /// Whether what is delivered does not become pending.
    pub(super) no_ack: bool,
    /// The keys' ids.
    ids: Args<'a>,
}

impl<'a> Options<'a> {
    /// Reads the arguments of either command. `keys` are those that the command table finds in them.
    pub(super) fn parse(args: Args<'a>, keys: &[Key<'_>], groups: bool) -> Result<Self, CommandError> {
        let mut options = Self { max: usize::MAX, reader: None, no_ack: false, ids: args };
        let mut index = 1;
        let streams = loop {
            let option = args.get(index).ok_or(CommandError::Syntax)?;
            match args.len() - index - 1 {
                1.. if is(option, "STREAMS") => break index + 1,
                more => index += 1 + options.option(args, index, more, groups)?,
            }
        };
        let rest = args.len() - streams;
        if !rest.is_multiple_of(2) {
            return Err(CommandError::text(
                "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
            ));
        }
        if groups && options.reader.is_none() {
            return Err(CommandError::text("ERR Missing GROUP option for XREADGROUP"));
        }
        let named = (streams..streams + rest / 2).map(|at| &args[at]);
        // The table takes the first word STREAMS for what it says, though it may be a group's name.
        if !named.eq(keys.iter().map(|key| key.bytes)) {
            return Err(CommandError::Syntax);
        }
        options.ids = args.from(streams + rest / 2);
        Ok(options)
    }

    /// Takes the option at `index` in, which `more` arguments follow; returns how many belong to it.
    fn option(
        &mut self,
        args: Args<'a>,
        index: usize,
        more: usize,
        groups: bool,
    ) -> Result<usize, CommandError> {
        match &args[index] {
            option if is(option, "BLOCK") && more >= 1 => {
                timeout(args, index + 1)?;
                Ok(1)
            }
            option if is(option, "COUNT") && more >= 1 => {
                let count = usize::try_from(integer(args, index + 1)?).unwrap_or(0);
                self.max = if count == 0 { usize::MAX } else { count };
                Ok(1)
            }
            option if is(option, "GROUP") && more >= 2 && groups => {
                self.reader = args.get(index + 1).zip(args.get(index + 2));
                Ok(2)
            }
            option if is(option, "GROUP") && more >= 2 => Err(CommandError::text(
                "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
            )),
            option if is(option, "NOACK") && groups => {
                self.no_ack = true;
                Ok(0)
            }
            option if is(option, "NOACK") => Err(CommandError::text(
                "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
            )),
            _ => Err(CommandError::Syntax),
        }
    }

    /// The keys and the texts of their ids.
    pub(super) fn streams<'k, 'b>(
        &self,
        keys: &'k [Key<'b>],
    ) -> impl Iterator<Item = (&'k Key<'b>, &'a [u8])> {
        let ids = self.ids;
        keys.iter().enumerate().filter_map(move |(at, key)| Some((key, ids.get(at)?)))
    }
}

/// The time to wait at `index`, in milliseconds, 0 being without end.
fn timeout(args: Args<'_>, index: usize) -> Result<i64, CommandError> {
    let refusal = CommandError::text("ERR timeout is not an integer or out of range");
    let timeout = integer(args, index).map_err(|_| refusal)?;
    if timeout < 0 { Err(CommandError::text("ERR timeout is negative")) } else { Ok(timeout) }
}

/// The id above which `XREAD` reads.
pub(super) fn above(stream: Option<&Stream>, text: &[u8]) -> Result<StreamId, CommandError> {
    match argument::c_string(text) {
        b"$" => Ok(stream.map_or(StreamId::MIN, Stream::last_id)),
        b">" => Err(CommandError::text(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => argument::strict_id(text, 0),
    }
}

/// The id above which `XREADGROUP` reads what was delivered before; `None` is what nobody has read.
pub(super) fn history_above(text: &[u8]) -> Result<Option<StreamId>, CommandError> {
    match argument::c_string(text) {
        b"$" => Err(CommandError::text(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
             consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return \
             an empty result set.",
        )),
        b">" => Ok(None),
        // Redis takes the highest id for `>`.
        _ => argument::strict_id(text, 0).map(|id| Some(id).filter(|id| *id != StreamId::MAX)),
    }
}
