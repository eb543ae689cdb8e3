//! Bounds of clients: how many, from where, how fast; who tries passwords; what a stranger may send.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::{PATIENCE, eventually};
use ringmaster_tests::wire::{Wire, encoded, text};

/// The SHA-256 of `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

const WRONG: &str = r"-WRONGPASS invalid username-password pair or user is disabled.\r\n";

fn node() -> NodeConfig {
    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    NodeConfig { listen: free, admin: free, threads: 1, hash_seed: Some(7), ..NodeConfig::default() }
}

/// A node with one user but `default`, who is off.
fn node_with_users(directory: &std::path::Path) -> Node {
    let users = directory.join("users.acl");
    fs::write(&users, format!("user default off\nuser app on #{HASH} ~* +@all\n")).unwrap();
    Node::start(NodeConfig { users: Some(users), ..node() }).unwrap()
}

/// What a client that connects and says nothing hears before it is closed.
fn heard(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = String::new();
    drop(stream.read_to_string(&mut text));
    text
}

#[test]
fn an_address_has_no_more_clients_than_it_may() {
    let full = "-ERR max number of clients of this address reached\r\n";
    let node = Node::start(NodeConfig { clients_per_address: 2, ..node() }).unwrap();
    let mut kept = [Wire::connect(node.address()), Wire::connect(node.address())];
    kept.iter_mut().for_each(|client| assert_eq!(client.ask("PING"), r"+PONG\r\n"));
    assert_eq!(heard(node.address()), full);
    drop(kept);
    eventually("there is room again", || {
        let mut client = Wire::connect(node.address());
        client.send_if_open(&encoded(&[b"PING"]));
        client.reply().is_some_and(|reply| reply == b"+PONG\r\n")
    });
    node.stop();
    // The proxy's bound follows its file.
    let cluster = Cluster::builder().yaml("limits: {clients_per_address: 3}").start();
    let mut kept: Vec<Wire> = (0..3).map(|_| Wire::connect(cluster.address())).collect();
    kept.iter_mut().for_each(|client| assert_eq!(client.ask("PING"), r"+PONG\r\n"));
    assert_eq!(heard(cluster.address()), full);
    let text = fs::read_to_string(cluster.file()).unwrap();
    fs::write(cluster.file(), text.replace("clients_per_address: 3", "clients_per_address: 5")).unwrap();
    eventually("two more may come", || {
        let mut client = Wire::connect(cluster.address());
        client.send_if_open(&encoded(&[b"PING"]));
        client.reply().is_some_and(|reply| reply == b"+PONG\r\n")
    });
}

#[test]
fn no_more_clients_connect_in_a_second_than_may() {
    let node = Node::start(NodeConfig { connects_per_second: 5, ..node() }).unwrap();
    let begun = Instant::now();
    let served = (0..20).filter(|_| {
        let mut client = Wire::connect(node.address());
        client.send_if_open(&encoded(&[b"PING"]));
        client.reply().is_some_and(|reply| reply == b"+PONG\r\n")
    });
    let (served, seconds) = (served.count(), begun.elapsed().as_secs_f64());
    assert!((5..=5 + (5.0 * seconds).ceil() as usize).contains(&served), "{served} in {seconds} s");
    node.stop();
}

/// A cluster that lets in nobody but `app`.
fn cluster_with_users() -> Cluster {
    let users =
        format!("users: [{{name: default, rules: 'off'}}, {{name: app, rules: 'on #{HASH} ~* +@all'}}]");
    Cluster::builder().yaml(&users).start()
}

#[test]
fn who_tries_passwords_is_closed_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let node = node_with_users(directory.path());
    let cluster = cluster_with_users();
    for address in [node.address(), cluster.address()] {
        let mut client = Wire::connect(address);
        for _ in 0..9 {
            assert_eq!(client.ask("AUTH app guess"), WRONG);
        }
        assert_eq!(client.ask("AUTH app password"), r"+OK\r\n", "nine may be slips");
        for _ in 0..9 {
            assert_eq!(client.ask("AUTH app guess"), WRONG);
        }
        assert_eq!(client.ask("HELLO 3 AUTH app guess"), WRONG);
        assert!(client.closes());
        // Many at once, as a flood comes.
        let mut client = Wire::connect(address);
        client.send_if_open(&encoded(&[b"AUTH", b"app", b"guess"]).repeat(1000));
        let answered = (0..).map_while(|_| client.reply()).count();
        assert!((1..=10).contains(&answered), "{answered}");
    }
    let metrics = |address: SocketAddr| {
        let mut stream = TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut stream, b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    for address in [node.admin_address(), cluster.proxies()[0].admin_address()] {
        let text = metrics(address);
        assert!(text.contains("failed_logins_total 29"), "{text}");
    }
    node.stop();
}

#[test]
fn a_stranger_may_send_no_more_than_a_greeting() {
    let directory = tempfile::tempdir().unwrap();
    let node = node_with_users(directory.path());
    let cluster = cluster_with_users();
    for address in [node.address(), cluster.address()] {
        for large in [&b"*11\r\n"[..], b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", b"*1000000\r\n$3\r\nDEL\r\n"] {
            let mut client = Wire::connect(address);
            client.send(large);
            assert!(client.reply().unwrap().starts_with(b"-ERR Protocol error"));
            assert!(client.closes());
        }
        // Who logs in may send more, also what stands right behind.
        let mut client = Wire::connect(address);
        let value = vec![b'x'; 100_000];
        let mut bytes = encoded(&[b"HELLO", b"2", b"AUTH", b"app", b"password", b"SETNAME", b"me"]);
        bytes.extend(encoded(&[b"SET", b"k", &value]));
        client.send(&bytes);
        assert!(client.reply().unwrap().starts_with(b"*14"));
        assert_eq!(client.reply().unwrap(), b"+OK\r\n");
    }
    node.stop();
}

#[test]
fn a_stranger_uses_up_nobody_s_share_and_a_command_that_waits_its_turn_counts_once() {
    let limits = "limits: {commands: 20}";
    let cluster = Cluster::builder()
        .yaml(&format!("users: [{{name: default, rules: 'on #{HASH} ~* &* +@all', {limits}}}]"))
        .start();
    let mut stranger = Wire::connect(cluster.address());
    stranger.send(&encoded(&[b"PING"]).repeat(200));
    assert!((0..200).all(|_| stranger.reply().unwrap().starts_with(b"-NOAUTH")));
    let mut client = Wire::connect(cluster.address());
    assert_eq!(client.ask("AUTH password"), r"+OK\r\n");
    // A blocking command waits until what came before it is answered.
    let both = [encoded(&[b"SET", b"k", b"v"]), encoded(&[b"BLPOP", b"none", b"0.001"])].concat();
    client.send(&both.repeat(10));
    for _ in 0..10 {
        assert_eq!(client.reply().unwrap(), b"+OK\r\n");
        assert_eq!(client.reply().unwrap(), b"*-1\r\n");
    }
}

#[test]
fn a_user_has_no_more_of_a_proxy_than_its_share() {
    let limits = "limits: {commands: 20, bytes: 10kb}";
    let cluster = Cluster::builder()
        .yaml(&format!("users: [{{name: default, rules: 'on nopass ~* &* +@all', {limits}}}]"))
        .start();
    let mut client = Wire::connect(cluster.address());
    let begun = Instant::now();
    client.send(&encoded(&[b"PING"]).repeat(200));
    let replies: Vec<Vec<u8>> = (0..200).map(|_| client.reply().unwrap()).collect();
    let served = replies.iter().filter(|reply| *reply == b"+PONG\r\n").count();
    let most = 20 + (20.0 * begun.elapsed().as_secs_f64()).ceil() as usize;
    assert!((20..=most).contains(&served), "{served} of {most}");
    let refused = replies.iter().find(|reply| reply.starts_with(b"-")).unwrap();
    assert!(refused.starts_with(b"-OVERLOADED user 'default' may send 20 commands a second"));
    let text = fs::read_to_string(cluster.file()).unwrap();
    fs::write(cluster.file(), text.replace(limits, "limits: {bytes: 1kb}")).unwrap();
    let large = "x".repeat(2000);
    eventually("the bytes are bounded", || {
        client.ask(&format!("SET k {large}")).contains("bytes of commands")
    });
    let text = fs::read_to_string(cluster.file()).unwrap();
    fs::write(cluster.file(), text.replace("limits: {bytes: 1kb}", "limits: {}")).unwrap();
    eventually("the bound is gone", || (0..10).all(|_| client.ask(&format!("SET k {large}")) == r"+OK\r\n"));
}

#[test]
fn a_transaction_of_who_may_send_little_is_refused_whole() {
    let limits = "limits: {commands: 1}";
    let users = format!("users: [{{name: default, rules: 'on nopass ~* &* +@all', {limits}}}]");
    let cluster = Cluster::builder().yaml(&users).start();
    let mut client = Wire::connect(cluster.address());
    let words: [&[&[u8]]; 4] = [&[b"MULTI"], &[b"SET", b"k", b"v"], &[b"SET", b"k", b"w"], &[b"EXEC"]];
    let transaction: Vec<u8> = words.iter().flat_map(|words| encoded(words)).collect();
    for _ in 0..20 {
        client.send(&transaction);
        let replies: Vec<String> = (0..4).map(|_| text(&client.reply().unwrap())).collect();
        assert_eq!(replies[0], r"+OK\r\n", "none is left open, and none is not begun");
        assert!(replies[3].starts_with("-EXECABORT "), "{replies:?}");
    }
    let mut reader = Wire::connect(cluster.address());
    eventually("a command is served", || {
        let reply = reader.ask("GET k");
        assert!(!reply.starts_with("$1"), "nothing was executed by itself: {reply}");
        reply == r"$-1\r\n" || reply == r"_\r\n"
    });
}

/// A node that takes all commands and answers none but those that set up a connection.
fn silent_node() -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        listener.incoming().map_while(Result::ok).for_each(|stream| {
            std::thread::spawn(move || answer_pings(stream));
        });
    });
    address
}

fn answer_pings(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer) {
        if buffer.starts_with(b"*1\r\n$4\r\nPING") {
            // Who has gone wants no answer.
            drop(std::io::Write::write_all(&mut stream, b"+PONG\r\n"));
        }
    }
}

#[test]
fn a_user_has_no_more_under_way_than_it_may_over_all_its_connections() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cluster.yaml");
    let users = "users: [{name: default, rules: 'on nopass ~* &* +@all', limits: {in_flight: 10}}]";
    let nodes = format!("nodes: [{{name: a, address: '{}'}}]", silent_node());
    fs::write(&file, format!("timeouts: {{request: 1s}}\n{users}\n{nodes}\n")).unwrap();
    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    let config = ringmaster_proxy::Config {
        listen: free,
        admin: free,
        threads: 2,
        cluster: file,
        ..Default::default()
    };
    let proxy = ringmaster_proxy::Proxy::start(config).unwrap();
    let mut clients: Vec<Wire> = (0..4).map(|_| Wire::connect(proxy.address())).collect();
    for client in &mut clients {
        client.send(&encoded(&[b"SET", b"k", b"v"]).repeat(5));
    }
    let replies = clients.iter_mut().flat_map(|client| (0..5).map(|_| text(&client.reply().unwrap())));
    let replies: Vec<String> = replies.collect();
    let refused =
        "-OVERLOADED user 'default' may have 10 commands under way at a proxy; the command was not executed";
    let is_refused = |reply: &&String| reply.starts_with(refused);
    assert_eq!(replies.iter().filter(is_refused).count(), 10, "{replies:?}");
    // All is answered, and what was under way with a client that goes away is not under way any more.
    for _ in 0..3 {
        let mut client = Wire::connect(proxy.address());
        client.send(&encoded(&[b"GET", b"k"]).repeat(10));
        client.send(&encoded(&[b"PING"]));
    }
    eventually("there is room again", || Wire::connect(proxy.address()).ask("PING") == r"+PONG\r\n");
    proxy.stop();
}
