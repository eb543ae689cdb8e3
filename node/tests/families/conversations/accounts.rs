//! ACL, AUTH, and what users may and may not do.

use super::play;

#[test]
fn users_are_made_shown_and_removed() {
    play(
        "a: ACL SETUSER bob
         a: ACL LIST
         a: ACL GETUSER bob
         a: ACL SETUSER bob on >pw ~a* %R~b* %w~c* &ch* +@read +set
         a: ACL LIST
         a: ACL GETUSER bob
         a: ACL SETUSER bob (~z +get) (%R~y +@list)
         a: ACL GETUSER bob
         a: ACL SETUSER bob clearselectors <pw >other resetchannels resetkeys
         a: ACL GETUSER bob
         a: ACL SETUSER bob nopass skip-sanitize-payload allkeys allchannels allcommands
         a: ACL LIST
         a: ACL SETUSER bob reset
         a: ACL LIST
         a: ACL USERS
         a: ACL DELUSER bob nobody
         a: ACL DELUSER default
         a: ACL GETUSER bob
         a: ACL USERS",
    );
}

#[test]
fn wrong_rules_are_refused_and_change_nothing() {
    play(
        "a: ACL SETUSER bob on +nosuch
         a: ACL USERS
         a: ACL SETUSER bob +config|nosuch
         a: ACL SETUSER bob +config|get|x
         a: ACL SETUSER bob +get|
         a: ACL SETUSER bob -get|x
         a: ACL SETUSER bob +@nosuch
         a: ACL SETUSER bob (~x
         a: ACL SETUSER bob (~x nosuch)
         a: ACL SETUSER bob ~* ~x
         a: ACL SETUSER bob &* &x
         a: ACL SETUSER bob %X~x
         a: ACL SETUSER bob %~x
         a: ACL SETUSER bob %RR~x
         a: ACL SETUSER bob '~a b'
         a: ACL SETUSER 'a b' on
         a: ACL SETUSER bob nosuch
         a: ACL DELUSER bob",
    );
}

#[test]
fn a_user_may_what_its_rules_say() {
    play(
        "a: ACL SETUSER bob on >pw ~a* %R~b* &ch* +@read +@write +@pubsub -getdel +select|1 +multi +exec
         a: ACL SETUSER amy on nopass ~* &* +@all -@dangerous
         a: SET a1 1
         b: AUTH bob wrong
         b: AUTH nobody pw
         b: AUTH bob pw
         b: GET a1
         b: SET a2 2
         b: GET b1
         b: SET b1 1
         b: COPY b1 a3
         b: COPY a1 b2
         b: MGET a1 b1
         b: MGET a1 c1
         b: GETDEL a1
         b: SELECT 1
         b: SELECT 0
         b: PING
         b: ACL WHOAMI
         b: PUBLISH ch1 x
         b: PUBLISH other x
         b: PSUBSCRIBE ch1*
         b: PSUBSCRIBE ch*
         b: PUNSUBSCRIBE ch*
         b: SUBSCRIBE other
         b: SORT a9 BY w*
         b: SORT a9 BY nosort GET # GET w*
         b: SORT a9 BY nosort GET #
         c: AUTH amy anything
         c: ACL WHOAMI
         c: FLUSHALL
         c: SET x 1
         c: CONFIG GET port
         b: RESET
         b: ACL WHOAMI
         a: ACL DRYRUN bob SET b1 1
         a: ACL DRYRUN bob GETDEL a1
         a: ACL DRYRUN bob PUBLISH other x
         a: ACL DRYRUN bob GET a1
         a: ACL LOG RESET
         a: ACL DELUSER bob amy",
    );
}

#[test]
fn what_is_denied_in_a_transaction_spoils_it() {
    play(
        "a: ACL SETUSER bob on nopass ~a* +@all -@dangerous -del -exec
         b: AUTH bob x
         b: MULTI
         b: SET a1 1
         b: DEL a1
         b: EXEC
         b: DISCARD
         a: ACL SETUSER bob +exec
         b: MULTI
         b: SET a1 1
         b: SET c1 1
         b: EXEC
         b: MULTI
         b: SET a1 1
         b: INCR a1
         a: ACL SETUSER bob -incr
         b: EXEC
         a: ACL DELUSER bob",
    );
}

#[test]
fn a_script_may_no_more_than_its_user() {
    play(
        "a: ACL SETUSER bob on nopass ~a* &x +@all -del
         b: AUTH bob x
         b: EVAL \"return redis.call('set', KEYS[1], 'v')\" 1 a1
         b: EVAL \"return redis.pcall('del', KEYS[1])\" 1 a1
         b: EVAL \"return redis.pcall('get', 'c1')\" 0
         b: EVAL \"return redis.pcall('publish', 'y', 'm')\" 0
         b: EVAL \"return 1\" 1 c1
         a: ACL DELUSER bob",
    );
}

#[test]
fn without_a_password_nobody_gets_in_once_there_is_one() {
    play(
        "b: PING
         a: ACL SETUSER default on >secret
         c: AUTH secret
         c: ACL WHOAMI
         d: PING
         d: NOSUCH
         d: HELLO 3
         d: HELLO 2 AUTH default wrong
         d: AUTH wrong
         d: AUTH default secret
         d: PING
         b: GET k
         b: RESET
         b: GET k
         b: AUTH a b c
         a: ACL SETUSER default nopass
         e: PING
         e: AUTH x",
    );
}
