//! Clients that send what they should not, or go when they should not.

use crate::client::request;
use crate::node::{ScriptedNode, named};
use crate::place::Place;

#[test]
fn a_broken_stream_gets_its_earlier_replies_then_the_error_then_the_end() {
    let place = Place::new(&[named("a")], "");
    let (mut broken, mut other) = (place.client(), place.client());
    broken.send([request(&["GET", "k"]), b"*1\r\n:3\r\n".to_vec(), request(&["GET", "never"])].concat());
    let rest = String::from_utf8(broken.rest()).unwrap();
    assert_eq!(rest, "+a:k\r\n-ERR Protocol error: expected '$', got ':'\r\n");
    assert_eq!(other.ask("GET k"), "+a:k");
}

#[test]
fn unknown_commands_and_wrong_arity_get_redis_s_errors_and_the_connection_stays() {
    let place = Place::new(&[named("a")], "");
    let mut client = place.client();
    assert_eq!(client.ask("NOSUCH x"), "-ERR unknown command 'NOSUCH', with args beginning with: 'x'");
    assert_eq!(client.ask("GET"), "-ERR wrong number of arguments for 'get' command");
    assert_eq!(client.ask("CLIENT NOSUCH"), "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.");
    assert_eq!(client.ask("GET k"), "+a:k");
}

#[test]
fn half_commands_wait_for_their_other_half() {
    let place = Place::new(&[named("a")], "");
    let (mut slow, mut other) = (place.client(), place.client());
    let command = request(&["SET", "k", "value"]);
    for byte in &command[..command.len() - 1] {
        slow.send([*byte]);
        assert_eq!(other.ask("GET x"), "+a:x");
    }
    slow.send(&command[command.len() - 1..]);
    slow.expect(b"+a:value\r\n");
}

#[test]
fn a_client_that_goes_with_half_a_command_or_a_reply_on_its_way_harms_nobody() {
    let node = ScriptedNode::new();
    let place = Place::new(&[node.address()], "");
    let mut peer = node.accept();
    let (mut gone, mut other) = (place.client(), place.client());
    gone.send(request(&["GET", "gone"]));
    peer.expect(request(&["GET", "gone"]));
    gone.send(b"*2\r\n$3\r\nGE");
    drop(gone);
    other.send(request(&["GET", "k"]));
    peer.expect(request(&["GET", "k"]));
    peer.send(b"$4\r\nlost\r\n$4\r\nmine\r\n");
    other.expect(b"$4\r\nmine\r\n");
}

#[test]
fn a_client_that_has_shut_down_its_sending_half_gets_its_replies() {
    let place = Place::new(&[named("a")], "");
    let mut client = place.client();
    client.send(request(&["GET", "k"]));
    client.finish();
    assert_eq!(client.rest(), b"+a:k\r\n");
}

#[test]
fn a_request_above_the_limit_ends_the_connection() {
    let place = Place::new(&[named("a")], "limits: {request: 64kb}\n");
    let mut client = place.client();
    client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$70000\r\n");
    assert_eq!(client.rest(), b"-ERR Protocol error: invalid bulk length\r\n");
}

#[test]
fn a_browser_s_request_ends_the_connection_without_a_word() {
    let place = Place::new(&[named("a")], "");
    for first in ["POST / HTTP/1.1", "host: 127.0.0.1", "*1\r\n$4\r\npost"] {
        let mut client = place.client();
        client.send(format!("{first}\r\nGET k\r\n"));
        assert!(client.rest().is_empty(), "{first}");
    }
}

#[test]
fn a_client_that_asks_the_proxy_itself_for_much_leaves_turns_to_others() {
    let place = Place::new(&[named("a")], "");
    let (mut greedy, mut other) = (place.client(), place.client());
    assert_eq!(other.ask("PING"), "+PONG");
    greedy.send(format!("CLIENT REPLY OFF\r\n{}CLIENT REPLY ON\r\n", "COMMAND DOCS\r\n".repeat(4000)));
    assert_eq!(other.ask("PING"), "+PONG");
    assert!(!greedy.has_bytes(), "the other client had to wait for all of it");
    greedy.expect(b"+OK\r\n");
}

#[test]
fn a_client_that_is_told_to_go_while_it_sends_gets_its_replies_and_no_reset() {
    let place = Place::new(&[named("a")], "");
    let rest = "x".repeat(500_000);
    for (last, answer) in
        [("QUIT\r\n", "+OK\r\n"), ("*1\r\n:3\r\n", "-ERR Protocol error: expected '$', got ':'\r\n")]
    {
        let mut client = place.client();
        client.send(format!("GET k\r\n{last}{rest}"));
        client.finish();
        assert_eq!(client.rest_without_reset(), format!("+a:k\r\n{answer}").into_bytes());
    }
}

#[test]
fn a_client_that_is_told_to_go_and_sends_without_end_is_cut_off() {
    let place = Place::new(&[named("a")], "");
    let mut client = place.client();
    client.send("QUIT\r\n");
    client.expect(b"+OK\r\n");
    while client.try_send(&[b'x'; 64 << 10]) {}
}
