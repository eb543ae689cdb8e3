//! Nodes that are away, stall, leave, or answer nonsense.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::client::{PATIENCE, Peer, request};
use crate::node::{ScriptedNode, named, serve, serve_on};
use crate::place::Place;

/// Asks until `accept` likes the answer.
fn ask_until(client: &mut Peer, command: &str, accept: impl Fn(&str) -> bool) {
    let begun = Instant::now();
    loop {
        let answer = client.ask(command);
        if accept(&answer) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "still {answer}");
    }
}

#[test]
fn garbage_fails_who_waits_and_never_shifts_a_reply() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let mut peer = node.accept();
    let (mut one, mut other) = (place.client(), place.client());
    one.send(request(&["GET", "k"]));
    peer.expect(request(&["GET", "k"]));
    other.send(request(&["SET", "k", "v"]));
    peer.expect(request(&["SET", "k", "v"]));
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let reason =
        format!("node 'a' at {}: broken replies: Protocol error: unknown reply type 'H'", node.address());
    assert_eq!(one.line(), format!("-TRYAGAIN {reason}; nothing was changed"));
    assert_eq!(other.line(), format!("-MAYBE {reason}; the command may have been executed"));
    assert!(peer.rest().is_empty(), "the connection is dropped");
    serve_on(node.into_listener(), |_| Some(b"+fresh\r\n".to_vec()));
    ask_until(&mut one, "GET k", |answer| answer == "+fresh");
}

#[test]
fn a_push_that_nobody_asked_for_ends_the_node_s_connection() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let mut peer = node.accept();
    let mut client = place.client();
    client.send(request(&["GET", "k"]));
    peer.expect(request(&["GET", "k"]));
    peer.send(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n");
    let reason = "broken replies: a reply that nobody asked for; nothing was changed";
    assert_eq!(client.line(), format!("-TRYAGAIN node 'a' at {}: {reason}", node.address()));
    assert!(peer.rest().is_empty());
}

#[test]
fn a_reply_without_a_command_ends_the_node_s_connection() {
    let node = ScriptedNode::new();
    let _place = Place::new(&[node.address()], "");
    let mut peer = node.accept();
    peer.send(b"+OK\r\n");
    assert!(peer.rest().is_empty());
    // It comes back by itself.
    node.accept();
}

#[test]
fn a_node_that_is_away_is_told_at_once_and_used_when_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = listener.local_addr().unwrap();
    drop(listener);
    let place = Place::new(&[away, named("b")], "");
    let mut client = place.client();
    let keys: Vec<String> = (0..100).map(|number| format!("key{number}")).collect();
    let is_down =
        |answer: &str| answer.starts_with(&format!("-CLUSTERDOWN node 'a' at {away}: cannot connect: "));
    let answers: Vec<String> = keys.iter().map(|key| client.ask(&format!("GET {key}"))).collect();
    assert!(answers.iter().any(|answer| is_down(answer) && answer.ends_with("the command was not executed")));
    assert!(answers.iter().zip(&keys).all(|(answer, key)| is_down(answer) || *answer == format!("+b:{key}")));
    let key = &keys[answers.iter().position(|answer| is_down(answer)).unwrap()];
    serve_on(TcpListener::bind(away).unwrap(), |_| Some(b"+a\r\n".to_vec()));
    ask_until(&mut client, &format!("GET {key}"), |answer| answer == "+a");
}

#[test]
fn a_node_that_stalls_costs_its_commands_the_deadline_and_others_nothing() {
    let stalls = serve(|args| {
        if args[0] == b"TYPE" {
            return Some(b"+a\r\n".to_vec());
        }
        std::thread::park();
        None
    });
    let place = Place::new(&[stalls, named("b")], "timeouts: {request: 200ms, drain: 1s}\n");
    let keys = place.keys_of("ab");
    let (mut stalled, mut other) = (place.client(), place.client());
    let begun = Instant::now();
    stalled
        .send([request(&["GET", &keys[0]]), request(&["SET", &keys[0], "v"]), request(&["PING"])].concat());
    assert_eq!(other.ask(&format!("GET {}", keys[1])), format!("+b:{}", keys[1]));
    let reason = format!("node 'a' at {stalls}: no reply within 200 ms");
    assert_eq!(stalled.line(), format!("-TRYAGAIN {reason}; nothing was changed"));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(stalled.line(), format!("-MAYBE {reason}; the command may have been executed"));
    assert_eq!(stalled.line(), "+PONG");
}

#[test]
fn a_command_that_never_left_us_is_not_executed_for_sure() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let peer = node.accept();
    let mut client = place.client();
    let value = "x".repeat(32 << 20);
    client.send([request(&["SET", "k", &value]), request(&["SET", "k", "v"])].concat());
    // The node's socket cannot hold it all, and the node goes without having read a byte.
    client.send(request(&["PING"]));
    drop(peer);
    drop(node);
    for _ in 0..2 {
        let line = client.line();
        assert!(
            line.starts_with("-CLUSTERDOWN ") && line.ends_with("; the command was not executed"),
            "{line}"
        );
    }
    client.expect(b"+PONG\r\n");
}

#[test]
fn readiness_names_the_nodes_that_are_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = listener.local_addr().unwrap();
    drop(listener);
    let place = Place::new(&[away, named("b")], "");
    ask_until(&mut place.client(), "GET key0", |_| place.page("/readyz").0 == 200);
    let begun = Instant::now();
    loop {
        let (status, body) = place.page("/readyz");
        assert_eq!(status, 200);
        if body.contains("cannot connect") {
            assert!(body.contains(&format!("node 'a' at {away}: not reached: cannot connect")), "{body}");
            assert!(body.contains("reached\n"), "{body}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{body}");
    }
    assert!(place.page("/metrics").1.contains("ringmaster_proxy_node_reached{node=\"a\""));
    assert_eq!(place.page("/healthz"), (200, "alive\n".to_owned()));
    assert_eq!(place.page("/nosuch").0, 404);
}

#[test]
fn a_proxy_without_any_node_is_not_ready() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = listener.local_addr().unwrap();
    drop(listener);
    let place = Place::new(&[away], "");
    assert_eq!(place.page("/readyz").0, 503);
    assert!(place.client().ask("GET k").starts_with("-CLUSTERDOWN"));
}

#[test]
fn a_reply_that_keeps_coming_is_not_late() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "timeouts: {request: 1s}\n");
    let mut peer = node.accept();
    let mut client = place.client();
    client.send(request(&["GET", "k"]));
    peer.expect(request(&["GET", "k"]));
    peer.send(b"$15\r\n");
    for _ in 0..15 {
        std::thread::sleep(Duration::from_millis(100));
        peer.send(b"x");
    }
    peer.send(b"\r\n");
    client.expect(b"$15\r\nxxxxxxxxxxxxxxx\r\n");
}
