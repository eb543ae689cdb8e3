//! The bound of memory, with the allocator that tells what is used.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ringmaster_node::Node;
use ringmaster_node::config::Config;
use ringmaster_node::store::eviction::Policy;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Commands of the batch: 640 MiB in all.
const COMMANDS: usize = 20;

#[test]
fn one_batch_of_large_writes_does_not_pass_the_bound_by_far() {
    let free = ([127, 0, 0, 1], 0).into();
    let (maxmemory, eviction) = (64 << 20, Policy::NoEviction);
    let config = Config { listen: free, admin: free, threads: 1, maxmemory, eviction, ..Config::default() };
    let node = Node::start(config).unwrap();
    let mut client = TcpStream::connect(node.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let batch: String = (0..COMMANDS).map(|n| format!("SETRANGE k{n} 33554432 x\r\n")).collect();
    client.write_all(batch.as_bytes()).unwrap();
    let (mut replies, mut buffer) = (Vec::new(), [0; 4096]);
    while replies.iter().filter(|byte| **byte == b'\n').count() < COMMANDS {
        let read = client.read(&mut buffer).unwrap();
        assert!(read > 0);
        replies.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8(replies).unwrap();
    let refused = text.lines().filter(|line| line.starts_with("-OOM")).count();
    assert!((COMMANDS - 3..COMMANDS).contains(&refused), "{text}");
    node.stop();
}

#[test]
fn a_node_in_use_tells_what_more_memory_would_bring() {
    const KEYS: usize = 200_000;
    let free = ([127, 0, 0, 1], 0).into();
    let config = Config { listen: free, admin: free, threads: 1, maxmemory: 24 << 20, ..Config::default() };
    let node = Node::start(config).unwrap();
    let mut client = TcpStream::connect(node.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let (began, mut seed, mut text) = (std::time::Instant::now(), 1u64, String::new());
    while !text.contains("miss_percent_with_twice_the_memory:") {
        assert!(began.elapsed() < Duration::from_secs(60), "{text}");
        let mut batch = String::new();
        for _ in 0..2000 {
            seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            let key = usize::try_from(seed >> 40).unwrap() % KEYS;
            batch.push_str(&format!("GET k{key}\r\nSET k{key} {key:0200}\r\n"));
        }
        batch.push_str("INFO ringmaster\r\n");
        client.write_all(batch.as_bytes()).unwrap();
        let mut buffer = vec![0; 1 << 16];
        text.clear();
        while !text.contains("exact_timing") {
            let read = client.read(&mut buffer).unwrap();
            assert!(read > 0);
            text = String::from_utf8_lossy(&buffer[..read]).into_owned();
        }
    }
    let percent = |name: &str| -> f64 {
        let (_, rest) = text.split_once(&format!("{name}:")).unwrap();
        rest.split("\r\n").next().unwrap().parse().unwrap()
    };
    let (half, twice) = (percent("with_half_the_memory"), percent("with_twice_the_memory"));
    assert!(twice <= half && (0.0..=100.0).contains(&twice), "{text}");
    node.stop();
}
