//! Clients that watch others, and clients that hold others back.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::super::support::Redis;
use super::{Client, node, play, wait_for_blocked};

/// Fields of `CLIENT LIST` that say the same of a client on every server.
const FIELDS: [&str; 10] = ["name", "flags", "db", "sub", "psub", "multi", "argv-mem", "qbuf", "cmd", "resp"];

/// What `CLIENT LIST` tells of clients in all kinds of states, in the order of their ids.
fn listed(address: SocketAddr) -> Vec<BTreeMap<String, String>> {
    let mut clients: Vec<Client> = (0..7).map(|_| Client::connect(address, 2)).collect();
    clients[0].call("CLIENT SETNAME aa");
    clients[1].send("BLPOP list 0");
    for line in ["MULTI", "SET k v", "GET k"] {
        clients[2].call(line);
    }
    clients[3].call("SUBSCRIBE x");
    clients[3].call("PSUBSCRIBE p");
    clients[4].call("SELECT 3");
    clients[5].call("CLIENT NO-EVICT on");
    clients[5].call("GET x");
    clients[6].call("MONITOR");
    wait_for_blocked(&mut Client::connect(address, 2), "1");
    let ids: Vec<String> = clients.iter().map(|client| client.id.clone()).collect();
    let list = clients[0].call(&format!("CLIENT LIST ID {}", ids.join(" ")));
    list.split("\\n").filter(|line| line.contains("addr=")).map(fields).collect()
}

fn fields(line: &str) -> BTreeMap<String, String> {
    let pairs = line.split(' ').filter_map(|field| field.split_once('='));
    let wanted = pairs.filter(|(name, _)| FIELDS.contains(name));
    wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn clients_are_listed_as_what_they_are() {
    let Some(redis) = Redis::start() else { return };
    let node = node();
    let (mut ours, mut theirs) = (listed(node.address()), listed(redis.address()));
    // Redis keeps a command in its input while it is executed, and the ids in it differ.
    for field in ["qbuf", "argv-mem"] {
        ours[0].remove(field);
        theirs[0].remove(field);
    }
    assert_eq!(ours.len(), 7);
    assert_eq!(ours, theirs);
    node.stop();
}

#[test]
fn a_monitor_sees_the_commands_of_all() {
    play(
        r#"
        a: PING
        m: MONITOR
        n: MONITOR
        a: SET k "v\r\n\t\x00\xff\"\\\a\b"
        m<
        a: GET k
        m<
        a: LPUSH k x
        m<
        a: get
        a: nosuch
        a: SELECT 2
        m<
        a: PING
        m<
        n<
        n<
        n<
        "#,
    );
}

#[test]
fn a_monitor_sees_no_secrets_and_nothing_of_operators() {
    play(
        r"
        a: CONFIG SET slowlog-log-slower-than -1
        a: PING
        m: MONITOR
        a: AUTH me secret
        m<
        a: CONFIG GET timeout
        a: CLIENT LIST ID 999999
        a: SLOWLOG LEN
        a: DEBUG SLEEP 0
        a: ECHO end
        m<
        ",
    );
}

#[test]
fn a_monitor_sees_what_a_transaction_runs() {
    play(
        r"
        a: PING
        m: MONITOR
        a: MULTI
        m<
        a: SET x 1
        a: BLPOP l 0
        a: EXEC
        m<
        m<
        m<
        a: MULTI
        m<
        a: SET x
        a: EXEC
        m<
        a: WATCH x
        m<
        ",
    );
}

#[test]
fn a_monitor_does_not_touch_keys_until_it_is_reset() {
    play(
        r"
        a: PING
        m: MONITOR
        m: GET x
        m: SET x 1
        m: PING
        m<
        a: SET x 1
        m<
        m: RESET
        m: GET x
        a: SET x 2
        m: GET x
        ",
    );
}

#[test]
fn a_monitor_sees_a_client_that_begins_to_wait() {
    play(
        r"
        a: PING
        b: PING
        m: MONITOR
        a~ BLPOP q 0
        m<
        b: RPUSH q v
        a<
        m<
        ",
    );
}

#[test]
fn writes_wait_for_the_end_of_a_pause_and_reads_do_not() {
    play(
        r"
        a: CLIENT PAUSE 100000 WRITE
        b: GET x
        b~ SET x 1
        blocked 1
        c~ PFCOUNT h
        blocked 2
        a: GET x
        a: CLIENT UNPAUSE
        b<
        c<
        a: GET x
        ",
    );
}

#[test]
fn a_transaction_that_writes_waits_at_its_end() {
    play(
        r"
        b: MULTI
        b: SET x 1
        c: MULTI
        c: GET x
        a: CLIENT PAUSE 100000 WRITE
        c: EXEC
        b~ EXEC
        blocked 1
        d: MULTI
        d~ SET y 1
        blocked 2
        a: CLIENT UNPAUSE
        b<
        d<
        d: EXEC
        ",
    );
}

#[test]
fn all_commands_wait_until_the_time_of_a_pause_is_over() {
    play(
        r"
        b: PING
        a: CLIENT PAUSE 300 ALL
        b~ PING
        a: PING
        b<
        a: CLIENT PAUSE 100
        b: nosuch
        b: GET
        b: GET x
        ",
    );
}

#[test]
fn a_pause_within_a_transaction_does_not_stop_it() {
    play(
        r"
        a: MULTI
        a: CLIENT PAUSE 300 WRITE
        a: SET x 1
        a: EXEC
        a: GET x
        a: SET x 2
        a: CLIENT UNPAUSE
        ",
    );
}

#[test]
fn pauses_are_refused_with_the_words_of_redis() {
    play(
        r"
        a: CLIENT PAUSE
        a: CLIENT PAUSE x
        a: CLIENT PAUSE -1
        a: CLIENT PAUSE 1 foo
        a: CLIENT PAUSE 1 ALL x
        a: CLIENT PAUSE 0
        a: CLIENT UNPAUSE x
        a: CLIENT UNPAUSE
        a: DEBUG SLEEP
        a: DEBUG SLEEP x
        a: DEBUG nosuch
        a: DEBUG SLEEP 0.01
        ",
    );
}

#[test]
fn settings_are_changed_and_refused_as_in_redis() {
    play(
        r"
        a: CONFIG SET maxclients 0
        a: CONFIG SET maxclients abc
        a: CONFIG SET timeout -1
        a: CONFIG SET timeout 2147483648
        a: CONFIG SET timeout +1
        a: CONFIG SET slowlog-max-len -1
        a: CONFIG SET slowlog-log-slower-than -2
        a: CONFIG SET slowlog-log-slower-than 1kb
        a: CONFIG SET latency-monitor-threshold -1
        a: CONFIG SET latency-tracking maybe
        a: CONFIG SET latency-tracking-info-percentiles x
        a: CONFIG SET latency-tracking-info-percentiles '50 101'
        a: CONFIG SET latency-tracking-info-percentiles '1 50.5 99.9999 33.3333333'
        a: CONFIG GET latency-tracking-info-percentiles
        a: CONFIG SET latency-tracking-info-percentiles ''
        a: CONFIG GET latency-tracking-info-percentiles
        a: CONFIG SET proto-max-bulk-len -1
        a: CONFIG SET proto-max-bulk-len 2mb timeout 5
        a: CONFIG GET proto-max-bulk-len
        a: CONFIG SET timeout 7 maxclients x
        a: CONFIG GET timeout
        a: CONFIG SET timeout 1 timeout 2
        a: CONFIG SET nosuch 1 timeout 3
        a: CONFIG SET databases 16
        a: CONFIG SET appendonly no save ''
        a: CONFIG GET databases
        a: CONFIG REWRITE
        a: CONFIG SET timeout 0 slowlog-max-len 5 slowlog-log-slower-than 100000000
        a: CONFIG GET slowlog-max-len
        ",
    );
}

#[test]
fn the_slow_log_keeps_the_latest_calls() {
    play(
        r"
        a: CONFIG SET slowlog-log-slower-than -1 slowlog-max-len 3
        a: SLOWLOG RESET
        a: SET k v
        a: SLOWLOG LEN
        a: CONFIG SET slowlog-log-slower-than 0
        a: SLOWLOG LEN
        a: GET k
        a: GET k
        a: SLOWLOG LEN
        a: CONFIG SET slowlog-log-slower-than -1
        a: SLOWLOG RESET
        a: SLOWLOG GET
        a: SLOWLOG GET -2
        a: SLOWLOG GET x
        a: SLOWLOG GET 1 2
        a: SLOWLOG nosuch
        a: SLOWLOG HELP
        ",
    );
}

#[test]
fn latency_events_come_and_go() {
    play(
        r"
        a: LATENCY DOCTOR
        a: CONFIG SET latency-monitor-threshold 100000
        a: LATENCY DOCTOR
        a: LATENCY LATEST
        a: LATENCY HISTORY command
        a: LATENCY GRAPH command
        a: LATENCY RESET
        a: LATENCY RESET command
        a: LATENCY HISTOGRAM nosuch
        a: LATENCY
        a: LATENCY HISTORY
        a: LATENCY GRAPH a b
        a: CONFIG SET latency-monitor-threshold 0
        ",
    );
}
