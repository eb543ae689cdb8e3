//! What nodes tell of channels and keys, where a node is lost, replaced or slow to answer.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use crate::client::{Peer, request};
use crate::node::{ScriptedNode, serve};
use crate::place::Place;

const ALL: &[u8] = b">2\r\n$10\r\ninvalidate\r\n_\r\n";

/// A client that speaks RESP3.
fn client(place: &Place) -> Peer {
    let mut client = place.client();
    client.send(request(&["HELLO", "3"]));
    client.read_until(b"$7\r\nmodules\r\n*0\r\n");
    client
}

/// A node that answers with its name, and what it was told of tracking.
fn tracking_node(name: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&told);
    let address = serve(move |args| {
        let words: Vec<_> = args.iter().map(|word| String::from_utf8_lossy(word)).collect();
        if args[0] == b"CLIENT" {
            note.lock().unwrap().push(words.join(" "));
            return Some(b"+OK\r\n".to_vec());
        }
        Some(format!("+{name}:{}\r\n", words[words.len() - 1]).into_bytes())
    });
    (address, told)
}

#[test]
fn while_a_node_is_not_heard_everything_may_have_changed() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let _data = node.accept();
    let mut client = client(&place);
    client.send(request(&["CLIENT", "TRACKING", "ON"]));
    let mut ear = node.accept_raw();
    ear.expect(request(&["HELLO", "3"]));
    ear.expect(request(&["CLIENT", "ID"]));
    ear.expect(request(&["CLIENT", "TRACKING", "ON", "BCAST"]));
    ear.expect(request(&["PING"]));
    ear.send(b"%1\r\n$5\r\nproto\r\n:3\r\n:7\r\n+OK\r\n+PONG\r\n");
    client.expect(b"+OK\r\n");
    drop((ear, node));
    // At once, and again and again.
    (0..3).for_each(|_| client.expect(ALL));
}

#[test]
fn a_node_begins_to_tell_of_keys_once_for_all_who_track() {
    let (node, told) = tracking_node("a");
    let place = Place::new(&[node], "");
    let mut clients = [0; 3].map(|_| client(&place));
    for client in &mut clients {
        assert_eq!(client.ask("CLIENT TRACKING ON"), "+OK");
    }
    assert_eq!(*told.lock().unwrap(), ["CLIENT ID", "CLIENT TRACKING ON BCAST"]);
}

#[test]
fn keys_that_another_node_serves_are_told_of_and_no_others() {
    let [(a, _), (b, _)] = [tracking_node("a"), tracking_node("b")];
    let place = Place::new(&[a, b], "");
    let keys = place.keys_of("ab");
    let mut client = client(&place);
    assert_eq!(client.ask("CLIENT TRACKING ON"), "+OK");
    for key in &keys {
        client.ask(&format!("GET {key}"));
    }
    place.write(&[a]);
    let moved = &keys[1];
    client.expect(format!(">2\r\n$10\r\ninvalidate\r\n*1\r\n${}\r\n{moved}\r\n", moved.len()));
    assert_eq!(client.ask("PING"), "+PONG");
}

#[test]
fn the_end_of_no_subscription_is_confirmed_while_a_node_is_being_connected() {
    let node = ScriptedNode::new();
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
    // The node never answers who asks for its proof: so long it is being connected.
    let settings = format!("secret_file: '{}'\ntimeouts:\n  connect: 10s\n", secret.path().display());
    let place = Place::new(&[node.address()], &settings);
    let (mut one, mut other) = (place.client(), place.client());
    one.send(request(&["SUBSCRIBE", "x"]));
    let ending = |kind: &str| format!("*3\r\n${}\r\n{kind}\r\n$-1\r\n:0\r\n", kind.len());
    for kind in ["unsubscribe", "punsubscribe", "sunsubscribe"] {
        other.send(request(&[kind]));
        other.expect(ending(kind));
    }
    assert!(!one.has_bytes());
}

#[test]
fn who_goes_while_its_subscription_ends_gets_no_messages_any_more() {
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let (asked, heard) = mpsc::channel();
    let node = serve(move |args| match args {
        [b"RM.LISTEN", _, b"x", b"0"] => {
            asked.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
            Some(b"+OK\r\n".to_vec())
        }
        // A message to x comes behind this.
        [b"RM.LISTEN", _, b"y", _] => Some(b"+OK\r\n>3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$1\r\nm\r\n".to_vec()),
        _ => Some(b"+OK\r\n".to_vec()),
    });
    let place = Place::new(&[node], "");
    let (mut goes, mut stays) = (place.client(), client(&place));
    goes.send(request(&["SUBSCRIBE", "x"]));
    goes.expect(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
    goes.send(request(&["UNSUBSCRIBE", "x"]));
    heard.recv().unwrap();
    drop(goes);
    let mut clients = || {
        stays.send("CLIENT LIST\r\n");
        stays.read_until(b"\n\r\n")
    };
    while clients().iter().filter(|byte| **byte == b'\n').count() > 3 {}
    release.send(()).unwrap();
    stays.send(request(&["SUBSCRIBE", "y"]));
    stays.expect(b">3\r\n$9\r\nsubscribe\r\n$1\r\ny\r\n:1\r\n");
    // Behind the message.
    stays.send(request(&["SUBSCRIBE", "z"]));
    stays.expect(b">3\r\n$9\r\nsubscribe\r\n$1\r\nz\r\n:2\r\n");
    let (_, metrics) = place.page("/metrics");
    let handed_on = metrics.lines().find(|line| line.contains("_messages") && !line.starts_with('#'));
    assert!(handed_on.is_some_and(|line| line.ends_with(" 0")), "{handed_on:?}");
}
