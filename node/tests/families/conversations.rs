//! Conversations of several clients, played to a node and to a redis-server: every reply must be the same.
//!
//! A script is a list of lines. `a: COMMAND` sends a command of client `a` and reads its reply; `a~ COMMAND` only
//! sends; `a<` reads one frame that `a` gets; `a!` closes; `blocked 2` waits until two clients are blocked. At the end
//! all clients leave, and the server must notice. Each script is played with all its clients in RESP2, and again in
//! RESP3. `{a}` in a command stands for the id of client `a`.

mod accounts;
mod blocking;
mod observing;
mod pubsub;
mod streams;
mod tracking;
mod transactions;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ringmaster_node::config::Config;
use ringmaster_protocol::resp::inline;
use ringmaster_protocol::resp::scan::Scanner;

use super::support::Redis;

/// Longest wait for a frame or for a state.
const PATIENCE: Duration = Duration::from_secs(20);

/// One client's connection.
struct Client {
    stream: TcpStream,
    input: Vec<u8>,
    /// Its id, as `CLIENT ID` tells it.
    id: String,
}

impl Client {
    fn connect(address: SocketAddr, protocol: u8) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { stream, input: Vec::new(), id: String::new() };
        client.call(&format!("HELLO {protocol}"));
        client.id = client.call("CLIENT ID").chars().filter(char::is_ascii_digit).collect();
        client
    }

    /// Sends a line's words (quotes allowed).
    fn send(&mut self, line: &str) {
        let (mut store, mut spans) = (Vec::new(), Vec::new());
        inline::split(line.as_bytes(), &mut store, &mut spans).unwrap();
        let mut request = format!("*{}\r\n", spans.len()).into_bytes();
        for span in spans {
            let word = span.of(&store);
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&request).unwrap();
    }

    fn frame(&mut self) -> String {
        let (mut scanner, mut chunk) = (Scanner::default(), [0; 1 << 16]);
        loop {
            if let Some(len) = scanner.frame(&self.input).unwrap() {
                return masked(&self.input.drain(..len).collect::<Vec<u8>>().escape_ascii().to_string());
            }
            let len = self.stream.read(&mut chunk).expect("a frame comes in time");
            if len == 0 {
                return "closed".to_owned();
            }
            self.input.extend_from_slice(&chunk[..len]);
        }
    }

    fn call(&mut self, line: &str) -> String {
        self.send(line);
        self.frame()
    }
}

/// The frame without the time and the address that stand in a line of MONITOR: `+7.000005 [2 1.2.3.4:5] "GET" "k"`.
fn masked(frame: &str) -> String {
    match frame.split_once(" [").zip(frame.split_once("] ")) {
        Some(((time, sender), (_, command))) if time.starts_with('+') => {
            let database = sender.split(' ').next().unwrap_or_default();
            let script = if sender.contains(" lua]") { " lua" } else { "" };
            format!("[{database}{script}] {command}")
        }
        _ => frame.to_owned(),
    }
}

/// What the clients of a script got, line by line.
fn played(address: SocketAddr, protocol: u8, script: &str) -> Vec<String> {
    let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
    let mut control = Client::connect(address, 2);
    control.call("FLUSHALL");
    control.call("CONFIG SET notify-keyspace-events ''");
    let mut transcript = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(count) = line.strip_prefix("blocked ") {
            wait_for_blocked(&mut control, count);
            continue;
        }
        let at = line.find([':', '~', '<', '!']).expect("a line names a client");
        let (name, rest) = (&line[..at], line[at + 1..].trim());
        if &line[at..=at] == "!" {
            clients.remove(name);
            continue;
        }
        let mut rest = rest.to_owned();
        for (name, client) in &clients {
            rest = rest.replace(&format!("{{{name}}}"), &client.id);
        }
        let client = clients.entry(name).or_insert_with(|| Client::connect(address, protocol));
        if &line[at..=at] != "<" {
            client.send(&rest);
        }
        if &line[at..=at] != "~" {
            transcript.push(format!("{line} => {}", client.frame()));
        }
    }
    let ids: Vec<String> = clients.into_values().map(|client| client.id).collect();
    wait_until_forgotten(&mut control, &ids);
    transcript
}

/// Waits until the server has noticed that the clients of these ids have left.
fn wait_until_forgotten(control: &mut Client, ids: &[String]) {
    let began = Instant::now();
    loop {
        let list = control.call("CLIENT LIST");
        if !ids.iter().any(|id| list.contains(&format!("id={id} "))) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "clients that left are forgotten in time: {list}");
        std::thread::yield_now();
    }
}

/// Waits until `count` clients are blocked.
fn wait_for_blocked(control: &mut Client, count: &str) {
    let (began, wanted) = (Instant::now(), format!("blocked_clients:{count}\\r"));
    while !control.call("INFO clients").contains(&wanted) {
        assert!(began.elapsed() < PATIENCE, "{count} clients are blocked in time");
        std::thread::yield_now();
    }
}

/// A node of two threads on a free port.
fn node() -> ringmaster_node::Node {
    let free = ([127, 0, 0, 1], 0).into();
    let config = Config { listen: free, admin: free, threads: 2, ..Config::default() };
    ringmaster_node::Node::start(config).unwrap()
}

/// Plays the script to both and compares.
#[track_caller]
fn play(script: &str) {
    play_in(&[2, 3], script);
}

/// Plays the script in these protocols.
#[track_caller]
fn play_in(protocols: &[u8], script: &str) {
    let Some(redis) = Redis::start() else { return };
    let node = node();
    for &protocol in protocols {
        let (ours, theirs) =
            (played(node.address(), protocol, script), played(redis.address(), protocol, script));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "RESP{protocol}");
        }
    }
    node.stop();
}
