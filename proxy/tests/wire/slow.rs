//! Clients and nodes that do not take what is for them: bounds, backpressure, and who pays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::client::request;
use crate::node::{ScriptedNode, named, serve};
use crate::place::Place;

/// A client is closed much sooner.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_client_that_never_reads_is_not_read_and_then_closed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let value = [b"$1000000\r\n", &vec![b'x'; 1_000_000][..], b"\r\n"].concat();
    let node = serve(move |args| {
        if args[0] == b"TYPE" {
            return Some(b"+a\r\n".to_vec());
        }
        counter.fetch_add(1, Ordering::Relaxed);
        Some(value.clone())
    });
    let settings = "timeouts: {client_write: 100ms}\nlimits: {client_buffer: 64kb, pipeline: 10}\n";
    let place = Place::new(&[node], settings);
    let (mut deaf, mut other) = (place.client(), place.client());
    deaf.send(request(&["GET", "k"]).repeat(1000));
    // It reads nothing until it is closed, which the proxy counts.
    let begun = Instant::now();
    while !place.page("/metrics").1.contains("ringmaster_proxy_closed_clients_total 1\n") {
        assert!(begun.elapsed() < PATIENCE, "it is not closed");
        assert_eq!(other.ask("TYPE k"), "+a");
    }
    assert!(asked.load(Ordering::Relaxed) < 100, "{asked:?} values were fetched for it");
    assert!(deaf.rest().len() < 50_000_000);
}

#[test]
fn a_client_that_reads_slowly_gets_everything() {
    let value = [b"$100000\r\n", &vec![b'x'; 100_000][..], b"\r\n"].concat();
    let reply = value.clone();
    let node = serve(move |_| Some(reply.clone()));
    let place = Place::new(&[node], "limits: {client_buffer: 64kb, pipeline: 10}\n");
    let mut client = place.client();
    client.send(request(&["GET", "k"]).repeat(200));
    (0..200).for_each(|_| client.expect(&value));
}

#[test]
fn an_idle_client_is_closed_in_time() {
    let place = Place::new(&[named("a")], "timeouts: {client_idle: 1s}\n");
    let mut client = place.client();
    assert_eq!(client.ask("GET k"), "+a:k");
    assert!(client.rest().is_empty());
}

#[test]
fn a_node_that_does_not_read_slows_its_clients_down_and_loses_nothing() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "limits: {upstream_buffer: 64kb, request: 64kb}\n");
    let mut peer = node.accept();
    let command = request(&["SET", "k", &"x".repeat(10_000)]);
    let whole = command.repeat(1000);
    let mut client = place.client();
    let mut other = place.client();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| client.send(&whole));
        // Ten megabytes do not fit the bounds: the proxy stops to read this client, and goes on with others.
        assert_eq!(other.ask("PING"), "+PONG");
        for _ in 0..1000 {
            peer.expect(&command);
            peer.send(b"+OK\r\n");
        }
        sender.join().unwrap();
    });
    client.expect(b"+OK\r\n".repeat(1000));
}

#[test]
fn commands_above_twice_the_bound_of_a_node_s_queue_are_shed() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "limits: {upstream_buffer: 64kb, request: 64kb}\n");
    // The connection is never set up, so everything waits.
    let _peer = node.accept_raw();
    let command = request(&["SET", "k", &"x".repeat(50_000)]);
    let mut clients: Vec<_> = (0..4).map(|_| place.client()).collect();
    let mut shed = Vec::new();
    for client in &mut clients {
        client.send(&command);
        assert_eq!(place.client().ask("PING"), "+PONG");
        shed.push(place.page("/metrics").1.contains("_shed_commands_total 1\n"));
    }
    assert_eq!(shed, [false, false, false, true]);
    assert!(clients[3].line().starts_with("-OVERLOADED node 'a'"));
}

#[test]
fn a_command_for_all_nodes_is_sent_to_none_when_one_takes_no_more() {
    let (full, ready) = (ScriptedNode::new(), ScriptedNode::new());
    let settings = "limits: {upstream_buffer: 64kb, request: 64kb}\n";
    let place = Place::new(&[full.address(), ready.address()], settings);
    // Its connection is never set up, so everything waits.
    let _peer = full.accept_raw();
    let mut peer = ready.accept();
    let command = request(&["KEYS", &"x".repeat(50_000)]);
    let mut clients: Vec<_> = (0..4).map(|_| place.client()).collect();
    for client in &mut clients[..3] {
        client.send(&command);
        peer.expect(&command);
    }
    clients[3].send(request(&["FLUSHALL"]));
    assert!(clients[3].line().starts_with("-OVERLOADED node 'a'"));
    clients[3].send(request(&["RANDOMKEY"]));
    peer.expect(request(&["RANDOMKEY"]));
}

#[test]
fn commands_for_all_nodes_wait_for_the_slowest_and_none_is_shed() {
    let (slow, ready) = (ScriptedNode::new(), ScriptedNode::new());
    let settings = "limits: {upstream_buffer: 64kb, request: 64kb}\n";
    let place = Place::new(&[slow.address(), ready.address()], settings);
    let (mut slow_peer, mut ready_peer) = (slow.accept_raw(), ready.accept());
    let command = request(&["KEYS", &"x".repeat(50_000)]);
    let mut client = place.client();
    client.send(command.repeat(5));
    assert_eq!(place.client().ask("PING"), "+PONG");
    slow_peer.expect(request(&["PING"]));
    slow_peer.send(b"+PONG\r\n");
    for _ in 0..5 {
        slow_peer.expect(&command);
        ready_peer.expect(&command);
        slow_peer.send(b"*0\r\n");
        ready_peer.send(b"*0\r\n");
    }
    client.expect(b"*0\r\n".repeat(5));
}
