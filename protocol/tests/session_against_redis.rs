//! The session's commands, byte for byte against a real redis-server 7.0, in RESP2 and RESP3.
//!
//! Hidden from the comparison: the version, the client's id and address, times, and what Redis 7.2 added. Left out:
//! a `HELLO` with a wrong option behind SETNAME, which in 7.0 keeps the name and from 7.2 on does not.

#[path = "session/process.rs"]
mod process;
#[path = "session/redis.rs"]
mod redis;
#[path = "session/wire.rs"]
mod wire;

use process::Process;
use redis::Redis;
use ringmaster_protocol::command::{self, Source};
use ringmaster_protocol::session::Outcome;

/// Conversations, each on a connection of its own: one a line, its commands separated by `;`.
const CONVERSATIONS: &str = include_str!("session/conversations.txt");

#[test]
fn replies_and_errors_are_those_of_redis_byte_for_byte() {
    let Some(redis) = Redis::start() else { return };
    let mut differences = Vec::new();
    for conversation in CONVERSATIONS.lines() {
        for prologue in ["", "HELLO 3;"] {
            let text = format!("{prologue}{conversation}; QUIT");
            let (ours, theirs) = (ours(&text), mask(&redis.conversation(&request(&text))));
            if mask(&ours) != theirs {
                let (ours, theirs) = (ours.escape_ascii(), theirs.escape_ascii());
                differences.push(format!("{text}\n  ours  {ours}\n  redis {theirs}"));
            }
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn help_of_client_has_the_lines_of_redis_and_those_of_the_newer_subcommands() {
    let Some(redis) = Redis::start() else { return };
    let lines = |replies: Vec<u8>| -> Vec<String> {
        String::from_utf8(replies).expect("text").lines().skip(1).map(ToOwned::to_owned).collect()
    };
    let theirs = lines(redis.conversation(&request("CLIENT HELP; QUIT")));
    let mut ours = lines(ours("CLIENT HELP; QUIT"));
    ours.retain(|line| theirs.contains(line));
    assert_eq!(ours, theirs);
}

#[test]
fn the_categories_hold_the_commands_that_redis_puts_into_them() {
    let Some(redis) = Redis::start() else { return };
    let names = |replies: &[u8]| -> Vec<String> {
        let text = String::from_utf8(replies.to_vec()).expect("text");
        let mut names: Vec<String> = text.lines().skip(2).step_by(2).map(ToOwned::to_owned).collect();
        names.sort();
        names
    };
    for category in names(&ours("ACL CAT")) {
        let command = format!("ACL CAT {category}; QUIT");
        let theirs = names(&redis.conversation(&request(&command)));
        let mut ours = names(&ours(&command));
        ours.retain(|name| {
            command::lookup_full(name.as_bytes()).is_none_or(|spec| spec.source == Source::Redis70)
        });
        assert_eq!(ours, theirs, "{category}");
    }
}

#[test]
fn the_lines_of_clients_have_the_fields_of_redis() {
    let Some(redis) = Redis::start() else { return };
    for text in [
        "CLIENT SETNAME a; SELECT 3; CLIENT INFO; QUIT",
        "CLIENT NO-EVICT ON; CLIENT LIST; QUIT",
        "HELLO 3; CLIENT LIST TYPE normal; QUIT",
    ] {
        let theirs = line_fields(&redis.conversation(&request(text)));
        let mut ours = line_fields(&ours(text));
        // Fields that came with later releases.
        ours.retain(|(name, _)| !name.starts_with("lib-") && name != "watch");
        assert!(theirs.len() > 20, "{text}: {theirs:?}");
        assert_eq!(ours, theirs, "{text}");
    }
}

#[test]
fn the_fields_of_info_are_those_of_redis_in_its_order() {
    let Some(redis) = Redis::start() else { return };
    let names = |replies: &[u8]| -> Vec<String> {
        let text = String::from_utf8(replies.to_vec()).expect("text");
        let fields = text.lines().filter(|line| line.starts_with("# ") || line.contains(':'));
        fields.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
    };
    let theirs = names(&redis.conversation(&request("INFO; QUIT")));
    let ours = names(&ours("INFO; QUIT"));
    let mut place = theirs.iter();
    // Those that came with 7.2 and 7.4.
    let is_later = |name: &str| name == "pubsub_clients" || name.ends_with("_buffer_limit_disconnections");
    for name in ours.iter().filter(|name| !is_later(name)) {
        assert!(place.any(|their| their == name), "{name} is not there, or out of order");
    }
    assert!(ours.len() > 100);
}

#[test]
fn time_and_generated_passwords_have_their_shape() {
    let Some(redis) = Redis::start() else { return };
    let shape = |replies: Vec<u8>| -> String {
        let text = String::from_utf8(replies).expect("text");
        text.lines().map(|line| if line.starts_with(['*', '+']) { line } else { "text" }).collect()
    };
    let text = "TIME; ACL GENPASS; ACL GENPASS 5; QUIT";
    assert_eq!(shape(ours(text)), shape(redis.conversation(&request(text))));
    let lengths = "ACL GENPASS; ACL GENPASS 5; ACL GENPASS 4096";
    assert_eq!(ours(lengths).len(), 5 + 64 + 2 + 4 + 2 + 2 + 7 + 1024 + 2);
}

fn commands(text: &str) -> Vec<Vec<Vec<u8>>> {
    text.split(';').map(wire::words).collect()
}

/// The bytes that a client sends for `text`.
fn request(text: &str) -> Vec<u8> {
    commands(text).iter().flat_map(|words| wire::encoded(words)).collect()
}

/// What a session of ours answers, up to where it closes.
fn ours(text: &str) -> Vec<u8> {
    let (mut session, process, mut out) = (process::session(3), Process::default(), Vec::new());
    for command in commands(text) {
        match process::execute(&command, &mut session, &process, &mut out) {
            Outcome::Close => break,
            Outcome::NotMine => panic!("the session does not know {text}"),
            Outcome::Done | Outcome::Reset => {}
        }
    }
    out
}

/// `replies` with the version and the client's id in the answers of `HELLO` hidden.
fn mask(replies: &[u8]) -> Vec<u8> {
    let text: String = replies.iter().map(|&byte| char::from(byte)).collect();
    let mut lines: Vec<&str> = text.split("\r\n").collect();
    for at in 2..lines.len() {
        match lines[at - 2] {
            "version" => lines[at - 1..=at].fill("(hidden)"),
            _ if lines[at - 1] == "id" => lines[at] = "id",
            _ => {}
        }
    }
    lines.join("\r\n").into_bytes()
}

/// Names of the fields of the first client's line; the values of those that a client decides.
fn line_fields(replies: &[u8]) -> Vec<(String, String)> {
    const COMPARED: [&str; 12] =
        ["name", "flags", "db", "sub", "psub", "ssub", "multi", "events", "cmd", "user", "redir", "resp"];
    let text = String::from_utf8(replies.to_vec()).expect("text");
    let line = text.lines().find(|line| line.contains("laddr=")).expect("a line of a client");
    let fields = line.split(' ').filter_map(|field| field.split_once('='));
    let compared = |name: &str| COMPARED.contains(&name);
    fields
        .map(|(name, value)| (name.to_owned(), if compared(name) { value.to_owned() } else { String::new() }))
        .collect()
}
