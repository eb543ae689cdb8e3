//! Clients that do not read are closed before data goes for them, with the allocator that the node's binary has.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ringmaster_node::store::eviction::Policy;
use ringmaster_node::{Config, Node};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The account is the process's: one node at a time.
static ALONE: Mutex<()> = Mutex::new(());

const BOUND: u64 = 128 << 20;

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(line);
        let mut reply = String::new();
        self.0.read_line(&mut reply).unwrap();
        reply.trim_end().to_owned()
    }

    fn figure(&mut self, name: &str) -> u64 {
        let len: usize = self.ask("INFO everything")[1..].parse().unwrap();
        let mut text = vec![0; len + 2];
        self.0.read_exact(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("INFO has {name}")).parse().unwrap()
    }

    /// Waits until the figure is `wanted` or more.
    fn wait_for(&mut self, name: &str, wanted: u64) {
        let began = Instant::now();
        while self.figure(name) < wanted {
            assert!(began.elapsed() < Duration::from_secs(30), "{name}");
        }
    }

    /// Whether the node closes the connection once all that it still sends is read.
    fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end, too.
        self.0
            .read_to_end(&mut rest)
            .map_or_else(|error| error.kind() != std::io::ErrorKind::WouldBlock, |_| true)
    }
}

fn node(threads: usize, eviction: Policy) -> Node {
    let free = ([127, 0, 0, 1], 0).into();
    let config =
        Config { listen: free, admin: free, threads, maxmemory: BOUND, eviction, ..Config::default() };
    Node::start(config).unwrap()
}

#[test]
fn who_does_not_read_is_closed_before_a_key_is_evicted_for_it() {
    let _alone = ALONE.lock().unwrap();
    let node = node(2, Policy::S3Fifo);
    let mut writer = Client::of(&node);
    for n in 0..60 {
        assert_eq!(writer.ask(&format!("SETRANGE k{n} 1048575 x")), ":1048576");
    }
    // Many requests of many megabytes: what the kernel does not take waits in the node.
    let keys: String = (0..60).map(|n| format!(" k{n}")).collect();
    let mut idlers: Vec<Client> = (0..3).map(|_| Client::of(&node)).collect();
    for idler in &mut idlers {
        idler.send(&format!("MGET{keys}"));
    }
    writer.wait_for("evicted_clients", 2);
    for n in 60..70 {
        assert_eq!(writer.ask(&format!("SETRANGE k{n} 1048575 x")), ":1048576");
    }
    assert_eq!(writer.figure("evicted_keys"), 0);
    assert_eq!(writer.ask("DBSIZE"), ":70");
    assert!(idlers.iter_mut().filter_map(|idler| idler.is_closed().then_some(())).count() >= 2);
    node.stop();
}

#[test]
fn who_asks_not_to_be_evicted_is_spared_and_who_reads_is_served() {
    let _alone = ALONE.lock().unwrap();
    let node = node(1, Policy::AllkeysLru);
    let mut writer = Client::of(&node);
    for n in 0..40 {
        assert_eq!(writer.ask(&format!("SETRANGE k{n} 1048575 x")), ":1048576");
    }
    let keys: String = (0..40).map(|n| format!(" k{n}")).collect();
    let mut spared = Client::of(&node);
    assert_eq!(spared.ask("CLIENT NO-EVICT ON"), "+OK");
    spared.send(&format!("MGET{keys}"));
    writer.wait_for("used_memory", 75 << 20);
    for n in 40..100 {
        assert_eq!(writer.ask(&format!("SETRANGE k{n} 1048575 x")), ":1048576");
    }
    assert_eq!(writer.figure("evicted_clients"), 0);
    assert!(writer.figure("evicted_keys") > 0);
    let mut reply = vec![0; 40 << 20];
    spared.0.read_exact(&mut reply).unwrap();
    assert!(reply.starts_with(b"*40\r\n$1048576\r\n"));
    node.stop();
}

#[test]
fn a_client_over_its_output_limit_is_closed_hard_at_once_and_soft_in_time() {
    let _alone = ALONE.lock().unwrap();
    let node = node(1, Policy::NoEviction);
    let mut writer = Client::of(&node);
    assert_eq!(writer.ask("SETRANGE k 33554431 x"), ":33554432");
    let mut before = Client::of(&node);
    before.send("GET k");
    assert_eq!(writer.ask("CONFIG SET client-output-buffer-limit \"normal 20mb 0 0\""), "+OK");
    let mut hard = Client::of(&node);
    hard.send("GET k");
    assert!(hard.is_closed());
    // The one that lets much wait already is found within a second or two.
    writer.wait_for("client_output_buffer_limit_disconnections", 2);
    assert_eq!(writer.ask("CONFIG SET client-output-buffer-limit \"normal 0 20mb 1\""), "+OK");
    let mut soft = Client::of(&node);
    soft.send("GET k");
    writer.wait_for("client_output_buffer_limit_disconnections", 3);
    assert!(soft.is_closed() && before.is_closed());
    node.stop();
}
