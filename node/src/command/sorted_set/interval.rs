//! A stretch of a sorted set, by ranks, by scores or by members, as its two ends are written.

use std::ops::Range;

use ringmaster_protocol::resp::Args;

use super::mixed;
use crate::command::CommandError;
use crate::command::options::integer;
use crate::store::value::SortedSet;
use crate::store::value::sorted_set::Bound;

const NO_SCORE: CommandError = CommandError::text("ERR min or max is not a float");
const NO_MEMBER: CommandError = CommandError::text("ERR min or max not valid string range item");

/// What the two ends are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Indexes, both included, negative ones from the end.
    Rank,
    /// `5`, `(5`, `-inf`.
    Score,
    /// `[a`, `(a`, `-`, `+`.
    Member,
}

/// A stretch, not yet of a certain set.
#[derive(Clone, Copy)]
pub(super) enum Interval<'a> {
    Ranks(i64, i64),
    Bounds(End<'a>, End<'a>),
}

/// A place in a set: where a stretch by scores or members begins or ends.
#[derive(Clone, Copy)]
pub(super) enum End<'a> {
    First,
    Last,
    At(Bound<'a>),
}

impl<'a> Interval<'a> {
    /// The stretch between arguments `first` and `first + 1`, which change places if `swapped`.
    ///
    /// # Errors
    /// An end that is none.
    pub(super) fn parse(
        args: Args<'a>,
        measure: Measure,
        first: usize,
        swapped: bool,
    ) -> Result<Self, CommandError> {
        let (low, high) = if swapped { (first + 1, first) } else { (first, first + 1) };
        let text = |at| args.get(at).unwrap_or_default();
        match measure {
            Measure::Rank => Ok(Self::Ranks(integer(args, first)?, integer(args, first + 1)?)),
            Measure::Score => {
                let (low, high) = (ScoreEnd::parse(text(low))?, ScoreEnd::parse(text(high))?);
                Ok(Self::Bounds(End::At(low.lower()), End::At(high.upper())))
            }
            Measure::Member => {
                let low = member_end(text(low), Bound::Member, Bound::AfterMember)?;
                let high = member_end(text(high), Bound::AfterMember, Bound::Member)?;
                Ok(Self::Bounds(low, high))
            }
        }
    }

    /// The ranks of the stretch in `set`; those of [`Measure::Rank`] are counted from the highest if `reverse`.
    pub(super) fn ranks(&self, set: SortedSet<'_>, reverse: bool) -> Range<usize> {
        match self {
            Self::Ranks(first, last) => {
                let ranks = indexes(*first, *last, set.len());
                if reverse { set.len() - ranks.end..set.len() - ranks.start } else { ranks }
            }
            Self::Bounds(low, high) if low.is_member() && mixed::concerns(set) => {
                mixed::ranks(set, low, high, reverse)
            }
            Self::Bounds(low, high) => {
                let (low, high) = (low.position(set), high.position(set));
                low..high.max(low)
            }
        }
    }
}

impl End<'_> {
    fn is_member(&self) -> bool {
        !matches!(self, Self::At(Bound::Score(_) | Bound::AfterScore(_)))
    }

    /// Whether `member` lies before this place, as far as members tell.
    pub(super) fn is_behind(&self, member: &[u8]) -> bool {
        match self {
            Self::First => false,
            Self::Last => true,
            Self::At(bound) => bound.is_behind(0.0, || member),
        }
    }

    fn position(&self, set: SortedSet<'_>) -> usize {
        match self {
            Self::First => 0,
            Self::Last => set.len(),
            Self::At(bound) => set.position(bound),
        }
    }
}

/// The indexes from `first` to `last`, negative ones counted from the end, that there are among `len`.
fn indexes(first: i64, last: i64, len: usize) -> Range<usize> {
    let index = |index: i64| match usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX) {
        distance if index < 0 => len.checked_sub(distance),
        index => Some(index),
    };
    let end = index(last).map_or(0, |last| last.saturating_add(1).min(len));
    index(first).unwrap_or(0).min(end)..end
}

/// A score, and whether it is itself outside.
struct ScoreEnd {
    score: f64,
    open: bool,
}

impl ScoreEnd {
    /// Read as C's `strtod` reads it, up to a zero byte; nothing is 0, and what is too large is infinite.
    fn parse(text: &[u8]) -> Result<Self, CommandError> {
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let (open, text) = match text {
            [b'(', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        if text.is_empty() {
            return Ok(Self { score: 0.0, open });
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
        let start = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
        let number = std::str::from_utf8(&text[start..]).ok().and_then(|text| text.parse::<f64>().ok());
        let score = number.filter(|number| !number.is_nan()).ok_or(NO_SCORE)?;
        Ok(Self { score, open })
    }

    fn lower(&self) -> Bound<'static> {
        if self.open { Bound::AfterScore(self.score) } else { Bound::Score(self.score) }
    }

    fn upper(&self) -> Bound<'static> {
        if self.open { Bound::Score(self.score) } else { Bound::AfterScore(self.score) }
    }
}

/// An end by members; `closed` and `open` make the place of `[member` and of `(member`.
fn member_end<'a>(
    text: &'a [u8],
    closed: fn(&'a [u8]) -> Bound<'a>,
    open: fn(&'a [u8]) -> Bound<'a>,
) -> Result<End<'a>, CommandError> {
    match text {
        [b'-'] | [b'-', 0, ..] => Ok(End::First),
        [b'+'] | [b'+', 0, ..] => Ok(End::Last),
        [b'[', member @ ..] => Ok(End::At(closed(member))),
        [b'(', member @ ..] => Ok(End::At(open(member))),
        _ => Err(NO_MEMBER),
    }
}
