//! Keys that expire together, with the allocator that the node's binary has.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringmaster_node::{Config, Node};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEYS: u64 = 1_000_000;

/// Commands that are sent together.
const BATCH: u64 = 1000;

/// The aim is a second; a machine that is busy with other tests gets more.
const FREED_SECONDS_MAX: u64 = 10;

/// The aim is ten.
const RETURNED_SECONDS_MAX: u64 = 30;

/// Sends `line` and returns the number in its reply.
fn ask(stream: &mut TcpStream, line: &str) -> u64 {
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut reply = [0; 64];
    let read = stream.read(&mut reply).unwrap();
    String::from_utf8_lossy(&reply[1..read]).trim().parse().unwrap()
}

/// Sets all keys; those of even numbers share a slot. Returns the last deadline.
fn fill(stream: &mut TcpStream) -> Duration {
    let first = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(30);
    for batch in 0..KEYS / BATCH {
        let line = |n: u64| {
            let tag = if n.is_multiple_of(2) { "{t}" } else { "" };
            let deadline = first + Duration::from_millis(n * 1000 / KEYS);
            format!("SET {tag}key:{n:09} {:032} PXAT {}\r\n", n, deadline.as_millis())
        };
        let lines: String = (batch * BATCH..(batch + 1) * BATCH).map(line).collect();
        stream.write_all(lines.as_bytes()).unwrap();
        let mut replies = vec![0; b"+OK\r\n".len() * usize::try_from(BATCH).unwrap()];
        stream.read_exact(&mut replies).unwrap();
    }
    first + Duration::from_secs(1)
}

/// Bytes of memory that the process has from the system.
fn resident() -> usize {
    tikv_jemalloc_ctl::epoch::advance().unwrap();
    tikv_jemalloc_ctl::stats::resident::read().unwrap()
}

fn wait_until(seconds: u64, what: &str, mut is_true: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(seconds);
    while !is_true() {
        assert!(Instant::now() < give_up, "{what} in {seconds} s");
        std::thread::yield_now();
    }
}

#[test]
fn memory_of_a_million_keys_that_expire_in_one_second_comes_back_soon() {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config { listen: free, admin: free, threads: 1, ..Config::default() };
    let node = Node::start(config).unwrap();
    let mut client = TcpStream::connect(node.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let empty = resident();
    let last = fill(&mut client);
    let full = resident();
    assert!(full > empty + 60 * usize::try_from(KEYS).unwrap(), "{empty} bytes before, {full} after");
    assert_eq!(ask(&mut client, "DBSIZE"), KEYS, "filled before the first deadline");
    let rest = last.saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
    wait_until(rest.as_secs() + 1 + FREED_SECONDS_MAX, "all keys freed", || ask(&mut client, "DBSIZE") == 0);
    wait_until(RETURNED_SECONDS_MAX, "nine tenths returned to the system", || {
        resident() < empty + (full - empty) / 10
    });
    drop(client);
    node.stop();
}
