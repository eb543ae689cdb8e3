//! Replies come in the order of commands, whatever the nodes do.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use crate::client::request;
use crate::node::{ScriptedNode, named, serve};
use crate::place::Place;

#[test]
fn replies_of_a_fast_node_wait_for_those_of_a_slow_one() {
    let (release, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let slow = serve(move |args| {
        if args[0] == b"GET" {
            gate.lock().unwrap().recv().unwrap();
        }
        Some(b"+a\r\n".to_vec())
    });
    let place = Place::new(&[slow, named("b")], "");
    let keys = place.keys_of("ab");
    let mut client = place.client();
    client.send([request(&["GET", &keys[0]]), request(&["GET", &keys[1]]), request(&["PING"])].concat());
    // The fast node's reply is certainly there when a second client got one after it.
    assert_eq!(place.client().ask(&format!("GET {}", keys[1])), format!("+b:{}", keys[1]));
    release.send(()).unwrap();
    client.expect(format!("+a\r\n+b:{}\r\n+PONG\r\n", keys[1]));
}

#[test]
fn replies_in_pieces_are_put_together() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let mut peer = node.accept();
    let (mut one, mut other) = (place.client(), place.client());
    one.send(request(&["LRANGE", "k", "0", "1"]));
    peer.expect(request(&["LRANGE", "k", "0", "1"]));
    other.send(request(&["GET", "k"]));
    peer.expect(request(&["GET", "k"]));
    let replies = b"*2\r\n$3\r\nabc\r\n$-1\r\n$2\r\nxy\r\n";
    for byte in replies {
        peer.send([*byte]);
    }
    one.expect(b"*2\r\n$3\r\nabc\r\n$-1\r\n");
    other.expect(b"$2\r\nxy\r\n");
}

#[test]
fn a_pipeline_of_ten_thousand_is_answered_in_order() {
    let place = Place::new(&[named("x"), named("x"), named("x")], "");
    let mut client = place.client();
    let (mut commands, mut replies) = (Vec::new(), String::new());
    for number in 0..10_000 {
        commands.extend(request(&["GET", &format!("key:{number}")]));
        replies.push_str(&format!("+x:key:{number}\r\n"));
    }
    client.send(&commands);
    client.expect(&replies);
}

#[test]
fn commands_of_many_clients_reach_a_node_each_in_its_order() {
    let place = Place::new(&[named("x"), named("x")], "");
    let mut clients: Vec<_> = (0..20).map(|_| place.client()).collect();
    for round in 0..20 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(request(&["GET", &format!("{number}-{round}")]));
        }
    }
    for (number, client) in clients.iter_mut().enumerate() {
        (0..20).for_each(|round| client.expect(format!("+x:{number}-{round}\r\n")));
    }
}

#[test]
fn a_large_value_goes_through_unchanged() {
    let value: Vec<u8> = (0..3 << 20).map(|n| (n % 251) as u8).collect();
    let reply = [format!("${}\r\n", value.len()).as_bytes(), &value, b"\r\n"].concat();
    let whole = reply.clone();
    let node = serve(move |args| {
        let same = args[0] == b"SET" && *args[2] == value[..];
        Some(if same { b"+OK\r\n".to_vec() } else { whole.clone() })
    });
    let place = Place::new(&[node], "");
    let mut client = place.client();
    client.send([b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n", &reply[..]].concat());
    client.expect(b"+OK\r\n");
    client.send(request(&["GET", "k"]));
    client.expect(&reply);
}
