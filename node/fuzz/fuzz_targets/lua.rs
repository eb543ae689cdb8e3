//! Scripts with any arguments: each gets exactly one whole reply, and the node goes on.
//!
//! The first byte is the script, the rest its arguments, with a zero byte between two.
#![no_main]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ringmaster_node::{Config, Node};
use ringmaster_protocol::resp::scan::Scanner;

const SCRIPTS: [&str; 22] = [
    "return cjson.decode(ARGV[1])",
    "return cjson.encode(cjson.decode(ARGV[1]))",
    "return cjson.encode({ARGV[1], tonumber(ARGV[2]), [ARGV[3] or 1] = ARGV[4]})",
    "return {cmsgpack.unpack(ARGV[1])}",
    "return cmsgpack.pack(cmsgpack.unpack(ARGV[1]))",
    "return {cmsgpack.unpack_limit(ARGV[1], tonumber(ARGV[2]) or 1, tonumber(ARGV[3]) or 0)}",
    "return cmsgpack.pack(cjson.decode(ARGV[1]))",
    "return cjson.encode(cmsgpack.unpack(ARGV[1]))",
    "return {struct.unpack(ARGV[1], ARGV[2] or '', tonumber(ARGV[3]) or 1)}",
    "return struct.pack(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]) or 0)",
    "return struct.pack(ARGV[1], tonumber(ARGV[2]) or 1, tonumber(ARGV[3]) or 2, tonumber(ARGV[4]) or 3)",
    "return struct.size(ARGV[1])",
    "return {string.find(ARGV[1], ARGV[2] or '', tonumber(ARGV[3]) or 1)}",
    "return {string.gsub(ARGV[1], ARGV[2] or '', ARGV[3] or '')}",
    "return string.format(ARGV[1], ARGV[2], tonumber(ARGV[3]) or 0, ARGV[4])",
    "return redis.pcall(unpack(ARGV))",
    "return redis.call(unpack(ARGV))",
    "return redis.error_reply(ARGV[1])",
    "return redis.status_reply(ARGV[1])",
    "redis.setresp(3) return {map = {[ARGV[1]] = ARGV[2]}, double = tonumber(ARGV[3])}",
    "return {bit.bxor(tonumber(ARGV[1]) or 1, tonumber(ARGV[2]) or 2), bit.tohex(tonumber(ARGV[1]) or 1, tonumber(ARGV[2]) or 8)}",
    "return {loadstring(ARGV[1], ARGV[2])}",
];

/// A node, and a connection to it.
struct Runner {
    stream: TcpStream,
    _node: Node,
}

impl Runner {
    fn new() -> Self {
        let free = ([127, 0, 0, 1], 0).into();
        let config = Config { listen: free, admin: free, threads: 1, ..Config::default() };
        let node = Node::start(config).expect("a node starts");
        let stream = TcpStream::connect(node.address()).expect("it accepts");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit is set");
        Self { stream, _node: node }
    }

    /// The one reply to a command.
    fn call(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).expect("the node reads");
        let (mut scanner, mut input, mut chunk) = (Scanner::default(), Vec::new(), [0; 4096]);
        loop {
            let read = self.stream.read(&mut chunk).expect("a reply comes in time");
            assert!(read > 0, "the node closed the connection");
            input.extend_from_slice(&chunk[..read]);
            if let Some(len) = scanner.frame(&input).expect("a reply is well formed") {
                assert_eq!(len, input.len(), "{}", input.escape_ascii());
                return input;
            }
        }
    }
}

thread_local! {
    static RUNNER: RefCell<Runner> = RefCell::new(Runner::new());
}

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let script = SCRIPTS[usize::from(*which) % SCRIPTS.len()];
    let mut words: Vec<&[u8]> = vec![b"EVAL", script.as_bytes(), b"0"];
    words.extend(rest.split(|byte| *byte == 0).take(8));
    RUNNER.with_borrow_mut(|runner| {
        runner.call(&words);
        assert_eq!(runner.call(&[b"PING"]), b"+PONG\r\n");
    });
});
