//! Sets: SADD, SINTER and their family.

mod algebra;
mod members;
mod random;
mod transfer;

use super::Handler;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("sadd", Handler::Keys(members::sadd)),
    ("srem", Handler::Keys(members::srem)),
    ("scard", Handler::Keys(members::scard)),
    ("smembers", Handler::Keys(members::smembers)),
    ("sismember", Handler::Keys(members::sismember)),
    ("smismember", Handler::Keys(members::smismember)),
    ("sscan", Handler::Keys(members::sscan)),
    ("spop", Handler::Keys(random::spop)),
    ("srandmember", Handler::Keys(random::srandmember)),
    ("smove", Handler::Keys(transfer::smove)),
    ("sinter", Handler::Keys(algebra::sinter)),
    ("sintercard", Handler::Keys(algebra::sintercard)),
    ("sinterstore", Handler::Keys(algebra::sinterstore)),
    ("sunion", Handler::Keys(algebra::sunion)),
    ("sunionstore", Handler::Keys(algebra::sunionstore)),
    ("sdiff", Handler::Keys(algebra::sdiff)),
    ("sdiffstore", Handler::Keys(algebra::sdiffstore)),
];
