//! Sorted sets: ZADD, ZRANGE and their family.

mod add;
mod aggregate;
mod algebra;
mod answer;
mod interval;
mod mixed;
mod pop;
mod random;
mod range;
mod read;
mod remove;
mod wait;
mod zero;

use super::Handler;
pub(super) use add::{Options as Addition, Pairs, add};

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("zadd", Handler::Keys(add::zadd)),
    ("zincrby", Handler::Keys(add::zincrby)),
    ("zcard", Handler::Keys(read::zcard)),
    ("zscore", Handler::Keys(read::zscore)),
    ("zmscore", Handler::Keys(read::zmscore)),
    ("zrank", Handler::Keys(read::zrank)),
    ("zrevrank", Handler::Keys(read::zrevrank)),
    ("zscan", Handler::Keys(read::zscan)),
    ("zcount", Handler::Keys(range::zcount)),
    ("zlexcount", Handler::Keys(range::zlexcount)),
    ("zrange", Handler::Keys(range::zrange)),
    ("zrangestore", Handler::Keys(range::zrangestore)),
    ("zrangebyscore", Handler::Keys(range::zrangebyscore)),
    ("zrevrangebyscore", Handler::Keys(range::zrevrangebyscore)),
    ("zrangebylex", Handler::Keys(range::zrangebylex)),
    ("zrevrangebylex", Handler::Keys(range::zrevrangebylex)),
    ("zrevrange", Handler::Keys(range::zrevrange)),
    ("zrem", Handler::Keys(remove::zrem)),
    ("zremrangebyrank", Handler::Keys(remove::zremrangebyrank)),
    ("zremrangebyscore", Handler::Keys(remove::zremrangebyscore)),
    ("zremrangebylex", Handler::Keys(remove::zremrangebylex)),
    ("zpopmin", Handler::Keys(pop::zpopmin)),
    ("zpopmax", Handler::Keys(pop::zpopmax)),
    ("zmpop", Handler::Keys(pop::zmpop)),
    ("bzpopmin", Handler::Wish(wait::bzpopmin)),
    ("bzpopmax", Handler::Wish(wait::bzpopmax)),
    ("bzmpop", Handler::Wish(wait::bzmpop)),
    ("zrandmember", Handler::Keys(random::zrandmember)),
    ("zunion", Handler::Keys(algebra::zunion)),
    ("zunionstore", Handler::Keys(algebra::zunionstore)),
    ("zinter", Handler::Keys(algebra::zinter)),
    ("zinterstore", Handler::Keys(algebra::zinterstore)),
    ("zintercard", Handler::Keys(algebra::zintercard)),
    ("zdiff", Handler::Keys(algebra::zdiff)),
    ("zdiffstore", Handler::Keys(algebra::zdiffstore)),
];
