//! Two proxies are started anew, one after the other, under load: no client that connects anew is refused anything.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_proxy::{Config as ProxyConfig, Proxy};
use ringmaster_tests::wire::{Wire, encoded};

/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Clients at once.
const CLIENTS: usize = 8;

/// Commands that each client has under way at a time.
const PIPELINE: usize = 4;

/// Requests that each client is to be answered between two restarts.
const BETWEEN: u64 = 200;

fn free() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    answered: AtomicU64,
    reconnects: AtomicU64,
    is_over: AtomicBool,
}

/// A client as go-redis is one: what a connection that closed has not answered is asked again over another.
fn client(number: usize, proxies: [SocketAddr; 2], seen: &Seen) -> Result<(), String> {
    let mut round = 0u64;
    let mut at = number;
    while !seen.is_over.load(Ordering::Relaxed) {
        at += 1;
        let Ok(mut stream) = TcpStream::connect(proxies[at % 2]) else { continue };
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        seen.reconnects.fetch_add(1, Ordering::Relaxed);
        while !seen.is_over.load(Ordering::Relaxed) {
            match ask(&mut stream, number, round) {
                Ok(Some(wrong)) => return Err(wrong),
                Ok(None) => {
                    round += 1;
                    seen.answered.fetch_add(PIPELINE as u64, Ordering::Relaxed);
                }
                Err(_) => break,
            }
        }
    }
    Ok(())
}

/// Asks a round of commands; an answer that is not the one to expect, or an error of the connection.
fn ask(stream: &mut TcpStream, number: usize, round: u64) -> io::Result<Option<String>> {
    let mut request = Vec::new();
    for key in 0..PIPELINE {
        let key = format!("client{number}:{key}:{round}");
        request.extend(encoded(&[b"SET", key.as_bytes(), b"v"]));
    }
    stream.write_all(&request)?;
    let mut answers = vec![0; PIPELINE * "+OK\r\n".len()];
    let mut filled = 0;
    while filled < answers.len() {
        match stream.read(&mut answers[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
        let is_fine =
            answers[..filled].iter().zip(b"+OK\r\n".iter().cycle()).all(|(one, other)| one == other);
        if !is_fine {
            return Ok(Some(String::from_utf8_lossy(&answers[..filled]).into_owned()));
        }
    }
    Ok(None)
}

fn wait_for(seen: &Seen, more: u64) {
    let (begun, before) = (Instant::now(), seen.answered.load(Ordering::Relaxed));
    while seen.answered.load(Ordering::Relaxed) < before + more {
        assert!(begun.elapsed() < PATIENCE, "the clients are served");
        thread::sleep(Duration::from_millis(10));
    }
}

fn start(config: &ProxyConfig) -> Proxy {
    let (proxy, begun) = (Proxy::start(config.clone()).expect("a proxy starts"), Instant::now());
    while Wire::connect(proxy.address()).ask("SET ready 1") != r"+OK\r\n" {
        assert!(begun.elapsed() < PATIENCE, "the proxy serves");
        thread::sleep(Duration::from_millis(10));
    }
    proxy
}

fn rolled(replicas: usize) {
    let node = || NodeConfig { listen: free(), admin: free(), threads: 1, ..NodeConfig::default() };
    let nodes: Vec<Node> = (0..3).map(|_| Node::start(node()).expect("a node starts")).collect();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let cluster = directory.path().join("cluster.yaml");
    let named =
        nodes.iter().zip(0..).map(|(node, at)| format!("{{name: n{at}, address: '{}'}}", node.address()));
    let text = format!("replicas: {replicas}\nnodes: [{}]\n", named.collect::<Vec<_>>().join(", "));
    std::fs::write(&cluster, text).expect("the directory takes files");
    let config = ProxyConfig { listen: free(), admin: free(), threads: 1, cluster, ..ProxyConfig::default() };
    let mut proxies: Vec<Proxy> = (0..2).map(|_| start(&config)).collect();
    let addresses = [proxies[0].address(), proxies[1].address()];
    let seen = Arc::new(Seen::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let seen = Arc::clone(&seen);
            thread::spawn(move || client(number, addresses, &seen))
        })
        .collect();
    for round in 0..4 {
        wait_for(&seen, BETWEEN * CLIENTS as u64);
        let at = round % 2;
        proxies.remove(at).stop();
        proxies.insert(at, start(&ProxyConfig { listen: addresses[at], ..config.clone() }));
    }
    wait_for(&seen, BETWEEN * CLIENTS as u64);
    seen.is_over.store(true, Ordering::Relaxed);
    let failed: Vec<String> = clients
        .into_iter()
        .filter_map(|client| client.join().expect("a client does not panic").err())
        .collect();
    assert_eq!(failed, Vec::<String>::new());
    assert!(seen.reconnects.load(Ordering::Relaxed) > CLIENTS as u64, "clients had to connect anew");
    proxies.into_iter().for_each(Proxy::stop);
    nodes.into_iter().for_each(Node::stop);
}

#[test]
fn no_request_fails_while_two_proxies_are_rolled() {
    rolled(1);
}

#[test]
fn no_request_fails_while_two_proxies_of_chains_are_rolled() {
    rolled(2);
}
