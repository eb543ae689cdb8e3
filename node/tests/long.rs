//! Commands that look at many elements, over a connection: the same answers, whoever runs them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ringmaster_node::{Config, Node};

const ELEMENTS: usize = 30_000;

/// Sends lines and reads until the reply to a last PING is there; returns what came before it.
fn ask(stream: &mut TcpStream, lines: &str) -> String {
    stream.write_all(format!("{lines}\r\nPING\r\n").as_bytes()).unwrap();
    let mut replies = Vec::new();
    let mut part = vec![0; 64 << 10];
    while !replies.ends_with(b"+PONG\r\n") {
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "the node closed the connection");
        replies.extend_from_slice(&part[..read]);
    }
    replies.truncate(replies.len() - b"+PONG\r\n".len());
    String::from_utf8(replies).unwrap()
}

fn node_and_client() -> (Node, TcpStream) {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let node = Node::start(Config { listen: free, admin: free, threads: 1, ..Config::default() }).unwrap();
    let client = TcpStream::connect(node.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    (node, client)
}

/// Commands that add `ELEMENTS` elements, each made of a number.
fn filling(command: &str, element: impl Fn(usize) -> String) -> String {
    let batch = |from: usize| {
        let elements = (from..from + 1000).map(|n| format!(" {}", element(n))).collect::<String>();
        format!("{command}{elements}\r\n")
    };
    (0..ELEMENTS / 1000).map(|number| batch(number * 1000)).collect()
}

#[test]
fn commands_on_large_collections_answer_in_order() {
    let (node, mut client) = node_and_client();
    ask(&mut client, &filling("SADD a", |n| format!("m{n}")));
    ask(&mut client, &filling("SADD b", |n| format!("m{}", n * 2)));
    ask(&mut client, &filling("RPUSH l", |n| format!("i{}", n % 3)));
    ask(&mut client, &filling("ZADD z", |n| format!("{n} m{n}")));
    for (lines, expected) in [
        ("SINTERSTORE c a b\r\nSCARD c", ":15000\r\n:15000\r\n"),
        ("LREM l 0 i1\r\nLLEN l", ":10000\r\n:20000\r\n"),
        (
            "ZREMRANGEBYRANK z 0 11999\r\nZCARD z\r\nZRANGE z 0 0",
            ":12000\r\n:18000\r\n*1\r\n$6\r\nm12000\r\n",
        ),
        ("COPY z y\r\nZCARD y", ":1\r\n:18000\r\n"),
        ("RENAME y x\r\nZCARD x\r\nEXISTS y", "+OK\r\n:18000\r\n:0\r\n"),
        ("LREM a 0 i1", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
        ("MULTI\r\nSUNIONSTORE u a b\r\nEXEC", "+OK\r\n+QUEUED\r\n*1\r\n:45000\r\n"),
        ("EVAL \"return redis.call('lrem', 'l', 0, 'i2')\" 0", ":10000\r\n"),
    ] {
        assert_eq!(ask(&mut client, lines), expected, "{lines}");
    }
    let members = ask(&mut client, "SMEMBERS a\r\nZRANGE z 0 -1\r\nLRANGE l 0 -1");
    assert_eq!(
        members.lines().filter(|line| !line.starts_with(['$', '*'])).count(),
        30_000 + 18_000 + 10_000
    );
    drop(client);
    node.stop();
}

#[test]
fn a_hash_whose_many_fields_are_due_is_empty() {
    let (node, mut client) = node_and_client();
    ask(&mut client, &filling("HSET h", |n| format!("f{n} v")));
    ask(&mut client, "HSET h stays v");
    let fields = (0..ELEMENTS).map(|n| format!(" f{n}")).collect::<String>();
    ask(&mut client, "DEBUG SET-ACTIVE-EXPIRE 0");
    for part in fields.split_whitespace().collect::<Vec<_>>().chunks(1000) {
        ask(&mut client, &format!("HPEXPIRE h 2000 FIELDS {} {}", part.len(), part.join(" ")));
    }
    let give_up = Instant::now() + Duration::from_secs(30);
    while ask(&mut client, "HLEN h") != ":1\r\n" {
        assert!(Instant::now() < give_up, "due fields go");
        std::thread::yield_now();
    }
    assert_eq!(ask(&mut client, "HKEYS h"), "*1\r\n$5\r\nstays\r\n");
    drop(client);
    node.stop();
}

#[test]
fn a_large_slot_is_walked_in_parts() {
    let (node, mut client) = node_and_client();
    let keys = |database: usize| {
        let pairs = (0..ELEMENTS).map(|n| format!("SET {{t}}{database}:{n} v\r\n")).collect::<String>();
        format!("SELECT {database}\r\n{pairs}")
    };
    ask(&mut client, &keys(1));
    ask(&mut client, &keys(0));
    let found = ask(&mut client, "KEYS {t}0:*");
    assert_eq!(found.lines().filter(|line| line.starts_with("{t}0:")).count(), ELEMENTS);
    assert_eq!(ask(&mut client, "FLUSHDB\r\nDBSIZE\r\nSELECT 1\r\nDBSIZE"), "+OK\r\n:0\r\n+OK\r\n:30000\r\n");
    drop(client);
    node.stop();
}
