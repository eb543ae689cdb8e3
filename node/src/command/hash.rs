//! Hashes: HSET, HGETALL and their family.

mod arguments;
mod exchange;
mod expire;
mod fields;
mod increment;
mod random;
mod read;
mod whole;

use super::Handler;

/// The family's commands.
pub const HANDLERS: &[(&str, Handler)] = &[
    ("hset", Handler::Keys(fields::hset)),
    ("hmset", Handler::Keys(fields::hmset)),
    ("hsetnx", Handler::Keys(fields::hsetnx)),
    ("hdel", Handler::Keys(fields::hdel)),
    ("hget", Handler::Keys(read::hget)),
    ("hmget", Handler::Keys(read::hmget)),
    ("hlen", Handler::Keys(read::hlen)),
    ("hstrlen", Handler::Keys(read::hstrlen)),
    ("hexists", Handler::Keys(read::hexists)),
    ("hgetall", Handler::Keys(whole::hgetall)),
    ("hkeys", Handler::Keys(whole::hkeys)),
    ("hvals", Handler::Keys(whole::hvals)),
    ("hscan", Handler::Keys(whole::hscan)),
    ("hincrby", Handler::Keys(increment::hincrby)),
    ("hincrbyfloat", Handler::Keys(increment::hincrbyfloat)),
    ("hrandfield", Handler::Keys(random::hrandfield)),
    ("hexpire", Handler::Keys(expire::hexpire)),
    ("hpexpire", Handler::Keys(expire::hpexpire)),
    ("hexpireat", Handler::Keys(expire::hexpireat)),
    ("hpexpireat", Handler::Keys(expire::hpexpireat)),
    ("hpersist", Handler::Keys(expire::hpersist)),
    ("httl", Handler::Keys(expire::httl)),
    ("hpttl", Handler::Keys(expire::hpttl)),
    ("hexpiretime", Handler::Keys(expire::hexpiretime)),
    ("hpexpiretime", Handler::Keys(expire::hpexpiretime)),
    ("hgetdel", Handler::Keys(exchange::hgetdel)),
    ("hgetex", Handler::Keys(exchange::hgetex)),
    ("hsetex", Handler::Keys(exchange::hsetex)),
];
