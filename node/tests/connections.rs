//! What a connection does at its ends: at a stop, at a broken stream, at a stranger.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use ringmaster_node::Node;
use ringmaster_node::config::Config;

fn node() -> Node {
    let free = ([127, 0, 0, 1], 0).into();
    Node::start(Config { listen: free, admin: free, threads: 1, ..Config::default() }).unwrap()
}

fn client(node: &Node) -> TcpStream {
    let client = TcpStream::connect(node.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client
}

/// What the node answers to `sent` until it closes.
fn last_words(node: &Node, sent: &str) -> String {
    let mut client = client(node);
    client.write_all(sent.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_stop_does_not_cut_a_reply_that_is_being_written() {
    const VALUE_BYTES: usize = 50_000_000;
    let node = node();
    let mut client = client(&node);
    client.write_all(format!("SETRANGE k {} x\r\nGET k\r\n", VALUE_BYTES - 1).as_bytes()).unwrap();
    let header = format!(":{VALUE_BYTES}\r\n${VALUE_BYTES}\r\n");
    let mut begun = vec![0; header.len()];
    client.read_exact(&mut begun).unwrap();
    assert_eq!(begun, header.as_bytes());
    let stopping = thread::spawn(move || node.stop());
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), VALUE_BYTES + 2);
    stopping.join().unwrap();
}

#[test]
fn http_is_closed_without_a_word() {
    let node = node();
    assert_eq!(last_words(&node, "POST / HTTP/1.1\r\nHost: a\r\n\r\nSET k v\r\n"), "");
    assert_eq!(last_words(&node, "Host: a\r\nSET k v\r\n"), "");
    assert_eq!(last_words(&node, "EXISTS k\r\nQUIT\r\n"), ":0\r\n+OK\r\n");
    node.stop();
}

#[test]
fn nothing_is_said_after_quit() {
    let node = node();
    assert_eq!(last_words(&node, "QUIT\r\n*1\r\n:1\r\n"), "+OK\r\n");
    node.stop();
}
