//! Clients that wait for keys.

use super::play;

#[test]
fn waiters_are_served_in_the_order_of_their_arrival() {
    play(
        "a~ BLPOP k 0
         blocked 1
         b~ BRPOP x k 0
         blocked 2
         c: RPUSH k 1 2 3
         a<
         b<
         c: LRANGE k 0 -1
         a: BLPOP k 0
         a: BLPOP k 0.01
         a: EXISTS k",
    );
}

#[test]
fn a_pusher_does_not_see_what_a_waiter_takes() {
    play(
        "a~ BLPOP k 0
         blocked 1
         b: LPUSH k v
         a<
         b: LLEN k
         a~ BLMOVE k l LEFT RIGHT 0
         blocked 1
         c~ BRPOPLPUSH l m 0
         blocked 2
         b: RPUSH k w
         a<
         c<
         b: LRANGE m 0 -1
         b: EXISTS k l",
    );
}

#[test]
fn a_transaction_serves_at_its_end() {
    play(
        "a~ BLPOP k 0
         blocked 1
         b: MULTI
         b: RPUSH k 1
         b: LPUSH k 2
         b: LLEN k
         b: EXEC
         a<
         b: LRANGE k 0 -1
         a: BLPOP k l 0
         a~ BLPOP k l 0
         blocked 1
         b: MULTI
         b: RPUSH l 1
         b: DEL l
         b: EXEC
         b: RPUSH l 2
         a<",
    );
}

#[test]
fn other_kinds_of_values_pass_a_waiter_by() {
    play(
        "a~ BLPOP k 0
         blocked 1
         b: SET k v
         b: DEL k
         b: ZADD k 1 m
         b: DEL k
         b: SADD k m
         b: RENAME k other
         b: RPUSH l 7
         b: RENAME l k
         a<
         a: BLPOP other 0
         a: BLMOVE other k LEFT LEFT 0
         a~ BLMOVE k other LEFT LEFT 0
         blocked 1
         b: RPUSH k 8
         a<
         b: LRANGE k 0 -1",
    );
}

#[test]
fn sorted_sets_serve_waiters() {
    play(
        "a~ BZPOPMIN z 0
         blocked 1
         b~ BZPOPMAX y z 0
         blocked 2
         c~ BZMPOP 0 2 y z MAX COUNT 2
         blocked 3
         d: ZADD z 1 a 2 b 3 c 4 d 5 e
         a<
         b<
         c<
         d: ZRANGE z 0 -1 WITHSCORES
         a: BZMPOP 0 1 z MIN COUNT 10
         a: BZPOPMIN z 0.01
         a~ BZPOPMIN z 0
         blocked 1
         d: ZUNIONSTORE z 2 p q
         d: ZADD p 3 x
         d: ZUNIONSTORE z 2 p q
         a<
         d: EXISTS z",
    );
}

#[test]
fn many_may_be_popped_at_once() {
    play(
        "a~ BLMPOP 0 2 k l LEFT COUNT 2
         blocked 1
         b: RPUSH l 1 2 3
         a<
         a: BLMPOP 0 2 k l RIGHT COUNT 5
         a: BLMPOP 0.01 2 k l RIGHT COUNT 5
         a: BLMPOP 0 0 k LEFT
         a: BLMPOP -1 1 k UP
         a: BLMPOP x 1 k LEFT COUNT 0",
    );
}

#[test]
fn a_waiter_can_be_unblocked() {
    play(
        "a~ BLPOP k 0
         blocked 1
         b: CLIENT UNBLOCK {a}
         a<
         b: CLIENT UNBLOCK {a}
         a~ BLMOVE k l LEFT LEFT 0
         blocked 1
         b: CLIENT UNBLOCK {a} ERROR
         a<
         a~ BZPOPMIN k 0
         blocked 1
         b: CLIENT UNBLOCK {a} TIMEOUT
         a<
         b: CLIENT UNBLOCK 99999 TIMEOUT
         b: CLIENT UNBLOCK x
         b: CLIENT UNBLOCK {a} SOON",
    );
}

#[test]
fn a_waiter_that_goes_leaves_its_place() {
    play(
        "a~ BLPOP k 0
         blocked 1
         b~ BLPOP k 0
         blocked 2
         a!
         blocked 1
         c: RPUSH k 1
         b<
         c: LLEN k",
    );
}

#[test]
fn databases_are_apart_and_may_be_swapped() {
    play(
        "a: SELECT 1
         a~ BLPOP k 0
         blocked 1
         b: RPUSH k 1
         b: SWAPDB 0 1
         a<
         b: LLEN k
         a~ BLPOP k 0
         blocked 1
         b: RPUSH k 2
         b: MOVE k 1
         a<",
    );
}

#[test]
fn what_was_answered_before_does_not_wait_and_what_comes_after_follows() {
    play(
        "a~ PING
         a~ BLPOP k 0
         a~ PING again
         a<
         blocked 1
         b: RPUSH k v
         a<
         a<",
    );
}

#[test]
fn a_waiter_in_a_transaction_does_not_wait() {
    play(
        "a: MULTI
         a: BLPOP k 0
         a: BLMOVE k l LEFT LEFT 0
         a: BZPOPMIN k 0
         a: RPUSH k 1 2
         a: BLPOP k 0
         a: EXEC",
    );
}

#[test]
fn a_waiter_that_goes_leaves_nothing_of_what_it_sent_behind() {
    play(
        "a~ BLPOP k 0
         a~ PING
         a~ RPUSH l 1
         a~ BLPOP k 0
         a~ PING
         blocked 1
         a!
         blocked 0
         b: RPUSH k v
         b: LLEN k
         b: EXISTS l",
    );
}
