//! `ZUNION`, `ZINTER`, `ZDIFF`, their `…STORE` forms and `ZINTERCARD`.

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::number::parse_double;
use ringmaster_protocol::resp::reply::Reply;

use super::aggregate::{self, Aggregate, Content, Input, Scored};
use super::answer::{self, Copied};
use super::zero::Keeping;
use crate::command::options::{at_least, integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::entry::EntryRef;
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::{SortedSet, Value};

/// What is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Answer,
    Store,
    Count,
}

/// A command: its name for errors, and what it does.
#[derive(Clone, Copy)]
struct Task {
    name: &'static str,
    operation: Operation,
    purpose: Purpose,
}

macro_rules! tasks {
    ($($(#[$doc:meta])* $name:ident: $operation:ident, $purpose:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(
            keyspace: &mut Keyspace<'_, '_>,
            args: Args<'_>,
            reply: &mut Reply<'_>,
        ) -> CommandResult {
            let (operation, purpose) = (Operation::$operation, Purpose::$purpose);
            Task { name: stringify!($name), operation, purpose }.run(keyspace, args, reply)
        }
    )*};
}

tasks! {
    /// `ZUNION numkeys key… [WEIGHTS weight…] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`.
    zunion: Union, Answer;
    /// `ZUNIONSTORE destination numkeys key… [WEIGHTS weight…] [AGGREGATE SUM|MIN|MAX]`.
    zunionstore: Union, Store;
    /// `ZINTER numkeys key… [WEIGHTS weight…] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`.
    zinter: Intersection, Answer;
    /// `ZINTERSTORE destination numkeys key… [WEIGHTS weight…] [AGGREGATE SUM|MIN|MAX]`.
    zinterstore: Intersection, Store;
    /// `ZINTERCARD numkeys key… [LIMIT limit]`.
    zintercard: Intersection, Count;
    /// `ZDIFF numkeys key… [WITHSCORES]`.
    zdiff: Difference, Answer;
    /// `ZDIFFSTORE destination numkeys key…`.
    zdiffstore: Difference, Store;
}

/// The options behind the keys.
struct Options {
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

impl Task {
    fn run(self, keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
        let stores = usize::from(self.purpose == Purpose::Store);
        let count = self.key_count(args, 1 + stores)?;
        let keys = &keyspace.keys()[stores..];
        let mut inputs = keys.iter().map(|key| input(keyspace, *key)).collect::<Result<Vec<_>, _>>()?;
        let options = self.options(args, 2 + stores + count, &mut inputs)?;
        let mut result = self.compute(inputs, &options);
        if self.purpose == Purpose::Count {
            reply.count(result.len());
            return Ok(());
        }
        aggregate::sort(&mut result);
        if self.purpose == Purpose::Store {
            let copied = copy(&result);
            keyspace.keys()[1..].iter().for_each(|source| keyspace.notify_miss(*source));
            answer::store(keyspace, keyspace.key(), &copied, self.name, reply);
        } else {
            let scored = result.iter().map(|(member, score)| (&**member, *score));
            answer::members(reply, options.with_scores, scored);
        }
        Ok(())
    }

    /// The number of keys that the argument at `index` announces and that follow it.
    fn key_count(self, args: Args<'_>, index: usize) -> Result<usize, CommandError> {
        let count = integer(args, index)?;
        if count < 1 {
            let text = format!("ERR at least 1 input key is needed for '{}' command", self.name);
            return Err(CommandError::Other(text.into()));
        }
        let following = args.len() - index - 1;
        usize::try_from(count).ok().filter(|count| *count <= following).ok_or(CommandError::Syntax)
    }

    fn options(
        self,
        args: Args<'_>,
        mut index: usize,
        inputs: &mut [Input<'_>],
    ) -> Result<Options, CommandError> {
        let mut options = Options { aggregate: Aggregate::Sum, with_scores: false, limit: usize::MAX };
        let counts = self.purpose == Purpose::Count;
        let weighs = self.operation != Operation::Difference && !counts;
        while let Some(option) = args.get(index) {
            let following = args.len() - index - 1;
            match option {
                _ if weighs && following >= inputs.len() && is(option, "WEIGHTS") => {
                    weigh(args, index + 1, inputs)?;
                    index += inputs.len();
                }
                _ if weighs && following >= 1 && is(option, "AGGREGATE") => {
                    options.aggregate = aggregate(&args[index + 1])?;
                    index += 1;
                }
                _ if self.purpose == Purpose::Answer && is(option, "WITHSCORES") => {
                    options.with_scores = true;
                }
                _ if counts && following >= 1 && is(option, "LIMIT") => {
                    let refusal = CommandError::text("ERR LIMIT can't be negative");
                    let limit = at_least(args, index + 1, 0, refusal)?;
                    options.limit = if limit == 0 { usize::MAX } else { limit };
                    index += 1;
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }

    fn compute<'k>(self, inputs: Vec<Input<'k>>, options: &Options) -> Scored<'k> {
        match self.operation {
            Operation::Union => aggregate::union(inputs, options.aggregate),
            Operation::Intersection => aggregate::intersection(inputs, options.aggregate, options.limit),
            Operation::Difference => aggregate::difference(&inputs),
        }
    }
}

/// A copy of `result` with the scores that a new set gets: it is packed or not as a whole.
fn copy(result: &Scored<'_>) -> Copied {
    let packed = result.iter().all(|(member, _)| SortedSet::packs(result.len(), member));
    let mut keeping = if packed { Keeping::of(None) } else { Keeping::spread() };
    result.iter().map(|(member, score)| (&**member, keeping.score(member, *score, true))).collect()
}

/// What `key` holds, at the weight 1.
fn input<'k>(keyspace: &'k Keyspace<'_, '_>, key: Key<'_>) -> Result<Input<'k>, CommandError> {
    let content = match keyspace.find(key).map(EntryRef::value) {
        None => Content::Absent,
        Some(Value::Set(set)) => Content::Set(set),
        Some(Value::SortedSet(set)) => Content::Sorted(set),
        Some(_) => return Err(CommandError::WrongType),
    };
    Ok(Input { content, weight: 1.0 })
}

/// Gives each input the weight that the arguments from `first` on name.
fn weigh(args: Args<'_>, first: usize, inputs: &mut [Input<'_>]) -> CommandResult {
    for (input, text) in inputs.iter_mut().zip(args.from(first).iter()) {
        let weight = parse_double(text);
        input.weight = weight.ok_or(CommandError::text("ERR weight value is not a float"))?;
    }
    Ok(())
}

fn aggregate(word: &[u8]) -> Result<Aggregate, CommandError> {
    match word {
        _ if is(word, "SUM") => Ok(Aggregate::Sum),
        _ if is(word, "MIN") => Ok(Aggregate::Min),
        _ if is(word, "MAX") => Ok(Aggregate::Max),
        _ => Err(CommandError::Syntax),
    }
}
