//! The commands that one read has brought: parsed, looked up, hashed and prefetched together.
//!
//! With a million keys each command touches three cache lines that are in no cache: the slot, the bucket, the
//! entry. Asking for all slots of a batch, then all buckets, then all entries overlaps the waiting; that is worth
//! a third of the throughput.

use ringmaster_protocol::command::{Rejection, Spec, lookup, resolve};
use ringmaster_protocol::extension::Apply;
use ringmaster_protocol::resp::request::{self, RequestLimits, Resume, Step};
use ringmaster_protocol::resp::{Args, ProtocolError, Span, inline};
use ringmaster_protocol::slot::HashSlot;

use crate::store::Store;
use crate::store::effect::encoding::framed::first_key;
use crate::store::key::{Key, hash_of};

/// Most commands of a batch; what is beyond waits for the next turn of the connection.
pub(crate) const COMMANDS_MAX: usize = 1024;

/// First words of lines that no client of ours sends, but a browser does; Redis closes at them, too.
const HTTP_WORDS: [&[u8]; 2] = [b"post", b"host:"];

/// Most spans, and bytes of inline words, that are kept for the next batch.
const KEPT: usize = 64 << 10;

/// From this many commands on, prefetching is worth its instructions.
const PREFETCH_FROM: usize = 2;

/// From this many commands in a row on one key on, so is prefetching the elements that they name.
const ELEMENTS_FROM: usize = 4;

/// One parsed command.
#[derive(Clone, Copy)]
pub(crate) struct Planned {
    /// Its row, or why there is none.
    pub(crate) spec: Result<&'static Spec, Rejection>,
    /// Where its arguments stand among the spans.
    first: u32,
    count: u32,
    /// Slot and hash of its key, if it has exactly one, at argument 1; of the first key that is changed, if it is an
    /// operation of a chain.
    key: Option<(HashSlot, u64)>,
    inline: bool,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// More commands stand in the input: come again without reading.
    Full,
    /// The next command is not whole and has at least this many bytes.
    Need(usize),
    /// An HTTP request follows: a web page may be made to send one, with commands in it.
    Http,
    /// The stream is broken after the batch's commands.
    Broken(ProtocolError),
}

/// A batch and its reusable buffers.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) commands: Vec<Planned>,
    spans: Vec<Span>,
    /// Unescaped words of inline commands.
    inline_words: Vec<u8>,
    resume: Resume,
}

impl Batch {
    /// Parses what stands in `input` from its start on, at most `commands_max` commands. Returns how many bytes the batch takes and how it ended.
    pub(crate) fn parse(
        &mut self,
        input: &[u8],
        limits: &RequestLimits,
        commands_max: usize,
    ) -> (usize, End) {
        self.commands.clear();
        self.spans.clear();
        self.inline_words.clear();
        let mut at = 0;
        while self.commands.len() < commands_max {
            let first = self.spans.len();
            at = match request::parse(input, at, &mut self.spans, &mut self.resume, limits) {
                Ok(Step::Command { end }) => {
                    self.plan(input, first);
                    end
                }
                Ok(Step::Nothing { end }) => end,
                Ok(Step::Need(needed)) => return (at, End::Need(needed)),
                Ok(Step::Inline { line, end }) => match self.plan_inline(line.of(input)) {
                    Ok(()) => end,
                    Err(broken) => return (at, broken),
                },
                Err(error) => return (at, End::Broken(error)),
            };
        }
        (at, End::Full)
    }

    /// Gives the memory of an unusually large batch back, which must be done with.
    #[inline]
    pub(crate) fn give_back(&mut self) {
        if self.spans.capacity() > KEPT {
            self.spans = Vec::new();
        }
        if self.inline_words.capacity() > KEPT {
            self.inline_words = Vec::new();
        }
    }

    /// Looks the command up whose arguments begin at span `first`.
    #[inline]
    fn plan(&mut self, input: &[u8], first: usize) {
        let args = Args::new(input, &self.spans[first..]);
        let spec = match lookup(&args[0]) {
            Some(spec) if spec.single_key() && spec.arity_allows(args.len()) => Ok(spec),
            _ => resolve(&args),
        };
        let single = spec.is_ok_and(Spec::single_key);
        let key = match spec {
            Ok(_) => single.then(|| (HashSlot::of(&args[1]), hash_of(&args[1]))),
            Err(_) => applied_key(args),
        };
        self.commands.push(planned(spec, first, args.len(), key, false));
    }

    #[cold]
    fn plan_inline(&mut self, line: &[u8]) -> Result<(), End> {
        let first = self.spans.len();
        inline::split(line, &mut self.inline_words, &mut self.spans).map_err(End::Broken)?;
        if self.spans.len() > first {
            let args = Args::new(&self.inline_words, &self.spans[first..]);
            if HTTP_WORDS.iter().any(|word| args[0].eq_ignore_ascii_case(word)) {
                return Err(End::Http);
            }
            self.commands.push(planned(resolve(&args), first, args.len(), None, true));
        }
        Ok(())
    }

    /// The arguments of a command of this batch; `input` is what was parsed.
    #[inline]
    pub(crate) fn args<'b>(&'b self, command: &Planned, input: &'b [u8]) -> Args<'b> {
        let spans = &self.spans[command.first as usize..(command.first + command.count) as usize];
        Args::new(if command.inline { &self.inline_words } else { input }, spans)
    }

    /// Asks for the cache lines that the batch's commands will touch; `input` is what was parsed, `database` the one
    /// that is selected. Those of a connection that `is_attached` need their slots' places in their chains, too.
    #[inline]
    pub(crate) fn prefetch(&self, input: &[u8], (database, is_attached): (u8, bool), store: &Store) {
        if self.commands.len() < PREFETCH_FROM {
            return;
        }
        // Of commands in a row on the same key one is enough.
        let keys = || {
            let mut last = None;
            self.commands.iter().filter_map(move |command| {
                let key = command.key?;
                (last.replace(key) != Some(key)).then_some((command, key))
            })
        };
        let writes = |command: &Planned| command.spec.map_or(true, Spec::writes);
        // Of an attached connection all but a plain read look at what changes are noted in.
        let far = |command: &Planned| match command.spec {
            Ok(spec) if is_attached => spec.name != "get",
            _ => writes(command),
        };
        keys().for_each(|(command, (slot, _))| store.prefetch_slot(slot, far(command)));
        if is_attached {
            keys().for_each(|(command, (slot, hash))| store.prefetch_place(slot, hash, writes(command)));
        } else {
            keys().for_each(|(_, (slot, hash))| store.prefetch_bucket(slot, hash));
        }
        keys().for_each(|(_, (slot, hash))| store.prefetch_entry(slot, hash));
        let runs = self.commands.chunk_by(|before, command| before.key == command.key);
        runs.filter(|run| run.len() >= ELEMENTS_FROM)
            .for_each(|run| self.prefetch_run(run, input, database, store));
    }

    /// Asks for the elements that commands on one key name.
    fn prefetch_run(&self, run: &[Planned], input: &[u8], database: u8, store: &Store) {
        let args = |command: &Planned| self.args(command, input);
        let Some(key) = run.first().and_then(|command| command.key(args(command), database)) else { return };
        let named = run.iter().filter_map(|command| {
            let args = args(command);
            Some((args.get(2)?, args.get(args.len() - 1)?))
        });
        store.prefetch_elements(key, named);
    }
}

impl Planned {
    /// The slot of its key, if that was hashed.
    pub(crate) fn slot(&self) -> Option<HashSlot> {
        self.key.map(|(slot, _)| slot)
    }

    /// The command's one key, if it has exactly one and it was hashed.
    #[inline]
    pub(crate) fn key<'a>(&self, args: Args<'a>, database: u8) -> Option<Key<'a>> {
        let (slot, hash) = self.key?;
        Some(Key { bytes: args.get(1)?, hash, slot, database })
    }
}

/// Slot and hash of the first key of an operation that is to be applied here.
#[inline]
fn applied_key(args: Args<'_>) -> Option<(HashSlot, u64)> {
    if &args[0] != b"RM.ASK" {
        return None;
    }
    let apply = Apply::read(args.get(2)?)?;
    Some((apply.slot, hash_of(first_key(apply.operation.effects).unwrap_or_default())))
}

#[expect(clippy::cast_possible_truncation, reason = "a batch has fewer than 2^32 arguments")]
fn planned(
    spec: Result<&'static Spec, Rejection>,
    first: usize,
    count: usize,
    key: Option<(HashSlot, u64)>,
    inline: bool,
) -> Planned {
    Planned { spec, first: first as u32, count: count as u32, key, inline }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(input: &[u8]) -> (Batch, usize, End) {
        let mut batch = Batch::default();
        let (taken, end) = batch.parse(input, &RequestLimits::default(), COMMANDS_MAX);
        (batch, taken, end)
    }

    #[test]
    fn a_batch_takes_whole_commands_and_leaves_the_rest() {
        let input = b"*1\r\n$4\r\nPING\r\nGET a\r\n*2\r\n$3\r\nGET\r\n$1\r\n";
        let (batch, taken, end) = parsed(input);
        let texts: Vec<Vec<u8>> =
            batch.commands.iter().map(|command| batch.args(command, input)[0].to_vec()).collect();
        assert_eq!((texts, taken), (vec![b"PING".to_vec(), b"GET".to_vec()], 21));
        assert!(matches!(end, End::Need(_)));
    }

    #[test]
    fn commands_before_a_broken_one_are_kept() {
        let (batch, taken, end) = parsed(b"PING\r\n*1\r\n:1\r\n");
        assert_eq!((batch.commands.len(), taken), (1, 6));
        assert_eq!(end, End::Broken(ProtocolError::ExpectedBulk(b':')));
    }

    #[test]
    fn http_ends_a_batch() {
        for line in ["POST / HTTP/1.1\r\n", "Host: a\r\n"] {
            let input = format!("PING\r\n{line}SET k v\r\n");
            let (batch, _, end) = parsed(input.as_bytes());
            assert_eq!((batch.commands.len(), end), (1, End::Http));
        }
    }

    #[test]
    fn a_large_batch_gives_its_memory_back() {
        let (mut batch, ..) = parsed(&b"GET a b c\r\n".repeat(COMMANDS_MAX));
        batch.spans.reserve(2 * KEPT);
        batch.give_back();
        assert!(batch.spans.capacity() <= KEPT);
    }

    #[test]
    fn a_batch_is_bounded() {
        let (batch, taken, end) = parsed(&b"PING\r\n".repeat(COMMANDS_MAX + 5));
        assert_eq!((batch.commands.len(), taken, end), (COMMANDS_MAX, COMMANDS_MAX * 6, End::Full));
    }
}
