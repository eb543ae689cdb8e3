//! Clients that wait for entries of streams.

use super::play;

#[test]
fn one_entry_serves_all_that_wait_for_it() {
    play(
        "a~ XREAD BLOCK 0 STREAMS s $
         blocked 1
         b~ XREAD COUNT 1 BLOCK 0 STREAMS t s 0 $
         blocked 2
         c~ XREAD BLOCK 0 STREAMS s 5
         blocked 3
         d: XADD s 1-1 f v
         a<
         b<
         d: XADD s 5-0 f v
         d: XADD s 6-0 f v
         c<
         a: XREAD BLOCK 0 STREAMS s 1
         a: XREAD BLOCK 10 STREAMS s $
         a: XREAD BLOCK 10 STREAMS s 18446744073709551615-18446744073709551615
         a: XREAD BLOCK -1 STREAMS s $
         a: XREAD BLOCK x STREAMS s $
         a: XREAD BLOCK 9223372036854775808 STREAMS s $
         a: XREAD BLOCK 10 STREAMS s x",
    );
}

#[test]
fn the_last_entry_is_that_of_the_moment_of_the_command() {
    play(
        "d: XADD s 1-1 f v
         a~ XREAD BLOCK 0 STREAMS s $
         blocked 1
         d: MULTI
         d: XADD s 2-1 f v
         d: XADD s 2-2 f v
         d: EXEC
         a<
         a~ XREAD BLOCK 0 STREAMS s $
         blocked 1
         d: XDEL s 2-2
         d: XTRIM s MAXLEN 1
         d: XSETID s 3-0
         d: MULTI
         d: XADD s 4-0 f v
         d: XDEL s 4-0
         d: EXEC
         a<",
    );
}

#[test]
fn a_group_gives_an_entry_to_one_of_those_that_wait() {
    play(
        "d: XGROUP CREATE s g $ MKSTREAM
         d: XGROUP CREATE s h 0
         a~ XREADGROUP GROUP g one BLOCK 0 STREAMS s >
         blocked 1
         b~ XREADGROUP GROUP g two BLOCK 0 NOACK STREAMS s >
         blocked 2
         c~ XREADGROUP GROUP h one BLOCK 0 STREAMS s >
         blocked 3
         d: XADD s 1-1 f v
         a<
         c<
         d: XPENDING s g
         d: XADD s 1-2 f v
         b<
         d: XPENDING s g
         d: XPENDING s h
         d: XINFO GROUPS s
         a: XREADGROUP GROUP g one BLOCK 0 STREAMS s 0
         a: XREADGROUP GROUP g two BLOCK 0 STREAMS s 0
         a: XREADGROUP GROUP g one BLOCK 10 STREAMS s >
         a: XREADGROUP GROUP x one BLOCK 0 STREAMS s >
         a: XREADGROUP GROUP g one BLOCK 0 STREAMS s $",
    );
}

#[test]
fn readers_of_a_group_hear_when_it_goes() {
    play(
        "d: XGROUP CREATE s g $ MKSTREAM
         d: XGROUP CREATE s h $
         a~ XREADGROUP GROUP g one BLOCK 0 STREAMS s >
         blocked 1
         b~ XREADGROUP GROUP h one BLOCK 0 STREAMS s >
         blocked 2
         c~ XREAD BLOCK 0 STREAMS s $
         blocked 3
         d: XGROUP DESTROY s g
         a<
         d: DEL s
         b<
         d: XADD s 7-7 f v
         c<",
    );
}

#[test]
fn readers_of_a_group_hear_when_the_key_becomes_something_else() {
    play(
        "d: XGROUP CREATE s g $ MKSTREAM
         a~ XREADGROUP GROUP g one BLOCK 0 STREAMS s >
         blocked 1
         d: SET s v
         a<
         d: DEL s
         d: XGROUP CREATE s g $ MKSTREAM
         a~ XREADGROUP GROUP g one BLOCK 0 STREAMS s >
         blocked 1
         d: MULTI
         d: DEL s
         d: SADD s m
         d: EXEC
         a<
         d: DEL s
         d: XGROUP CREATE s g $ MKSTREAM
         a~ XREADGROUP GROUP g one BLOCK 0 STREAMS s >
         blocked 1
         d: RENAME s t
         a<
         a~ XREADGROUP GROUP g one BLOCK 0 STREAMS t >
         blocked 1
         d: FLUSHALL
         a<",
    );
}

#[test]
fn a_stream_that_takes_the_name_serves_those_that_wait_for_it() {
    play(
        "a~ XREAD BLOCK 0 STREAMS s 3
         blocked 1
         b~ BLPOP s 0
         blocked 2
         d: XADD t 2-0 f v
         d: RENAME t s
         d: XADD t 5-0 f v
         d: XADD t 6-0 f v
         d: COPY t s REPLACE
         a<
         d: DEL s
         d: RPUSH s v
         b<",
    );
}

#[test]
fn a_reader_can_be_unblocked() {
    play(
        "d: XGROUP CREATE s g $ MKSTREAM
         a~ XREADGROUP GROUP g one BLOCK 0 STREAMS s >
         blocked 1
         b: CLIENT UNBLOCK {a}
         a<
         a~ XREAD BLOCK 0 STREAMS s $
         blocked 1
         b: CLIENT UNBLOCK {a} ERROR
         a<",
    );
}

#[test]
fn a_reader_in_a_transaction_does_not_wait() {
    play(
        "a: MULTI
         a: XREAD BLOCK 0 STREAMS s $
         a: XADD s 1-1 f v
         a: XREAD BLOCK 0 STREAMS s $
         a: XREAD BLOCK 0 STREAMS s 0
         a: XGROUP CREATE s g $
         a: XREADGROUP GROUP g one BLOCK 0 STREAMS s >
         a: EXEC",
    );
}
