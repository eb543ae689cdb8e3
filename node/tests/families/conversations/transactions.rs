//! MULTI, EXEC, WATCH and their kin.

use super::play;

#[test]
fn queued_commands_run_at_exec() {
    play(
        "a: MULTI
         a: SET k 1
         a: INCR k
         a: GET k
         b: GET k
         a: LPUSH k x
         a: MGET k l
         a: EXEC
         a: EXEC
         a: DISCARD
         a: MULTI
         a: DISCARD
         a: MULTI
         a: EXEC
         a: GET k",
    );
}

#[test]
fn a_refused_command_spoils_the_transaction() {
    play(
        "a: MULTI
         a: NOSUCH
         a: SET k v
         a: EXEC
         a: MULTI
         a: GET
         a: EXEC
         a: MULTI
         a: MULTI
         a: WATCH k
         a: SET k w
         a: EXEC
         a: EXISTS k
         a: MULTI
         a: WAIT 0 0
         a: EXEC",
    );
}

#[test]
fn a_watched_key_that_is_changed_stops_exec() {
    play(
        "a: WATCH k l
         b: SET k v
         a: MULTI
         a: SET m 1
         a: EXEC
         a: EXISTS m
         a: WATCH k
         a: MULTI
         a: GET k
         a: EXEC
         b: SET k w
         a: MULTI
         a: GET k
         a: EXEC
         a: WATCH k
         b: SET k x
         a: UNWATCH
         a: MULTI
         a: GET k
         a: EXEC
         a: WATCH k
         b: SET k y
         a: MULTI
         a: DISCARD
         a: MULTI
         a: GET k
         a: EXEC",
    );
}

#[test]
fn what_does_not_change_a_key_does_not_stop_exec() {
    play(
        "a: SET k v
         a: WATCH k none
         b: GET k
         b: DEL none
         b: SETNX k w
         b: PERSIST k
         b: SADD s m
         a: MULTI
         a: PING
         a: EXEC
         a: WATCH s
         b: SADD s m
         a: MULTI
         a: PING
         a: EXEC
         a: WATCH s
         b: EXPIRE s 100
         a: MULTI
         a: PING
         a: EXEC",
    );
}

#[test]
fn whole_databases_touch_what_they_hold() {
    play(
        "a: SET k v
         a: WATCH none
         b: FLUSHALL
         a: MULTI
         a: PING
         a: EXEC
         a: SET k v
         a: WATCH k
         b: FLUSHDB
         a: MULTI
         a: PING
         a: EXEC
         a: SET k v
         a: WATCH k
         b: SWAPDB 0 5
         a: MULTI
         a: PING
         a: EXEC
         a: WATCH k
         b: SWAPDB 0 5
         a: MULTI
         a: PING
         a: EXEC",
    );
}

#[test]
fn one_may_change_databases_and_look_at_all_keys() {
    play(
        "a: MULTI
         a: SELECT 3
         a: SET k v
         a: DBSIZE
         a: KEYS *
         a: SELECT 0
         a: DBSIZE
         a: FLUSHALL
         a: EXEC
         a: SELECT 3
         a: DBSIZE
         a: MULTI
         a: SET x 1
         a: SCAN 0 COUNT 1000
         a: RANDOMKEY
         a: PING
         a: ECHO hi
         a: UNWATCH
         a: INFO nosuch
         a: EXEC
         a: GET x",
    );
}

#[test]
fn an_expired_watch_stops_exec() {
    play(
        "a: SET k v PX 300
         a: WATCH k
         b: BLPOP none 0.4
         a: MULTI
         a: PING
         a: EXEC
         a: WATCH k
         b: BLPOP none 0.15
         a: MULTI
         a: PING
         a: EXEC",
    );
}

#[test]
fn reset_and_quit_end_a_transaction() {
    play(
        "a: MULTI
         a: SET k v
         a: RESET
         a: EXEC
         a: GET k
         a: MULTI
         a: SET k v
         a: QUIT",
    );
}

#[test]
fn an_exec_that_a_subscriber_may_not_send_ends_its_watch() {
    play(
        "a: WATCH k
         a: SUBSCRIBE news
         a: EXEC
         a: MULTI
         a: EXEC
         a: UNSUBSCRIBE news
         b: SET k 2
         a: MULTI
         a: GET k
         a: EXEC",
    );
}
