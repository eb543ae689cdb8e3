//! Replies that are too large to be held: handed on as they come.

use std::sync::Mutex;
use std::sync::mpsc;

use crate::client::{Peer, request};
use crate::node::{ScriptedNode, serve};
use crate::place::Place;

/// Larger than what is read of a node at once.
const LEN: usize = 1_000_000;

/// A bulk string of [`LEN`] bytes in two halves.
fn halves() -> (Vec<u8>, Vec<u8>) {
    let whole = [format!("${LEN}\r\n").as_bytes(), &vec![b'x'; LEN], b"\r\n"].concat();
    let (first, second) = whole.split_at(LEN / 2);
    (first.to_vec(), second.to_vec())
}

#[test]
fn a_large_reply_is_handed_on_before_it_is_whole() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let (mut peer, mut client) = (node.accept(), place.client());
    let (first, second) = halves();
    let commands = [request(&["GET", "k"]), request(&["GET", "l"]), request(&["PING"])].concat();
    for _ in 0..3 {
        client.send(&commands);
        peer.expect(&commands[..commands.len() - request(&["PING"]).len()]);
        peer.send(&first);
        client.expect(&first[..LEN / 4]);
        peer.send([&second[..], b"+l\r\n"].concat());
        client.expect([&first[LEN / 4..], &second[..], b"+l\r\n+PONG\r\n"].concat());
    }
}

#[test]
fn a_large_reply_that_comes_before_its_turn_waits_for_it() {
    let (first, second) = halves();
    let whole = [first, second].concat();
    let (go, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let early = serve(move |args| {
        if args[0] == b"TYPE" {
            return Some(b"+a\r\n".to_vec());
        }
        gate.lock().unwrap().recv().unwrap();
        Some(b"+before\r\n".to_vec())
    });
    let reply = whole.clone();
    let large = serve(move |args| Some(if args[0] == b"TYPE" { b"+b\r\n".to_vec() } else { reply.clone() }));
    let place = Place::new(&[early, large], "");
    let (keys, mut client, mut other) = (place.keys_of("ab"), place.client(), place.client());
    client.send([request(&["GET", &keys[0]]), request(&["GET", &keys[1]])].concat());
    // Its connection is the same, so the large reply has come when this is answered.
    assert_eq!(other.ask(&format!("TYPE {}", keys[1])), "+b");
    assert!(!client.has_bytes());
    go.send(()).unwrap();
    client.expect(b"+before\r\n");
    client.expect(whole);
}

/// Both ask over one connection; the first has half of its reply, of which it took half, and the other waits behind it.
fn begin_a_large_reply(peer: &mut Peer, [client, other]: [&mut Peer; 2]) {
    client.send(request(&["GET", "k"]));
    peer.expect(request(&["GET", "k"]));
    other.send(request(&["GET", "l"]));
    peer.expect(request(&["GET", "l"]));
    let (first, _) = halves();
    peer.send(&first);
    client.expect(&first[..LEN / 4]);
}

#[test]
fn a_client_that_has_a_part_of_a_reply_whose_rest_will_not_come_is_closed() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let (mut peer, [mut client, mut other]) = (node.accept(), [place.client(), place.client()]);
    begin_a_large_reply(&mut peer, [&mut client, &mut other]);
    drop(peer);
    assert!(client.rest().len() <= LEN / 2, "nothing stands behind what came");
    assert!(other.line().starts_with("-TRYAGAIN node 'a'"));
    assert_eq!(other.ask("PING"), "+PONG");
}

#[test]
fn a_client_that_goes_away_within_a_large_reply_leaves_the_others_theirs() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let (mut peer, [mut client, mut other]) = (node.accept(), [place.client(), place.client()]);
    begin_a_large_reply(&mut peer, [&mut client, &mut other]);
    drop(client);
    peer.send(&halves().1);
    peer.send(b"+l\r\n");
    assert_eq!(other.line(), "+l");
}
