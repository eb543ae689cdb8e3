//! The bound of memory, with the allocator that the node's binary has.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ringmaster_node::store::eviction::Policy;
use ringmaster_node::{Config, Node};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Sends a line and returns the first line of the reply.
fn ask(stream: &mut TcpStream, line: &str) -> String {
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut reply = vec![0; 64 << 10];
    let read = stream.read(&mut reply).unwrap();
    String::from_utf8_lossy(&reply[..read]).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_full_node_refuses_what_needs_memory_and_serves_the_rest() {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let (maxmemory, eviction) = (64 << 20, Policy::NoEviction);
    let config = Config { listen: free, admin: free, threads: 1, maxmemory, eviction, ..Config::default() };
    let node = Node::start(config).unwrap();
    let mut client = TcpStream::connect(node.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let value = "v".repeat(1 << 20);
    let full =
        (0..1000).find(|n| ask(&mut client, &format!("SETRANGE key:{n} 1048575 x")).starts_with("-OOM"));
    let full = full.expect("a node of 64 MiB does not take 1000 MiB");
    assert!((20..200).contains(&full), "full after {full} MiB");
    assert!(ask(&mut client, "SET small v").starts_with("-OOM command not allowed"));
    assert_eq!(ask(&mut client, "STRLEN key:1"), format!(":{}", value.len()));
    assert_eq!(ask(&mut client, "FLUSHALL"), "+OK");
    while ask(&mut client, "SET small v").starts_with("-OOM") {
        std::thread::yield_now();
    }
    drop(client);
    node.stop();
}

/// Bytes of memory that the process has from the system.
fn resident() -> usize {
    tikv_jemalloc_ctl::epoch::advance().unwrap();
    tikv_jemalloc_ctl::stats::resident::read().unwrap()
}

#[test]
fn memory_of_deleted_keys_goes_back_to_the_system_while_the_node_rests() {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config { listen: free, admin: free, threads: 1, ..Config::default() };
    let node = Node::start(config).unwrap();
    let mut client = TcpStream::connect(node.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let items = " 0123456789abcdef".repeat(500);
    (0..800).for_each(|n| drop(ask(&mut client, &format!("RPUSH list:{}{items}", n % 2))));
    let full = resident();
    (0..2).for_each(|n| assert_eq!(ask(&mut client, &format!("DEL list:{n}")), ":1"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while resident() + (4 << 20) > full {
        assert!(Instant::now() < deadline, "{full} bytes before, {} after", resident());
        std::thread::yield_now();
    }
    drop(client);
    node.stop();
}
