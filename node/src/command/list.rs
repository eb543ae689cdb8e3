//! Lists: LPUSH, LRANGE, BLPOP and their family.

mod edit;
mod pop;
mod position;
mod push;
mod read;
mod transfer;
mod wait;

use ringmaster_protocol::resp::reply::Reply;

use super::options::is;
use super::{CommandError, Handler};
use crate::store::value::List;
use crate::store::value::list::End;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("lpush", Handler::Keys(push::lpush)),
    ("rpush", Handler::Keys(push::rpush)),
    ("lpushx", Handler::Keys(push::lpushx)),
    ("rpushx", Handler::Keys(push::rpushx)),
    ("lpop", Handler::Keys(pop::lpop)),
    ("rpop", Handler::Keys(pop::rpop)),
    ("lmpop", Handler::Keys(pop::lmpop)),
    ("llen", Handler::Keys(read::llen)),
    ("lrange", Handler::Keys(read::lrange)),
    ("lindex", Handler::Keys(read::lindex)),
    ("lpos", Handler::Keys(position::lpos)),
    ("lset", Handler::Keys(edit::lset)),
    ("linsert", Handler::Keys(edit::linsert)),
    ("lrem", Handler::Keys(edit::lrem)),
    ("ltrim", Handler::Keys(edit::ltrim)),
    ("lmove", Handler::Keys(transfer::lmove)),
    ("rpoplpush", Handler::Keys(transfer::rpoplpush)),
    ("blpop", Handler::Wish(wait::blpop)),
    ("brpop", Handler::Wish(wait::brpop)),
    ("blmpop", Handler::Wish(wait::blmpop)),
    ("blmove", Handler::Wish(wait::blmove)),
    ("brpoplpush", Handler::Wish(wait::brpoplpush)),
];

/// The end of a list that `argument` names.
fn end(argument: &[u8]) -> Result<End, CommandError> {
    match argument {
        _ if is(argument, "LEFT") => Ok(End::Front),
        _ if is(argument, "RIGHT") => Ok(End::Back),
        _ => Err(CommandError::Syntax),
    }
}

/// The event of pushing at an end.
fn pushed(end: End) -> &'static str {
    if end == End::Front { "lpush" } else { "rpush" }
}

/// The event of popping at an end.
fn popped(end: End) -> &'static str {
    if end == End::Front { "lpop" } else { "rpop" }
}

/// The place of `index` in a list of `len` items, negative ones counted from the back; `None` beyond the ends.
fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { len.checked_sub(magnitude(index)) } else { Some(magnitude(index)) };
    index.filter(|index| *index < len)
}

/// Start and length of the items from `first` to `last`, both included, cut to what there is.
fn range(first: i64, last: i64, len: usize) -> (usize, usize) {
    let from = |index: i64| if index < 0 { len.saturating_sub(magnitude(index)) } else { magnitude(index) };
    let start = from(first).min(len);
    let behind =
        if last < 0 { (len + 1).saturating_sub(magnitude(last)) } else { magnitude(last).saturating_add(1) };
    (start, behind.min(len).saturating_sub(start))
}

fn magnitude(index: i64) -> usize {
    usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX)
}

/// Writes `count` items from an end of a list on, the outermost first.
fn write_from(reply: &mut Reply<'_>, list: List<'_>, end: End, count: usize) {
    let count = count.min(list.len());
    reply.array(count);
    match end {
        End::Front => list.iter().take(count).for_each(|item| reply.bulk(item)),
        End::Back => list.iter().rev().take(count).for_each(|item| reply.bulk(item)),
    }
}

#[cfg(test)]
mod tests {
    use super::{place, range};

    #[test]
    fn indexes_count_from_both_ends() {
        assert_eq!(
            [0, 2, 3, -1, -3, -4].map(|index| place(index, 3)),
            [Some(0), Some(2), None, Some(2), Some(0), None]
        );
        assert_eq!((place(i64::MIN, 3), place(i64::MAX, 3), place(0, 0)), (None, None, None));
    }

    #[test]
    fn ranges_are_cut_to_the_list() {
        for (first, last, expected) in [
            (0, -1, (0, 3)),
            (1, 1, (1, 1)),
            (-2, 100, (1, 2)),
            (-100, -3, (0, 1)),
            (-100, -4, (0, 0)),
            (2, 1, (2, 0)),
            (5, 9, (3, 0)),
            (i64::MIN, i64::MAX, (0, 3)),
            (i64::MIN, i64::MIN, (0, 0)),
        ] {
            assert_eq!(range(first, last, 3), expected, "{first} {last}");
        }
    }
}
