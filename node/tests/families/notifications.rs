//! Keyspace events: the same random commands on both sides, a subscriber to all events on each, and the sequences of
//! messages of each command compared.
//!
//! Events of expiry are left out here: Redis frees a key that has expired when it comes across it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringmaster_node::mail::{Mail, Reader, Recipient};
use ringmaster_node::pubsub::Kind;
use ringmaster_node::store::event::Wanted;
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::scan::Scanner;

use super::support::same::elements;
use super::support::{Node, Random, Redis, Words, words};
use super::{generic, hashes, lists, sets, sorted_sets, strings};

/// Commands that are drawn for each family.
const COMMANDS: usize = 4_000;

/// Commands between two looks at what Redis told.
const BATCH: usize = 200;

/// The channel on which the end of each command is told.
const MARK: &str = "__keyspace@0__:the end of a command";

/// Keeps what it hears, in RESP2.
#[derive(Default)]
struct Ear(Mutex<Vec<u8>>);

impl Recipient for Ear {
    fn id(&self) -> u64 {
        1
    }

    fn receive(&self, mail: Mail) {
        mail.write(&mut self.0.lock().unwrap(), Reader { protocol: Protocol::Resp2, is_subscriber: true });
    }

    fn has_gone(&self) -> bool {
        false
    }
}

/// What was told, as `channel message`, without the events of expiry.
fn told(frames: &[u8]) -> Vec<String> {
    let mut rest = frames;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let len = Scanner::default().frame(rest).unwrap().expect("a whole frame");
        let parts: Vec<String> =
            elements(&rest[..len]).iter().skip(2).map(|part| part.escape_ascii().to_string()).collect();
        all.push(parts.join(" "));
        rest = &rest[len..];
    }
    all.retain(|text| !text.contains("expired"));
    all
}

/// A subscriber to all events of a redis-server.
struct Listener {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Listener {
    fn to(redis: &Redis) -> Self {
        let mut stream = TcpStream::connect(redis.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"PSUBSCRIBE __keyspace@*__:* __keyevent@*__:*\r\n").unwrap();
        let mut listener = Self { stream, input: Vec::new() };
        listener.frame();
        listener.frame();
        listener
    }

    fn frame(&mut self) -> Vec<u8> {
        let mut chunk = [0; 1 << 16];
        loop {
            if let Some(len) = Scanner::default().frame(&self.input).unwrap() {
                return self.input.drain(..len).collect();
            }
            let len = self.stream.read(&mut chunk).expect("a message comes in time");
            self.input.extend_from_slice(&chunk[..len]);
        }
    }

    /// What is told until the mark comes.
    fn until_mark(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame();
            if frame.windows(MARK.len()).any(|part| part == MARK.as_bytes()) {
                return told(&frames);
            }
            frames.extend(frame);
        }
    }
}

/// Plays the commands to both sides and compares what each command tells.
fn compare(events: &str, seed: u64, draw: impl Fn(&mut Random) -> Words) {
    let Some(mut redis) = Redis::start() else { return };
    redis.call(&words(&format!("CONFIG SET notify-keyspace-events {events}")));
    let (mut listener, mut node, ear) =
        (Listener::to(&redis), Node::new(Protocol::Resp2), Arc::new(Ear::default()));
    node.engine().store().events().want(Wanted::parse(events.as_bytes()).unwrap());
    for pattern in [&b"__keyspace@*__:*"[..], b"__keyevent@*__:*"] {
        node.engine().hub().subscribe(Kind::Pattern, pattern, ear.clone());
    }
    let mark = vec![b"PUBLISH".to_vec(), MARK.as_bytes().to_vec(), Vec::new()];
    let (mut random, mut seen) = (Random::new(seed), HashMap::new());
    for _ in 0..COMMANDS / BATCH {
        let batch: Vec<Words> = (0..BATCH).map(|_| draw(&mut random)).collect();
        let theirs = redis.call_all(batch.iter().flat_map(|words| [words, &mark]));
        for (words, reply) in batch.iter().zip(theirs.iter().step_by(2)) {
            node.call(words);
            let (mut ours, mut theirs) =
                (told(&std::mem::take(&mut *ear.0.lock().unwrap())), listener.until_mark());
            if reply.starts_with(b"-") {
                // A command that fails may have told of keys that it missed on its way; which, is nobody's promise.
                ours.retain(|text| !text.contains("keymiss"));
                theirs.retain(|text| !text.contains("keymiss"));
            }
            let shown: Vec<String> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
            assert_eq!(ours, theirs, "seed {seed}: {}", shown.join(" "));
            theirs.iter().for_each(|text| *seen.entry(text.clone()).or_insert(0) += 1);
        }
    }
    assert!(seen.len() > 10, "there were events: {seen:?}");
}

fn any(random: &mut Random) -> Words {
    let mut words = match random.below(7) {
        0 => strings::command(random),
        1 => lists::command(random),
        2 => hashes::command(random).0,
        3 => sets::write(random),
        4 => sets::read(random),
        5 => sorted_sets::step(random).words,
        _ => generic::command(random),
    };
    let name = words[0].to_ascii_uppercase();
    if name == b"SPOP" || name == b"RANDOMKEY" {
        // What is chosen is not the same on both sides.
        words = vec![b"PING".to_vec()];
    }
    random.spoil(&mut words);
    words
}

#[test]
fn strings_tell_what_redis_tells() {
    compare("KEAn", 1, strings::command);
}

#[test]
fn lists_tell_what_redis_tells() {
    compare("KEAn", 2, lists::command);
}

#[test]
fn hashes_tell_what_redis_tells() {
    compare("KEAn", 3, |random| hashes::command(random).0);
}

#[test]
fn sets_tell_what_redis_tells() {
    compare("KEAn", 4, |random| if random.once_in(3) { sets::read(random) } else { sets::write(random) });
}

#[test]
fn sorted_sets_tell_what_redis_tells() {
    compare("KEAn", 5, |random| sorted_sets::step(random).words);
}

#[test]
fn keys_tell_what_redis_tells() {
    compare("KEAn", 6, generic::command);
}

#[test]
fn what_is_missed_is_told_as_by_redis() {
    compare("KEAmn", 7, any);
}

#[test]
fn random_choices_and_sorted_elements_are_told() {
    let lines = [
        "SADD s a b c d",
        "SPOP s 9",
        "SPOP s 0",
        "SORT l STORE d",
        "SORT none STORE d",
        "RPUSH l 2 1",
        "DEL d l",
        "GETDEL d",
        "SMOVE s t a",
        "MSET a 1 b 2",
        "MSETNX a 1 z 2",
        "RENAME a b",
        "LMOVE l m LEFT RIGHT",
        "DEL s",
        "SADD u a",
        "SPOP u",
    ];
    compare("KEAmn", 8, |random| words(random.pick(&lines)));
}
