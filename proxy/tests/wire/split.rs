//! Commands of many keys and commands for all nodes.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;

use crate::client::request;
use crate::node::{ScriptedNode, serve};
use crate::place::Place;

/// A node that keeps strings, called `name`.
fn store(name: &'static str) -> SocketAddr {
    let data: Mutex<BTreeMap<Vec<u8>, Vec<u8>>> = Mutex::default();
    serve(move |args| {
        let mut data = data.lock().unwrap();
        let text = |bytes: Option<&Vec<u8>>| match bytes {
            Some(bytes) => [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
            None => b"$-1\r\n".to_vec(),
        };
        let array =
            |items: Vec<Vec<u8>>| [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat();
        let ok = b"+OK\r\n".to_vec();
        Some(match args[0] {
            b"TYPE" => format!("+{name}\r\n").into_bytes(),
            b"MGET" => array(args[1..].iter().map(|key| text(data.get(*key))).collect()),
            b"MSET" => {
                args[1..].chunks(2).for_each(|pair| drop(data.insert(pair[0].to_vec(), pair[1].to_vec())));
                ok
            }
            b"DEL" | b"EXISTS" => {
                let count = args[1..].iter().filter(|key| data.contains_key(**key)).count();
                args[1..].iter().filter(|_| args[0] == b"DEL").for_each(|key| drop(data.remove(*key)));
                format!(":{count}\r\n").into_bytes()
            }
            b"DBSIZE" => format!(":{}\r\n", data.len()).into_bytes(),
            b"FLUSHALL" => {
                data.clear();
                ok
            }
            b"KEYS" => array(data.keys().map(|key| text(Some(key))).collect()),
            b"RANDOMKEY" => text(data.keys().next()),
            b"SCAN" => {
                // One key a call: the cursor is its place.
                let place: usize = std::str::from_utf8(args[1]).unwrap().parse().unwrap();
                let next = if place + 1 < data.len() { place + 1 } else { 0 };
                let found = data.keys().nth(place).map(|key| text(Some(key)));
                array(vec![text(Some(&next.to_string().into_bytes())), array(found.into_iter().collect())])
            }
            b"TOUCH" if name == "b" => b"-ERR broken\r\n".to_vec(),
            b"TOUCH" | b"UNLINK" if name != "b" => b":1\r\n".to_vec(),
            _ => b"-ERR broken\r\n".to_vec(),
        })
    })
}

fn three_stores() -> Place {
    Place::new(&[store("a"), store("b"), store("c")], "")
}

#[test]
fn many_keys_are_set_got_counted_and_deleted_over_all_nodes() {
    let place = three_stores();
    let mut client = place.client();
    let keys: Vec<String> = (0..100).map(|number| format!("key:{number}")).collect();
    let pairs = keys.iter().map(|key| format!("{key} {key}")).collect::<Vec<_>>().join(" ");
    assert_eq!(client.ask(&format!("MSET {pairs}")), "+OK");
    let names = keys.join(" ");
    client.send(format!("MGET {names} nosuch\r\n"));
    let values: String = keys.iter().map(|key| format!("${}\r\n{key}\r\n", key.len())).collect();
    client.expect(format!("*101\r\n{values}$-1\r\n"));
    assert_eq!(client.ask(&format!("EXISTS {names} {names}")), ":200");
    assert_eq!(client.ask("DBSIZE"), ":100");
    assert_eq!(client.ask("DEL key:0 key:1 key:2 nosuch"), ":3");
    assert_eq!(client.ask("DBSIZE"), ":97");
    assert_eq!(client.ask("KEYS *"), "*97");
    client.read_until(b"key:99\r\n");
}

#[test]
fn a_walk_with_scan_finds_every_key_once() {
    let place = three_stores();
    let mut client = place.client();
    let pairs: Vec<String> = (0..30).map(|number| format!("k{number} v")).collect();
    assert_eq!(client.ask(&format!("MSET {}", pairs.join(" "))), "+OK");
    let (mut cursor, mut found) = ("0".to_owned(), Vec::new());
    loop {
        client.send(request(&["SCAN", &cursor, "COUNT", "1"]));
        client.expect(b"*2\r\n");
        client.line();
        cursor = client.line();
        if client.line() == "*1" {
            client.line();
            found.push(client.line());
        }
        assert!(cursor.parse::<i64>().is_ok() && found.len() <= 30);
        if cursor == "0" {
            break;
        }
    }
    found.sort();
    let mut keys: Vec<String> = (0..30).map(|number| format!("k{number}")).collect();
    keys.sort();
    assert_eq!(found, keys);
    assert_eq!(client.ask("SCAN x"), "-ERR invalid cursor");
}

#[test]
fn all_nodes_are_flushed_and_a_key_is_found_where_there_is_one() {
    let place = three_stores();
    let mut client = place.client();
    assert_eq!(client.ask("RANDOMKEY"), "$-1");
    assert_eq!(client.ask("MSET only one"), "+OK");
    (0..10).for_each(|_| {
        assert_eq!(client.ask("RANDOMKEY"), "$4");
        client.expect(b"only\r\n");
    });
    assert_eq!(client.ask("FLUSHALL"), "+OK");
    assert_eq!(client.ask("DBSIZE"), ":0");
}

#[test]
fn a_part_that_fails_is_named() {
    let place = three_stores();
    let keys = place.keys_of("ab");
    let mut client = place.client();
    let answer = client.ask(&format!("TOUCH {} {}", keys[0], keys[1]));
    assert!(answer.starts_with("-ERR broken (answered by node 'b' at "), "{answer}");
    let answer = client.ask(&format!("UNLINK {} {}", keys[0], keys[1]));
    assert!(answer.starts_with("-MAYBE the command was executed in part; node 'b' at "), "{answer}");
    assert_eq!(client.ask(&format!("UNLINK {}", keys[1])), "-ERR broken");
    assert_eq!(client.ask("PING"), "+PONG");
}

#[test]
fn a_write_of_which_one_part_may_have_been_executed_may_have_been_executed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = listener.local_addr().unwrap();
    drop(listener);
    let lost = serve(|args| (args[0] != b"MSET").then(|| b"+b\r\n".to_vec()));
    let place = Place::new(&[away, lost], "");
    let mut client = place.client();
    let pairs: Vec<String> = (0..50).map(|number| format!("key{number} v")).collect();
    let answer = client.ask(&format!("MSET {}", pairs.join(" ")));
    assert!(
        answer.starts_with("-MAYBE the command may have been executed in part; node 'b' at "),
        "{answer}"
    );
}

#[test]
fn blob_errors_and_replies_of_the_wrong_shape_leave_a_write_in_doubt() {
    let odd = serve(|args| {
        Some(match args[0] {
            b"TYPE" => b"+a\r\n".to_vec(),
            b"UNLINK" => b"!7\r\nERR odd\r\n".to_vec(),
            _ => b"+odd\r\n".to_vec(),
        })
    });
    let place = Place::new(&[odd, store("b")], "");
    let (keys, mut client) = (place.keys_of("ab"), place.client());
    let answer = client.ask(&format!("DEL {} {}", keys[0], keys[1]));
    assert!(answer.starts_with("-MAYBE the command may have been executed; unexpected reply"), "{answer}");
    let answer = client.ask(&format!("UNLINK {} {}", keys[0], keys[1]));
    assert!(answer.starts_with("-ERR odd (answered by node 'a' at "), "{answer}");
}

#[test]
fn a_client_whose_collected_parts_are_too_large_is_closed() {
    let (one, other) = (ScriptedNode::new(), ScriptedNode::new());
    let place =
        Place::new(&[one.address(), other.address()], "limits: {client_buffer: 64kb, request: 64kb}\n");
    let (mut first, mut second) = (one.accept(), other.accept());
    let mut client = place.client();
    client.send("KEYS *\r\n");
    let keys = request(&["KEYS", "*"]);
    first.expect(&keys);
    second.expect(&keys);
    let value = "x".repeat(600_000);
    first.send(format!("*1\r\n${}\r\n{value}\r\n", value.len()));
    assert!(client.rest().is_empty());
    second.send(b"*0\r\n");
    let mut next = place.client();
    next.send("KEYS *\r\n");
    first.expect(&keys);
    second.expect(&keys);
    first.send(b"*0\r\n");
    second.send(b"*1\r\n+k\r\n");
    next.expect(b"*1\r\n+k\r\n");
}

#[test]
fn keys_of_two_slots_are_refused_where_a_command_needs_one() {
    let place = three_stores();
    let mut client = place.client();
    let refusal = "-CROSSSLOT Keys in request don't hash to the same slot";
    assert_eq!(client.ask("RENAME a b"), refusal);
    assert_eq!(client.ask("SINTERSTORE {x}a {x}b c"), refusal);
    assert_eq!(client.ask("RENAME {x}a {x}b"), "-ERR broken");
}
