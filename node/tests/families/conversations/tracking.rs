//! CLIENT TRACKING.
//!
//! Invalidations that a client causes itself are not played: the order of them and the reply is nobody's promise.

use super::{play, play_in};

#[test]
fn what_was_read_is_told_once_when_it_changes() {
    play_in(
        &[3],
        "a: CLIENT TRACKING ON
         a: GET k
         a: MGET k l
         b: SET k v
         a<
         b: SET k w
         b: SET l v
         a<
         a: HGETALL h
         b: HSET h f v
         a<
         a: GET k
         b: EXPIRE k 1000
         a<
         a: GET k
         b: DEL k
         a<
         a: LRANGE list 0 -1
         b: MULTI
         b: RPUSH list 1
         b: RPUSH list 2
         b: EXEC
         a<
         a: MULTI
         a: XREAD STREAMS s 0
         a: EXEC
         b: XADD s 1 f v
         a<
         a: CLIENT TRACKING OFF
         a: GET k
         b: SET k v
         a: PING",
    );
}

#[test]
fn all_is_told_to_be_gone_at_a_flush() {
    play_in(
        &[3],
        "a: CLIENT TRACKING ON
         a: GET k
         b: FLUSHALL
         a<
         b: SET k v
         b: FLUSHDB
         a<
         c: CLIENT TRACKING ON BCAST
         b: FLUSHDB
         c<
         a<",
    );
}

#[test]
fn other_databases_count_as_the_same() {
    play_in(
        &[3],
        "a: CLIENT TRACKING ON
         a: GET k
         b: SELECT 3
         b: SET k v
         a<
         a: PING",
    );
}

#[test]
fn broadcasting_tells_of_prefixes() {
    play_in(
        &[3],
        "a: CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:
         b: SET user:1 v
         a<
         b: SET other v
         b: SET item:1 v
         a<
         b: DEL item:1
         a<
         b: DEL item:1
         a: CLIENT TRACKINGINFO
         a: CLIENT TRACKING ON BCAST PREFIX use
         a: CLIENT TRACKING ON BCAST PREFIX x PREFIX xy
         a: CLIENT TRACKING ON BCAST PREFIX x
         b: SET xyz v
         a<
         a: CLIENT TRACKING ON
         a: CLIENT TRACKING OFF
         b: SET xyz v
         a: PING",
    );
}

#[test]
fn a_client_chooses_what_is_remembered() {
    play_in(
        &[3],
        "a: CLIENT TRACKING ON OPTIN
         a: GET k
         b: SET k v
         a: CLIENT CACHING YES
         a: CLIENT TRACKINGINFO
         a: GET k
         a: GET l
         b: SET l v
         b: SET k v
         a<
         a: CLIENT CACHING YES
         a: MULTI
         a: GET k
         a: GET l
         a: EXEC
         a: GET m
         b: SET m v
         b: SET l v
         a<
         b: SET k v
         a<
         a: CLIENT CACHING NO
         a: CLIENT TRACKING ON OPTOUT
         a: CLIENT TRACKING OFF
         a: CLIENT TRACKING ON OPTOUT
         a: CLIENT CACHING NO
         a: CLIENT TRACKINGINFO
         a: GET k
         b: SET k v
         a: GET k
         b: SET k v
         a<
         a: CLIENT CACHING YES
         a: CLIENT CACHING MAYBE",
    );
}

#[test]
fn another_client_is_told_in_ones_place() {
    play_in(
        &[2],
        "b: SUBSCRIBE __redis__:invalidate
         a: CLIENT TRACKING ON REDIRECT {b}
         a: GET k
         c: SET k v
         b<
         a: GET k
         c: FLUSHALL
         b<
         a: CLIENT TRACKING OFF
         a: CLIENT GETREDIR",
    );
    play_in(
        &[3],
        "b: PING
         a: CLIENT TRACKING ON REDIRECT {b} NOLOOP
         a: GET k
         a: SET k v
         a: GET k
         c: SET k v
         b<
         b: PING",
    );
}

#[test]
fn wrong_requests_are_refused() {
    play(
        "a: CLIENT TRACKINGINFO
         a: CLIENT GETREDIR
         a: CLIENT CACHING YES
         a: CLIENT TRACKING
         a: CLIENT TRACKING MAYBE
         a: CLIENT TRACKING ON FOO
         a: CLIENT TRACKING ON PREFIX
         a: CLIENT TRACKING ON PREFIX a
         a: CLIENT TRACKING ON REDIRECT x
         a: CLIENT TRACKING ON REDIRECT 99999
         a: CLIENT TRACKING ON REDIRECT {a} REDIRECT {a}
         a: CLIENT TRACKING ON OPTIN OPTOUT
         a: CLIENT TRACKING ON OPTIN BCAST
         a: CLIENT TRACKING ON BCAST PREFIX a PREFIX ab
         a: CLIENT TRACKINGINFO
         a: CLIENT TRACKING ON OPTIN NOLOOP
         a: CLIENT TRACKING ON OPTOUT
         a: CLIENT TRACKING ON BCAST
         a: CLIENT TRACKINGINFO
         a: CLIENT GETREDIR
         a: CLIENT TRACKING ON
         a: CLIENT TRACKINGINFO
         a: CLIENT CACHING YES
         a: RESET
         a: CLIENT TRACKINGINFO",
    );
}
