//! `ZADD`, `ZINCRBY`.

use std::collections::HashMap;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use smallvec::SmallVec;

use super::zero::{self, Keeping};
use crate::command::options::{double, is};
use crate::command::{CommandError, CommandResult};
use crate::store::effect::Effect;
use crate::store::event::Class;
use crate::store::keyspace::Keyspace;
use crate::store::value::SortedSet;

/// Scores and members, as an effect takes them.
pub(in crate::command) type Pairs<'a> = SmallVec<[(f64, &'a [u8]); 4]>;

/// What stands before the first score.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::command) struct Options {
    /// `NX`: members that are there stay as they are.
    pub(in crate::command) only_new: bool,
    /// `XX`: members that are not there stay away.
    pub(in crate::command) only_present: bool,
    /// `GT`: a score of a member that is there only rises.
    only_up: bool,
    /// `LT`: it only falls.
    only_down: bool,
    /// `CH`: changed members count too.
    pub(in crate::command) count_changed: bool,
    /// `INCR`, `ZINCRBY`: the score is added to the one that is there.
    increment: bool,
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member…`.
pub(super) fn zadd(keyspace: &mut Keyspace<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (options, pairs) = parse(args, Options::default())?;
    if options == Options::default() && !pairs.iter().any(|(score, _)| zero::is_negative(*score)) {
        let key = keyspace.key();
        keyspace.sorted_set(key)?;
        let applied = keyspace.apply(key.slot, &Effect::SetScores { key, scores: &pairs });
        if applied.changed {
            keyspace.notify(Class::SortedSet, "zadd", key);
        }
        reply.count(applied.count);
        return Ok(());
    }
    add(keyspace, options, &pairs, reply)
}

/// `ZINCRBY key increment member`. As in Redis, an option's name in place of the increment is an option.
pub(super) fn zincrby(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (options, pairs) = parse(args, Options { increment: true, ..Options::default() })?;
    add(keyspace, options, &pairs, reply)
}

fn parse<'a>(args: Args<'a>, mut options: Options) -> Result<(Options, Pairs<'a>), CommandError> {
    let mut first = 2;
    while let Some(argument) = args.get(first)
        && options.take(argument)
    {
        first += 1;
    }
    let count = (args.len() - first) / 2;
    if count == 0 || args.len() != first + 2 * count {
        return Err(CommandError::Syntax);
    }
    options.check(count)?;
    let pair = |at| Ok((double(args, at)?, args.get(at + 1).ok_or(CommandError::Syntax)?));
    let pairs = (first..args.len()).step_by(2).map(pair).collect::<Result<Pairs<'a>, CommandError>>()?;
    Ok((options, pairs))
}

impl Options {
    /// Takes `argument` if it is an option.
    fn take(&mut self, argument: &[u8]) -> bool {
        let option = match argument {
            _ if is(argument, "NX") => &mut self.only_new,
            _ if is(argument, "XX") => &mut self.only_present,
            _ if is(argument, "GT") => &mut self.only_up,
            _ if is(argument, "LT") => &mut self.only_down,
            _ if is(argument, "CH") => &mut self.count_changed,
            _ if is(argument, "INCR") => &mut self.increment,
            _ => return false,
        };
        *option = true;
        true
    }

    fn check(self, count: usize) -> CommandResult {
        if self.only_new && self.only_present {
            return Err(CommandError::text("ERR XX and NX options at the same time are not compatible"));
        }
        if u8::from(self.only_new) + u8::from(self.only_up) + u8::from(self.only_down) > 1 {
            return Err(CommandError::text(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.increment && count > 1 {
            return Err(CommandError::text("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// The score of a member that has `current`, when it is given `score`; `None`: it is left alone.
    fn decide(self, current: Option<f64>, score: f64) -> Result<Option<f64>, CommandError> {
        let Some(current) = current else { return Ok((!self.only_present).then_some(score)) };
        if self.only_new {
            return Ok(None);
        }
        let score = if self.increment { current + score } else { score };
        if score.is_nan() {
            return Err(CommandError::text("ERR resulting score is not a number (NaN)"));
        }
        let refused = self.only_down && score >= current || self.only_up && score <= current;
        Ok((!refused).then_some(score))
    }
}

/// What becomes of the pairs.
#[derive(Default)]
struct Outcome<'a> {
    /// Those that change something.
    changes: Pairs<'a>,
    added: usize,
    /// The score of the last pair, if it was not refused.
    last: Option<f64>,
}

/// Gives members their scores as `options` say, and answers how many are new.
pub(in crate::command) fn add(
    keyspace: &mut Keyspace<'_, '_>,
    options: Options,
    pairs: &[(f64, &[u8])],
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = keyspace.key();
    let outcome = decide(keyspace.sorted_set(key)?, options, pairs)?;
    if !outcome.changes.is_empty() {
        keyspace.apply(key.slot, &Effect::SetScores { key, scores: &outcome.changes });
        keyspace.notify(Class::SortedSet, if options.increment { "zincr" } else { "zadd" }, key);
    }
    match outcome.last {
        Some(score) if options.increment => reply.double(score),
        None if options.increment => reply.null(),
        _ if options.count_changed => reply.count(outcome.changes.len()),
        _ => reply.count(outcome.added),
    }
    Ok(())
}

/// Decides pair after pair; a later one sees what an earlier one did.
fn decide<'a>(
    set: Option<SortedSet<'_>>,
    options: Options,
    pairs: &[(f64, &'a [u8])],
) -> Result<Outcome<'a>, CommandError> {
    let (mut outcome, mut keeping) = (Outcome::default(), Keeping::of(set));
    let mut earlier: HashMap<&[u8], f64> = HashMap::new();
    for &(score, member) in pairs {
        let stored = || set.and_then(|set| set.score(member));
        let current = earlier.get(member).copied().or_else(stored);
        outcome.last = options.decide(current, score)?;
        let Some(score) = outcome.last.filter(|score| current != Some(*score)) else { continue };
        outcome.added += usize::from(current.is_none());
        outcome.changes.push((keeping.score(member, score, current.is_none()), member));
        if pairs.len() > 1 {
            earlier.insert(member, score);
        }
    }
    Ok(outcome)
}
