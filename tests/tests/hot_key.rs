//! Two proxies write one key as fast as they can: nothing is lost, nothing is done twice, and the members of its chain are
//! equal in the end. Prints the writes a second.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringmaster_protocol::extension::{Ask, Attach, Contents, Say, put_ask, put_attach};
use ringmaster_protocol::heartbeat::{Beat, Pulse};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{ClusterId, Epoch};
use ringmaster_proxy::Proxy;
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wire::{Wire, encoded, text};

/// Connections to each proxy, and commands that each sends at once.
const CLIENTS: usize = 2;
const BATCH: usize = 64;

/// How long is written.
const WRITTEN_FOR: Duration = Duration::from_secs(2);

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the cluster has a view.
fn begin(proxy: SocketAddr) {
    let (mut client, begun) = (Wire::connect(proxy), Instant::now());
    while client.ask("SET {hot}begun 1") != r"+OK\r\n" {
        assert!(begun.elapsed() < PATIENCE, "no view");
    }
}

/// Counts up and appends until the time is over; how often each was done.
fn write(proxy: SocketAddr, until: Instant) -> u64 {
    let mut client = Wire::connect(proxy);
    let pair = [encoded(&[b"INCR", b"{hot}count"]), encoded(&[b"APPEND", b"{hot}text", b"x"])].concat();
    let mut done = 0;
    while Instant::now() < until {
        client.send(&pair.repeat(BATCH));
        for _ in 0..2 * BATCH {
            let reply = text(&client.reply().expect("the proxy is there"));
            assert!(reply.starts_with(':'), "{reply}");
        }
        done += BATCH as u64;
    }
    done
}

/// The message of a bulk string.
fn message(reply: &[u8]) -> Bytes {
    let line = reply.iter().position(|byte| *byte == b'\n').expect("a line");
    Bytes::copy_from_slice(&reply[line + 1..reply.len() - 2])
}

/// What a node holds of a slot; `None` if it is no member of its chain.
fn held(node: SocketAddr, slot: HashSlot) -> Option<Contents> {
    let mut wire = Wire::connect(node);
    let (mut beat, mut request) = (Vec::new(), Vec::new());
    Beat { cluster: ClusterId(0), epoch: Epoch(0), proxy: 0, post: Bytes::new(), full: Vec::new() }
        .encode(&mut beat);
    wire.command(&[b"RM.BEAT", &beat]);
    let pulse = Pulse::decode(&message(&wire.reply()?)).expect("how the node is");
    let Pulse { cluster, epoch, incarnation, boot, .. } = pulse;
    put_attach(&mut request, &Attach { cluster: cluster?, epoch, incarnation, boot });
    put_ask(&mut request, 1, &Ask::Export { slot });
    wire.send(&request);
    assert_eq!(text(&wire.reply()?), r"+OK\r\n");
    let reply = wire.reply()?;
    let rest = reply.strip_prefix(b"*2\r\n:1\r\n").expect("an answer to the question");
    match Say::decode(&message(rest)).expect("an answer") {
        Say::Contents(contents) => Some(contents),
        _ => None,
    }
}

#[test]
fn two_proxies_write_one_key_at_full_speed_and_its_members_are_equal() {
    let cluster = Cluster::builder().proxies(2).yaml("replicas: 2\n").start();
    let proxies: Vec<SocketAddr> = cluster.proxies().iter().map(Proxy::address).collect();
    proxies.iter().for_each(|proxy| begin(*proxy));
    let (begun, until) = (Instant::now(), Instant::now() + WRITTEN_FOR);
    let done: u64 = std::thread::scope(|scope| {
        let clients: Vec<_> = proxies.iter().flat_map(|proxy| [*proxy; CLIENTS]).collect();
        let clients: Vec<_> =
            clients.into_iter().map(|proxy| scope.spawn(move || write(proxy, until))).collect();
        clients.into_iter().map(|client| client.join().expect("a client")).sum()
    });
    println!("{:.0} writes a second", 2.0 * done as f64 / begun.elapsed().as_secs_f64());
    for proxy in proxies {
        let mut client = Wire::connect(proxy);
        let digits = done.to_string();
        assert_eq!(client.ask("GET {hot}count"), format!(r"${}\r\n{digits}\r\n", digits.len()));
        assert_eq!(client.ask("STRLEN {hot}text"), format!(r":{done}\r\n"));
    }
    let slot = HashSlot::of(b"{hot}count");
    let held: Vec<Contents> = cluster.nodes().iter().filter_map(|node| held(node.address(), slot)).collect();
    let [one, other] = &held[..] else { panic!("{} members", held.len()) };
    assert!(one == other, "the members differ");
}
