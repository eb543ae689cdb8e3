//! `ringmaster cli` prints what redis-cli prints, against a real redis-server; where Redis's tools are not
//! installed the tests say so and pass.

mod access;
mod redis;

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use redis::Redis;

const RINGMASTER: &str = env!("CARGO_BIN_EXE_ringmaster");

const SETUP: [&str; 5] =
    ["RPUSH l a b c d e f g h i j", "HSET h f 1 g 2", "SADD s m", "ZADD z 1.5 a 2 b", "SET k \x01\n\"q\"\\é"];

fn run(program: &str, leading: &[&str], redis: &Redis, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(leading).args(["-h", "127.0.0.1", "-p", &redis.port.to_string()]).args(arguments);
    command.stdin(Stdio::null()).output().expect("it runs")
}

fn ours(redis: &Redis, arguments: &[&str]) -> Output {
    run(RINGMASTER, &["cli"], redis, arguments)
}

/// Both programs print the same for these arguments.
fn same(redis: &Redis, arguments: &[&str]) {
    let theirs = run("redis-cli", &[], redis, arguments).stdout;
    let ours = ours(redis, arguments);
    let [ours_text, theirs] = [ours.stdout.as_slice(), &theirs].map(String::from_utf8_lossy);
    assert_eq!(ours_text, theirs, "{arguments:?}: {}", String::from_utf8_lossy(&ours.stderr));
}

#[test]
fn replies_are_printed_as_redis_cli_prints_them() {
    let Some(redis) = Redis::start() else { return };
    for line in SETUP {
        ours(&redis, &line.split(' ').collect::<Vec<_>>());
    }
    for line in [
        "GET k",
        "GET none",
        "LRANGE l 0 -1",
        "LRANGE none 0 -1",
        "HGETALL h",
        "HGETALL none",
        "SMEMBERS s",
        "SMEMBERS none",
        "ZRANGE z 0 -1 WITHSCORES",
        "ZSCORE z a",
        "LPUSH k x",
        "no-such-command x",
        "EVAL return{1,{2,'x',{}},false,redis.error_reply('e'),redis.status_reply('s')} 0",
        "COMMAND INFO get nothing",
        "DEBUG PROTOCOL string",
        "DEBUG PROTOCOL integer",
        "DEBUG PROTOCOL double",
        "DEBUG PROTOCOL null",
        "DEBUG PROTOCOL array",
        "DEBUG PROTOCOL set",
        "DEBUG PROTOCOL map",
        "DEBUG PROTOCOL verbatim",
        "DEBUG PROTOCOL true",
        "DEBUG PROTOCOL false",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        for flags in [&["--no-raw"][..], &["--no-raw", "-3"], &["--raw"], &["-3"]] {
            same(&redis, &[flags, &words].concat());
        }
    }
}

#[test]
fn arguments_that_begin_with_a_dash_belong_to_the_command() {
    let Some(redis) = Redis::start() else { return };
    assert_eq!(ours(&redis, &["SET", "k", "-1"]).stdout, b"OK\n");
    assert_eq!(ours(&redis, &["-n", "1", "EXISTS", "k"]).stdout, b"0\n");
    assert_eq!(ours(&redis, &["-n", "0", "INCRBY", "k", "-4"]).stdout, b"-5\n");
}

#[test]
fn commands_from_a_pipe_are_run_in_order_and_an_error_shows_in_the_exit_code() {
    let Some(redis) = Redis::start() else { return };
    let mut child = Command::new(RINGMASTER)
        .args(["cli", "-p", &redis.port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let script = b"set k \"a b\"\n\nget k\nincr k\nselect 2\ndbsize\n";
    child.stdin.take().expect("piped").write_all(script).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let want = "OK\na b\nERR value is not an integer or out of range\n\nOK\n0\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), want);
    assert!(!output.status.success());
}

#[test]
fn without_a_server_it_says_so_and_fails() {
    let output = Command::new(RINGMASTER).args(["cli", "-p", "1", "PING"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("cannot connect to 127.0.0.1:1"), "{text}");
}
