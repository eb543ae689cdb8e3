//! Options of `XREAD` and `XREADGROUP`.

use ringmaster_protocol::resp::Args;
use smallvec::SmallVec;

use crate::command::CommandError;
use crate::command::options::{integer, is};
use crate::command::stream::argument;
use crate::store::key::Key;
use crate::store::value::stream::StreamId;

/// Most entries that a client gets which has waited and named no count.
const WAITING_MAX: usize = 1000;

/// Where `XREADGROUP` finds the word `STREAMS` at the earliest, as the command table has it.
const GROUP_STREAMS_FROM: usize = 4;

/// Where to read a stream from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// `$`: above the last entry.
    Last,
    /// `>`: what no consumer of the group has read.
    New,
    /// Above this id.
    Above(StreamId),
}

/// A consumer of a group.
pub(super) struct Reader {
    pub(super) group: Box<[u8]>,
    pub(super) consumer: Box<[u8]>,
}

/// What was asked for.
pub(super) struct Options {
    /// Most entries of each stream.
    pub(super) max: usize,
    /// How long to wait where there is nothing; 0 is for ever.
    pub(super) timeout_millis: Option<u64>,
    /// Who reads for a group.
    pub(super) reader: Option<Reader>,
    /// Whether what is delivered does not become pending.
    pub(super) no_ack: bool,
    /// Where to read each stream from, or why that is an error: which is told when the streams before are found.
    pub(super) starts: SmallVec<[Result<Start, CommandError>; 2]>,
    /// The names of the streams, if they may be waited for.
    names: Vec<Box<[u8]>>,
}

impl Options {
    /// Reads the arguments of either command.
    pub(super) fn parse(args: Args<'_>, groups: bool) -> Result<Self, CommandError> {
        let (mut options, mut index) = (Self::default(), 1);
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
        // The command table takes the first such word for the one before the keys, be it a group's name.
        if groups && (GROUP_STREAMS_FROM..streams - 1).any(|at| is(&args[at], "STREAMS")) {
            return Err(CommandError::Syntax);
        }
        let read = if groups { group_start } else { start };
        options.starts = args.from(streams + rest / 2).iter().map(read).collect();
        if options.timeout_millis.is_some() {
            options.names = (streams..streams + rest / 2).map(|at| args[at].into()).collect();
        }
        Ok(options)
    }

    /// Takes the option at `index` in, which `more` arguments follow; returns how many belong to it.
    fn option(
        &mut self,
        args: Args<'_>,
        index: usize,
        more: usize,
        groups: bool,
    ) -> Result<usize, CommandError> {
        match &args[index] {
            option if is(option, "BLOCK") && more >= 1 => {
                self.timeout_millis = Some(timeout(args, index + 1)?);
                Ok(1)
            }
            option if is(option, "COUNT") && more >= 1 => {
                let count = usize::try_from(integer(args, index + 1)?).unwrap_or(0);
                self.max = if count == 0 { usize::MAX } else { count };
                Ok(1)
            }
            option if is(option, "GROUP") && more >= 2 && groups => {
                self.reader =
                    Some(Reader { group: args[index + 1].into(), consumer: args[index + 2].into() });
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

    /// The keys, if the command table has found as many as there are streams.
    pub(super) fn check_keys<'k, 'b>(&self, keys: &'k [Key<'b>]) -> Result<&'k [Key<'b>], CommandError> {
        if keys.len() == self.starts.len() { Ok(keys) } else { Err(CommandError::Syntax) }
    }

    /// Which of the streams that are waited for `key` is; the first where it is named twice.
    pub(super) fn place_of(&self, key: Key<'_>) -> Option<usize> {
        self.names.iter().position(|name| **name == *key.bytes)
    }

    /// Most entries for a client that has waited.
    pub(super) fn max_after_waiting(&self) -> usize {
        if self.max == usize::MAX { WAITING_MAX } else { self.max }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max: usize::MAX,
            timeout_millis: None,
            reader: None,
            no_ack: false,
            starts: SmallVec::new(),
            names: Vec::new(),
        }
    }
}

/// The time to wait at `index`, in milliseconds, 0 being for ever.
fn timeout(args: Args<'_>, index: usize) -> Result<u64, CommandError> {
    let refusal = CommandError::text("ERR timeout is not an integer or out of range");
    match integer(args, index).map_err(|_| refusal)? {
        ..0 => Err(CommandError::text("ERR timeout is negative")),
        timeout => Ok(timeout.unsigned_abs()),
    }
}

fn start(text: &[u8]) -> Result<Start, CommandError> {
    match argument::c_string(text) {
        b"$" => Ok(Start::Last),
        b">" => Err(CommandError::text(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => argument::strict_id(text, 0).map(Start::Above),
    }
}

fn group_start(text: &[u8]) -> Result<Start, CommandError> {
    match argument::c_string(text) {
        b"$" => Err(CommandError::text(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
             consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return \
             an empty result set.",
        )),
        b">" => Ok(Start::New),
        _ => argument::strict_id(text, 0).map(|id| match id {
            // Redis takes the highest id for `>`.
            StreamId::MAX => Start::New,
            id => Start::Above(id),
        }),
    }
}
