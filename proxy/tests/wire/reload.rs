//! cluster.yaml edited while clients talk.

use std::time::Instant;

use crate::client::{PATIENCE, request};
use crate::node::{ScriptedNode, named};
use crate::place::Place;

#[test]
fn clients_keep_their_connections_and_go_to_the_new_nodes() {
    let (a, b) = (named("a"), named("b"));
    let place = Place::new(&[a], "");
    let mut client = place.client();
    let keys: Vec<String> = (0..100).map(|number| format!("key{number}")).collect();
    assert!(keys.iter().all(|key| client.ask(&format!("GET {key}")) == format!("+a:{key}")));
    place.write(&[a, b]);
    let begun = Instant::now();
    while !keys.iter().any(|key| client.ask(&format!("GET {key}")) == format!("+b:{key}")) {
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!(keys.iter().any(|key| client.ask(&format!("GET {key}")) == format!("+a:{key}")));
    assert!(place.page("/metrics").1.contains("ringmaster_proxy_config_reloads_total 1\n"));
}

#[test]
fn a_node_that_leaves_answers_what_is_under_way_and_is_let_go() {
    let (node, stays) = (ScriptedNode::new(), named("a"));
    let place = Place::new(&[node.address()], "");
    let mut peer = node.accept();
    let (mut waiting, mut client) = (place.client(), place.client());
    waiting.send(request(&["GET", "k"]));
    peer.expect(request(&["GET", "k"]));
    place.write(&[stays]);
    let begun = Instant::now();
    while !place.page("/metrics").1.contains("ringmaster_proxy_config_reloads_total 1\n") {
        assert!(begun.elapsed() < PATIENCE);
    }
    assert_eq!(client.ask("GET k"), "+a:k");
    peer.send(b"$3\r\nold\r\n");
    waiting.expect(b"$3\r\nold\r\n");
    assert!(peer.rest().is_empty(), "the connection is closed");
    assert_eq!(waiting.ask("GET k"), "+a:k");
}

#[test]
fn a_bad_file_changes_nothing_and_is_told() {
    let a = named("a");
    let place = Place::new(&[a], "");
    let mut client = place.client();
    place.write_text("nodes: [\n");
    let begun = Instant::now();
    while !place.page("/metrics").1.contains("ringmaster_proxy_config_reload_failures_total 1\n") {
        assert_eq!(client.ask("GET k"), "+a:k");
        assert!(begun.elapsed() < PATIENCE);
    }
    client.send("INFO SERVER\r\n");
    let info = String::from_utf8(client.read_until(b"\r\n\r\n")).unwrap();
    let error = info.lines().find(|line| line.starts_with("config_last_error:")).unwrap();
    assert!(error.contains("cluster.yaml:"), "{error}");
    assert_eq!(client.ask("GET k"), "+a:k");
}

#[test]
fn a_thread_without_a_client_follows_the_file_too() {
    let new = ScriptedNode::new();
    let place = Place::new(&[named("a")], "");
    place.write(&[named("a"), new.address()]);
    new.accept();
}
