//! `ZRANGE` and what it grew out of, `ZRANGESTORE`, `ZCOUNT`, `ZLEXCOUNT`.

use std::ops::Range;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;

use super::answer::{self, Copied};
use super::interval::{Interval, Measure};
use super::zero::Keeping;
use crate::command::options::{integer, is};
use crate::command::{CommandError, CommandResult};
use crate::store::key::Key;
use crate::store::keyspace::Keyspace;
use crate::store::value::SortedSet;

/// What a command says by its name; what it leaves open, its options say.
#[derive(Clone, Copy, Default)]
struct Form {
    measure: Option<Measure>,
    reverse: Option<bool>,
    /// Whether the result is stored: its key stands before the other one.
    stores: bool,
}

/// `ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`.
pub(super) fn zrange(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    answer(keyspace, args, reply, Form::default())
}

/// `ZREVRANGE key start stop [WITHSCORES]`.
pub(super) fn zrevrange(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    answer(keyspace, args, reply, Form::of(Measure::Rank, true))
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`.
pub(super) fn zrangebyscore(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    answer(keyspace, args, reply, Form::of(Measure::Score, false))
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`.
pub(super) fn zrevrangebyscore(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    answer(keyspace, args, reply, Form::of(Measure::Score, true))
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`.
pub(super) fn zrangebylex(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    answer(keyspace, args, reply, Form::of(Measure::Member, false))
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`.
pub(super) fn zrevrangebylex(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    answer(keyspace, args, reply, Form::of(Measure::Member, true))
}

/// `ZRANGESTORE destination source start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count]`.
pub(super) fn zrangestore(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let request = Request::parse(args, Form { stores: true, ..Form::default() })?;
    let (destination, source) = (keyspace.key(), keyspace.keys()[1]);
    let copied: Copied = match keyspace.sorted_set(source)? {
        Some(set) => request.copy(set),
        None => Copied::default(),
    };
    keyspace.notify_miss(source);
    answer::store(keyspace, destination, &copied, "zrangestore", reply);
    Ok(())
}

/// `ZCOUNT key min max`.
pub(super) fn zcount(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    count(keyspace, args, reply, Measure::Score)
}

/// `ZLEXCOUNT key min max`.
pub(super) fn zlexcount(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    count(keyspace, args, reply, Measure::Member)
}

fn count(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    measure: Measure,
) -> CommandResult {
    let interval = Interval::parse(args, measure, 2, false)?;
    let set = keyspace.sorted_set(keyspace.key())?;
    reply.count(set.map_or(0, |set| interval.ranks(set, false).len()));
    Ok(())
}

fn answer(
    keyspace: &mut Keyspace<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    form: Form,
) -> CommandResult {
    let request = Request::parse(args, form)?;
    let key: Key<'_> = keyspace.key();
    match keyspace.sorted_set(key)? {
        Some(set) => {
            let members = request.of(set);
            keyspace.weigh(members.len())?;
            answer::members(reply, request.with_scores, members);
        }
        None => reply.array(0),
    }
    Ok(())
}

/// What is asked for.
struct Request<'a> {
    interval: Interval<'a>,
    reverse: bool,
    with_scores: bool,
    /// How many members of the stretch are passed over; if negative, none is left.
    offset: i64,
    /// How many follow at most; if negative, all.
    limit: i64,
}

/// The options behind the two ends.
struct Options {
    measure: Option<Measure>,
    reverse: Option<bool>,
    with_scores: bool,
    offset: i64,
    limit: i64,
}

impl Form {
    const fn of(measure: Measure, reverse: bool) -> Self {
        Self { measure: Some(measure), reverse: Some(reverse), stores: false }
    }
}

impl Options {
    fn parse(args: Args<'_>, form: Form) -> Result<Self, CommandError> {
        let Form { measure, reverse, stores } = form;
        let mut options = Self { measure, reverse, with_scores: false, offset: 0, limit: -1 };
        let mut index = if stores { 5 } else { 4 };
        while let Some(option) = args.get(index) {
            match option {
                _ if !stores && is(option, "WITHSCORES") => options.with_scores = true,
                _ if is(option, "LIMIT") && args.len() > index + 2 => {
                    options.offset = integer(args, index + 1)?;
                    options.limit = integer(args, index + 2)?;
                    index += 2;
                }
                _ if reverse.is_none() && options.reverse.is_none() && is(option, "REV") => {
                    options.reverse = Some(true);
                }
                _ if options.measure.is_none() && is(option, "BYLEX") => {
                    options.measure = Some(Measure::Member);
                }
                _ if options.measure.is_none() && is(option, "BYSCORE") => {
                    options.measure = Some(Measure::Score);
                }
                _ => return Err(CommandError::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }
}

impl<'a> Request<'a> {
    fn parse(args: Args<'a>, form: Form) -> Result<Self, CommandError> {
        let Options { measure, reverse, with_scores, offset, limit } = Options::parse(args, form)?;
        let measure = measure.unwrap_or(Measure::Rank);
        let reverse = reverse.unwrap_or(false);
        if limit != -1 && measure == Measure::Rank {
            return Err(CommandError::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && measure == Measure::Member {
            return Err(CommandError::text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let first = if form.stores { 3 } else { 2 };
        let interval = Interval::parse(args, measure, first, reverse)?;
        let offset = if measure == Measure::Rank { 0 } else { offset };
        Ok(Self { interval, reverse, with_scores, offset, limit })
    }

    /// A copy of what is asked for, with the scores that a new set gets.
    fn copy(&self, set: SortedSet<'_>) -> Copied {
        let members = self.of(set);
        // Redis knows beforehand how much a range by ranks gives, and packs no large one.
        let known = matches!(self.interval, Interval::Ranks(..)) && !SortedSet::packs(members.len(), b"");
        let mut keeping = if known { Keeping::spread() } else { Keeping::of(None) };
        members.map(|(member, score)| (member, keeping.score(member, score, true))).collect()
    }

    /// The members of `set` that are asked for, in the order asked for.
    fn of<'s>(&self, set: SortedSet<'s>) -> impl ExactSizeIterator<Item = (&'s [u8], f64)> + use<'s> {
        let all = self.interval.ranks(set, self.reverse);
        let passed = usize::try_from(self.offset).map_or(all.len(), |offset| offset.min(all.len()));
        let rest = all.len() - passed;
        let len = usize::try_from(self.limit).map_or(rest, |limit| limit.min(rest));
        let ranks: Range<usize> = if self.reverse {
            all.end - passed - len..all.end - passed
        } else {
            all.start + passed..all.start + passed + len
        };
        set.range(ranks, self.reverse)
    }
}
