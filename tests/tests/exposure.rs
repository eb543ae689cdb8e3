//! Who listens for others than this machine wants to know who comes, or is told that it need not.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_proxy::{Config as ProxyConfig, Proxy};
use ringmaster_tests::wire::Wire;

/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// The SHA-256 of `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

fn free(host: [u8; 4]) -> SocketAddr {
    (host, 0).into()
}

fn local(address: SocketAddr) -> SocketAddr {
    ([127, 0, 0, 1], address.port()).into()
}

fn node(listen: SocketAddr) -> NodeConfig {
    NodeConfig { listen, admin: free([127, 0, 0, 1]), threads: 1, ..NodeConfig::default() }
}

#[test]
fn a_node_without_a_word_of_who_may_do_what_stays_on_its_machine() {
    let public = free([0, 0, 0, 0]);
    let refused = Node::start(node(public)).err().expect("it is refused").to_string();
    for part in ["0.0.0.0:0", "--secret-file", "--password-file", "--users", "--insecure"] {
        assert!(refused.contains(part), "{refused}");
    }
    Node::start(NodeConfig { insecure: true, ..node(public) }).unwrap().stop();
    Node::start(node(free([127, 0, 0, 1]))).unwrap().stop();
    let directory = tempfile::tempdir().unwrap();
    let users = directory.path().join("users.acl");
    fs::write(&users, "user default on nopass ~* &* +@all\nuser app on >pw ~* +@all\n").unwrap();
    let open = NodeConfig { users: Some(users.clone()), ..node(public) };
    assert!(Node::start(open.clone()).is_err(), "users are of no use while `default` needs no password");
    fs::write(&users, "user default off\nuser app on >pw ~* +@all\n").unwrap();
    Node::start(open).unwrap().stop();
}

#[test]
fn a_node_for_others_does_not_load_users_that_open_it_to_everybody() {
    let directory = tempfile::tempdir().unwrap();
    let users = directory.path().join("users.acl");
    let ops = "user ops on >pw ~* &* +@all\n";
    for (listen, insecure, loads) in
        [([0, 0, 0, 0], false, false), ([0, 0, 0, 0], true, true), ([127, 0, 0, 1], false, true)]
    {
        fs::write(&users, format!("user default off\n{ops}")).unwrap();
        let config = NodeConfig { users: Some(users.clone()), insecure, ..node(free(listen)) };
        let node = Node::start(config).unwrap();
        let mut client = Wire::connect(local(node.address()));
        assert_eq!(client.ask("AUTH ops pw"), r"+OK\r\n");
        fs::write(&users, ops).unwrap();
        let answer = client.ask("ACL LOAD");
        assert_eq!(answer == r"+OK\r\n", loads, "{answer}");
        assert!(loads || answer.contains("--insecure"), "{answer}");
        let mut stranger = Wire::connect(local(node.address()));
        assert_eq!(stranger.ask("GET k") == r"$-1\r\n", loads);
        node.stop();
    }
}

#[test]
fn a_node_with_a_password_is_as_redis_with_requirepass() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let with = |text: &str| {
        fs::write(&file, text).unwrap();
        Node::start(NodeConfig { password_file: Some(file.clone()), ..node(free([0, 0, 0, 0])) })
    };
    for (text, said) in
        [("\n", "is empty"), ("one\ntwo\n", "several lines"), (&"x".repeat(600), "longer than")]
    {
        let refused = with(text).err().expect("it is refused").to_string();
        assert!(refused.contains(said) && !refused.contains("two"), "{refused}");
    }
    let node = with("correct horse\n").unwrap();
    let mut client = Wire::connect(local(node.address()));
    assert_eq!(client.ask("SET k v"), r"-NOAUTH Authentication required.\r\n");
    client.command(&[b"AUTH", b"wrong"]);
    assert!(client.reply().unwrap().starts_with(b"-WRONGPASS"));
    client.command(&[b"AUTH", b"correct horse"]);
    assert_eq!(client.reply().unwrap(), b"+OK\r\n");
    assert_eq!(client.ask("SET k v"), r"+OK\r\n");
    assert_eq!(client.ask("CONFIG GET requirepass"), r"*2\r\n$11\r\nrequirepass\r\n$0\r\n\r\n");
    node.stop();
    fs::write(&file, "password").unwrap();
    let both = NodeConfig {
        password_file: Some(file.clone()),
        users: Some(file.clone()),
        ..self::node(free([127, 0, 0, 1]))
    };
    assert!(Node::start(both).err().expect("it is refused").to_string().contains("stands beside `users`"));
}

#[test]
fn a_proxy_for_others_has_users_and_keeps_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cluster.yaml");
    let write = |users: &str| {
        fs::write(&file, format!("users: [{users}]\nnodes: [{{name: a, address: '127.0.0.1:1'}}]\n"))
            .unwrap();
    };
    let config = ProxyConfig {
        listen: free([0, 0, 0, 0]),
        admin: free([127, 0, 0, 1]),
        threads: 1,
        cluster: file.clone(),
        ..ProxyConfig::default()
    };
    write("");
    let refused = Proxy::start(config.clone()).err().expect("it is refused").to_string();
    assert!(refused.contains("give users in cluster.yaml") && refused.contains("--insecure"), "{refused}");
    Proxy::start(ProxyConfig { insecure: true, ..config.clone() }).unwrap().stop();
    let users = format!("{{name: default, rules: 'off'}}, {{name: app, rules: 'on #{HASH} ~* +@all'}}");
    write(&users);
    let proxy = Proxy::start(config).unwrap();
    let mut client = Wire::connect(local(proxy.address()));
    assert_eq!(client.ask("AUTH app password"), r"+OK\r\n");
    write("");
    let begun = Instant::now();
    while !client.ask("INFO server").contains("everybody who reaches that address") {
        assert!(begun.elapsed() < PATIENCE, "the edit is refused");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut stranger = Wire::connect(local(proxy.address()));
    assert_eq!(stranger.ask("GET k"), r"-NOAUTH Authentication required.\r\n");
    proxy.stop();
}
