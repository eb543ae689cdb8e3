//! The command table against a real redis-server 7.0: both must say the same, in both directions and protocols.
//!
//! Redis lists commands and subcommands in the order of a hash table with a random seed. Everything else is
//! compared byte for byte.

#[path = "command_table/redis.rs"]
mod redis;

use std::collections::BTreeSet;

use redis::Redis;
use ringmaster_protocol::{
    command::{self, Source, Spec, introspect},
    resp::{Args, Protocol, Span, reply::Reply},
};

const PROTOCOLS: [Protocol; 2] = [Protocol::Resp2, Protocol::Resp3];

/// Our answer to a request, in bytes.
fn ours(request: &[&str], protocol: Protocol) -> Vec<u8> {
    let (mut buffer, mut spans) = (Vec::new(), Vec::new());
    for argument in request {
        spans.push(Span { start: buffer.len() as u32, len: argument.len() as u32 });
        buffer.extend_from_slice(argument.as_bytes());
    }
    let mut answer = Vec::new();
    introspect::command(Args::new(&buffer, &spans), &mut Reply::new(&mut answer, protocol));
    answer
}

/// Our rows of the server's version.
fn rows() -> impl Iterator<Item = &'static Spec> {
    command::all().iter().filter(|spec| spec.source == Source::Redis70)
}

#[track_caller]
fn assert_same(request: &[&str], theirs: &[u8], ours: &[u8]) {
    let (theirs, ours) = (theirs.escape_ascii().to_string(), ours.escape_ascii().to_string());
    assert_eq!(ours, theirs, "our answer to {request:?} (left) differs from the server's (right)");
}

/// Sends each request to the server and compares the bytes of the answer with ours.
fn assert_same_answers(redis: &mut Redis, requests: &[&str]) {
    for request in requests {
        let request: Vec<&str> =
            request.split(' ').map(|word| if word == "''" { "" } else { word }).collect();
        for protocol in PROTOCOLS {
            let theirs = redis.ask(protocol, &request);
            assert_same(&request, &theirs, &ours(&request, protocol));
        }
    }
}

#[test]
fn the_server_and_the_table_have_the_same_commands() {
    let Some(mut redis) = Redis::start() else { return };
    let theirs: BTreeSet<String> = redis.words(&["COMMAND", "LIST"]).into_iter().collect();
    let ours: BTreeSet<String> = rows().map(|spec| spec.name.to_string()).collect();
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), [""; 0], "only the server has these");
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), [""; 0], "only the table has these");
}

#[test]
fn every_row_and_every_document_is_the_same_byte_for_byte() {
    let Some(mut redis) = Redis::start() else { return };
    for spec in rows().filter(|spec| !spec.is_container()) {
        for subcommand in ["INFO", "DOCS"] {
            let request = ["COMMAND", subcommand, spec.name];
            for protocol in PROTOCOLS {
                assert_same(&request, &redis.ask(protocol, &request), &ours(&request, protocol));
            }
        }
    }
}

#[test]
fn commands_with_subcommands_are_the_same_but_for_the_order() {
    let Some(mut redis) = Redis::start() else { return };
    let newer: Vec<&str> =
        command::all().iter().filter(|spec| spec.source > Source::Redis70).map(|spec| spec.name).collect();
    for spec in rows().filter(|spec| spec.is_container()) {
        for subcommand in ["INFO", "DOCS"] {
            let request = ["COMMAND", subcommand, spec.name];
            for protocol in PROTOCOLS {
                let theirs = redis::canonical(&redis.ask(protocol, &request), &[]);
                let ours = redis::canonical(&ours(&request, protocol), &newer);
                assert_eq!(ours, theirs, "{request:?} {protocol:?}");
            }
        }
    }
}

#[test]
fn several_rows_and_a_missing_one_are_answered_as_by_the_server() {
    let Some(mut redis) = Redis::start() else { return };
    assert_same_answers(
        &mut redis,
        &[
            "COMMAND INFO get xread",
            "COMMAND INFO GET nosuch client|LIST get|x",
            "COMMAND DOCS GET nosuch client|list",
            "COMMAND DOCS nosuch",
            "COMMAND HELP",
            "COMMAND LIST FILTERBY MODULE x",
            "COMMAND LIST FILTERBY ACLCAT nosuch",
            "COMMAND LIST FILTERBY PATTERN nosuch*",
            "COMMAND LIST FILTERBY",
            "COMMAND LIST FILTERBY x y",
            "COMMAND LIST FILTERBY PATTERN a b",
            "COMMAND COUNT x",
            "COMMAND nosuch",
            "COMMAND GETKEYS",
        ],
    );
}

#[test]
fn filtered_lists_hold_the_same_names() {
    let Some(mut redis) = Redis::start() else { return };
    for filter in ["ACLCAT dangerous", "aclcat READ", "PATTERN x*", "PATTERN *|get*", "PATTERN [a-c]?[^t]*"] {
        let mut request = vec!["COMMAND", "LIST", "filterby"];
        request.extend(filter.split(' '));
        let theirs: BTreeSet<String> = redis.words(&request).into_iter().collect();
        let ours = redis::words(&ours(&request, Protocol::Resp2));
        let is_old = |name: &String| command::lookup_full(name.as_bytes()).unwrap().source == Source::Redis70;
        assert_eq!(ours.into_iter().filter(is_old).collect::<BTreeSet<_>>(), theirs, "{filter}");
    }
}

#[test]
fn keys_of_tricky_requests_are_those_of_the_server() {
    let Some(mut redis) = Redis::start() else { return };
    let requests = include_str!("command_table/getkeys.txt").lines().filter(|line| !line.starts_with('#'));
    for request in requests {
        for subcommand in ["GETKEYS", "GETKEYSANDFLAGS"] {
            assert_same_answers(&mut redis, &[&format!("COMMAND {subcommand} {request}")]);
        }
    }
}

#[test]
fn rejected_requests_get_the_errors_of_the_server() {
    let Some(mut redis) = Redis::start() else { return };
    let long = "x".repeat(300);
    let requests: [&[&str]; 12] = [
        &["nosuch"],
        &["nosuch", "a", "b"],
        &["no\r\nsuch", "a\0b", "c\rd"],
        &[&long],
        &["nosuch", &long, &long],
        &["nosuch", &long[..100], &long[..100], "c"],
        &["nosuch", &long[..124], "b", "c"],
        &["get"],
        &["GeT", "a", "b"],
        &["client"],
        &["cLient", "nosuch", "x"],
        &["client", "setname"],
    ];
    for request in requests {
        let mut expected = vec![b'-'];
        expected.extend(command::resolve(request).unwrap_err().text(request));
        expected.extend(b"\r\n");
        assert_same(request, &redis.ask(Protocol::Resp2, request), &expected);
    }
}
