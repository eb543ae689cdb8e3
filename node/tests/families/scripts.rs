//! Scripts and functions: a list of them, run by a node and by a redis-server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ringmaster_node::Node;
use ringmaster_node::config::Config;
use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::scan::Scanner;

use super::support::{Redis, Words, words};

const CASES: &str = include_str!("scripts/cases.lua");

/// A client of a node.
struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    fn new(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream, input: Vec::new() }
    }

    fn call(&mut self, words: &Words) -> Vec<u8> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).unwrap();
        let (mut scanner, mut chunk) = (Scanner::default(), [0; 1 << 16]);
        loop {
            if let Some(len) = scanner.frame(&self.input).unwrap() {
                return self.input.drain(..len).collect();
            }
            let len = self.stream.read(&mut chunk).unwrap();
            assert!(len > 0, "the node closed the connection");
            self.input.extend_from_slice(&chunk[..len]);
        }
    }
}

/// The bytes of a word with the escapes `\n`, `\x20` and the like.
fn unescaped(word: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = word.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, byte == b'\\') {
            (_, false) => out.push(byte),
            _ => match bytes.next() {
                Some(b'n') => out.push(b'\n'),
                Some(b'x') => {
                    let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                    let digits = std::str::from_utf8(&digits).unwrap();
                    out.push(u8::from_str_radix(digits, 16).unwrap());
                }
                other => out.extend(other),
            },
        }
    }
    out
}

/// The command of a line; `None` for a comment.
fn command(line: &str) -> Option<Words> {
    if line.is_empty() || line.starts_with("-- ") {
        return None;
    }
    if let Some(command) = line.strip_prefix('!') {
        return Some(command.split(' ').map(unescaped).collect());
    }
    let (script, rest) = line.split_once(" ## ").unwrap_or((line, "0"));
    let mut command = vec![b"EVAL".to_vec(), script.replace("\\N", "\n").into_bytes()];
    command.extend(words(rest));
    Some(command)
}

#[test]
fn scripts_answer_as_in_redis() {
    let Some(mut redis) = Redis::start() else { return };
    let free = ([127, 0, 0, 1], 0).into();
    let config = Config { listen: free, admin: free, threads: 1, ..Config::default() };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let node = Node::start(config.clone()).unwrap();
        let mut client = Client::new(&node);
        redis.reset(protocol);
        redis.call(&words("FUNCTION FLUSH"));
        redis.call(&words("SCRIPT FLUSH"));
        client.call(&words(if protocol == Protocol::Resp3 { "HELLO 3" } else { "HELLO 2" }));
        for words in CASES.lines().filter_map(command) {
            let (theirs, ours) = (redis.call(&words), client.call(&words));
            let shown = words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>();
            assert_eq!(theirs.escape_ascii().to_string(), ours.escape_ascii().to_string(), "{shown:?}");
        }
        drop(client);
        node.stop();
    }
}
