//! Databases, protocols and the commands of the session.

use crate::client::request;
use crate::node::{ScriptedNode, named};
use crate::place::Place;

#[test]
fn each_database_has_its_own_connection_to_a_node() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let mut zero = node.accept();
    let mut client = place.client();
    client
        .send([request(&["SET", "k", "0"]), request(&["SELECT", "1"]), request(&["SET", "k", "1"])].concat());
    zero.expect(request(&["SET", "k", "0"]));
    zero.send(b"+zero\r\n");
    client.expect(b"+zero\r\n+OK\r\n");
    let mut one = node.accept_raw();
    one.expect([request(&["PING"]), request(&["SELECT", "1"])].concat());
    one.send(b"+PONG\r\n+OK\r\n");
    one.expect(request(&["SET", "k", "1"]));
    one.send(b"+one\r\n");
    client.expect(b"+one\r\n");
}

#[test]
fn a_change_of_database_waits_for_what_is_under_way() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let mut zero = node.accept();
    let mut client = place.client();
    let move_then_get = [request(&["MOVE", "k", "1"]), request(&["SELECT", "1"]), request(&["GET", "k"])];
    client.send(move_then_get.concat());
    zero.expect(request(&["MOVE", "k", "1"]));
    // A second client's command comes back: had the first one's GET been sent, its connection would be open now.
    let mut other = place.client();
    other.send(request(&["GET", "k"]));
    zero.expect(request(&["GET", "k"]));
    node.expect_nobody();
    zero.send(b":1\r\n$-1\r\n");
    other.expect(b"$-1\r\n");
    client.expect(b":1\r\n+OK\r\n");
    node.accept_raw().expect(request(&["PING"]));
}

#[test]
fn resp3_clients_are_served_by_a_resp3_connection() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let _resp2 = node.accept();
    let mut client = place.client();
    client.send(request(&["HELLO", "3"]));
    assert!(client.line().starts_with('%'));
    client.send(request(&["HGETALL", "k"]));
    let mut resp3 = node.accept_raw();
    resp3.expect([request(&["PING"]), request(&["HELLO", "3"])].concat());
    resp3.send(b"+PONG\r\n%1\r\n$5\r\nproto\r\n:3\r\n");
    resp3.expect(request(&["HGETALL", "k"]));
    resp3.send(b"%1\r\n$1\r\nf\r\n,1.5\r\n");
    let seen = client.read_until(b",1.5\r\n");
    assert!(seen.ends_with(b"%1\r\n$1\r\nf\r\n,1.5\r\n"));
}

#[test]
fn replies_are_dropped_when_the_client_wants_none() {
    let place = Place::new(&[named("a")], "");
    let mut client = place.client();
    client.send("CLIENT REPLY OFF\r\nGET x\r\nPING\r\nNOSUCH\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nGET y\r\nGET z\r\n");
    client.expect(b"+OK\r\n+a:z\r\n");
}

#[test]
fn inline_commands_reach_nodes_as_requests() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let mut peer = node.accept();
    let mut client = place.client();
    client.send("set 'a key' \"\\x00\"\n");
    peer.expect(b"*3\r\n$3\r\nset\r\n$5\r\na key\r\n$1\r\n\0\r\n");
    peer.send(b"+OK\r\n");
    client.expect(b"+OK\r\n");
}

#[test]
fn a_client_can_see_and_close_another() {
    let place = Place::new(&[named("a")], "");
    let (mut one, mut other) = (place.client(), place.client());
    assert_eq!(other.ask("CLIENT SETNAME other"), "+OK");
    let id = other.ask("CLIENT ID").replace(':', "");
    one.send("CLIENT LIST\r\n");
    let list = String::from_utf8(one.read_until(b"\n\r\n")).unwrap();
    assert!(list.contains("name=other"), "{list}");
    assert_eq!(one.ask(&format!("CLIENT KILL ID {id}")), ":1");
    assert!(other.rest().is_empty());
}

#[test]
fn the_proxy_answers_of_itself_without_a_node() {
    let place = Place::new(&[named("a")], "");
    let mut client = place.client();
    client.send("INFO server replication cluster\r\n");
    let info = String::from_utf8(client.read_until(b"cluster_enabled:0\r\n\r\n")).unwrap();
    for line in ["redis_version:7.2.4", "ringmaster_version:", "role:master"] {
        assert!(info.contains(line), "{line} in {info}");
    }
    assert_eq!(client.ask("TIME"), "*2");
}

#[test]
fn a_proxy_that_stops_answers_what_it_has_read() {
    let node = ScriptedNode::new();
    let mut place = Place::new(&[node.address()], "");
    let mut peer = node.accept();
    let (mut busy, mut idle) = (place.client(), place.client());
    busy.send(request(&["GET", "k"]));
    peer.expect(request(&["GET", "k"]));
    let stopping = std::thread::spawn(move || place.stop());
    assert!(idle.rest().is_empty(), "an idle client is closed at once");
    peer.send(b"$1\r\nv\r\n");
    assert_eq!(busy.rest(), b"$1\r\nv\r\n");
    stopping.join().unwrap();
}
