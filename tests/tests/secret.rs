//! The secret of a cluster: nodes serve the proxies that know it, and nobody else but users.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_protocol::secret::{Asked, Secrets, put_nonce, put_proofs};
use ringmaster_runtime::secret::SecretSource;
use ringmaster_tests::cluster::Cluster;
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::{Wire, text};

const NEW: &str = "fedcba9876543210fedcba9876543210";
const OLD: &str = "0123456789abcdef0123456789abcdef";

/// The SHA-256 of `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

/// A file with this secret.
fn file(directory: &Path, name: &str, secret: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, format!("{secret}\n")).unwrap();
    path
}

fn node(secret: SecretSource) -> NodeConfig {
    NodeConfig { threads: 1, hash_seed: Some(7), secret, ..NodeConfig::default() }
}

/// Three nodes that know `node`, and a proxy that knows `proxy`.
fn cluster(node_secret: &Path, proxy_secret: &Path, replicas: usize) -> Cluster {
    let yaml = format!("replicas: {replicas}\nsecret_file: '{}'\n", proxy_secret.display());
    Cluster::builder().yaml(&yaml).node(node(SecretSource::File(node_secret.to_owned()))).start()
}

fn serves(proxy: SocketAddr) -> bool {
    Wire::connect(proxy).ask("SET k v") == r"+OK\r\n"
}

/// Proves on a connection to know `secret`; what the node says to it.
fn prove(wire: &mut Wire, secret: &str) -> String {
    let (secrets, mut request) = (Secrets::parse(secret.as_bytes()).unwrap(), Vec::new());
    put_nonce(&mut request);
    wire.send(&request);
    let Asked::Nonce(nonce) = Asked::parse(&wire.reply().unwrap()) else { panic!("a nonce comes") };
    request.clear();
    put_proofs(&mut request, &secrets, &nonce);
    wire.send(&request);
    text(&wire.reply().unwrap())
}

#[test]
fn nodes_serve_proxies_that_know_their_secret() {
    let directory = tempfile::tempdir().unwrap();
    let secret = file(directory.path(), "secret", NEW);
    for replicas in [1, 2] {
        let cluster = cluster(&secret, &secret, replicas);
        eventually("the proxy serves", || serves(cluster.address()));
        let mut client = Wire::connect(cluster.address());
        for number in 0..100 {
            assert_eq!(client.ask(&format!("SET k{number} {number}")), r"+OK\r\n");
            assert!(client.ask(&format!("GET k{number}")).ends_with(&format!(r"{number}\r\n")));
        }
        assert_eq!(client.ask("SELECT 3"), r"+OK\r\n");
        assert_eq!(client.ask("SET other 1"), r"+OK\r\n");
    }
}

#[test]
fn nobody_else_is_let_in_whatever_it_asks() {
    let node = Node::start(NodeConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: ([127, 0, 0, 1], 0).into(),
        ..node(SecretSource::Given(Secrets::parse(NEW.as_bytes()).unwrap()))
    })
    .unwrap();
    let mut wire = Wire::connect(node.address());
    for line in ["GET k", "PING", "INFO", "CONFIG GET *", "SHUTDOWN", "ACL LIST", "MULTI", "MONITOR"] {
        assert_eq!(wire.ask(line), r"-NOAUTH Authentication required.\r\n", "{line}");
    }
    for line in
        ["RM.TICK 1", "RM.ATTACH 1 1 1 1", "RM.BEAT x", "rm.register x", "RM.ASK 1 x", "RM.", "RM.NOTHING"]
    {
        assert!(wire.ask(line).starts_with("-NOAUTH this node serves proxies"), "{line}");
    }
    assert!(wire.ask("AUTH default x").starts_with("-WRONGPASS"));
    assert!(wire.ask("RM.NONCE much too much").starts_with("-ERR malformed"));
    // A proof without a question before it, and one under another secret.
    let refused = wire.ask("RM.PROVE xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    assert!(refused.starts_with("-NOAUTH the proof is wrong") && !refused.contains(NEW), "{refused}");
    assert!(wire.closes());
    let mut wire = Wire::connect(node.address());
    assert!(prove(&mut wire, OLD).starts_with("-NOAUTH the proof is wrong"));
    assert!(wire.closes());
    // Who knows it may do everything, until it says that it is somebody else.
    let mut wire = Wire::connect(node.address());
    assert_eq!(prove(&mut wire, NEW), r"+OK\r\n");
    assert_eq!(wire.ask("SET k v"), r"+OK\r\n");
    assert_eq!(wire.ask("RESET"), r"+RESET\r\n");
    assert_eq!(wire.ask("GET k"), r"-NOAUTH Authentication required.\r\n");
    node.stop();
}

#[test]
fn a_proxy_with_another_secret_is_told_so_and_tells_its_clients() {
    let directory = tempfile::tempdir().unwrap();
    let [new, old] = [file(directory.path(), "new", NEW), file(directory.path(), "old", OLD)];
    let cluster = cluster(&new, &old, 1);
    let refused = Wire::connect(cluster.address()).ask("GET k");
    assert!(refused.starts_with("-CLUSTERDOWN") && refused.contains("the proof is wrong"), "{refused}");
    assert!(!refused.contains(NEW) && !refused.contains(OLD));
    drop(cluster);
    let secret = SecretSource::Given(Secrets::parse(NEW.as_bytes()).unwrap());
    let without = Cluster::builder().node(node(secret)).start();
    let refused = Wire::connect(without.address()).ask("GET k");
    assert!(refused.contains("give the proxies the node's secret"), "{refused}");
}

#[test]
fn a_proxy_with_a_secret_serves_nodes_without_one() {
    let directory = tempfile::tempdir().unwrap();
    let secret = file(directory.path(), "secret", NEW);
    let yaml = format!("secret_file: '{}'\n", secret.display());
    let cluster = Cluster::builder().yaml(&yaml).start();
    eventually("the proxy serves", || serves(cluster.address()));
}

#[test]
fn a_secret_is_changed_while_all_serve() {
    let directory = tempfile::tempdir().unwrap();
    let [nodes, proxies] = [file(directory.path(), "nodes", OLD), file(directory.path(), "proxies", OLD)];
    let cluster = cluster(&nodes, &proxies, 2);
    eventually("the proxy serves", || serves(cluster.address()));
    let node = cluster.nodes()[0].address();
    let mut knows_old = Wire::connect(node);
    assert_eq!(prove(&mut knows_old, OLD), r"+OK\r\n");
    file(directory.path(), "nodes", &format!("{NEW}\n{OLD}"));
    eventually("the nodes take both", || prove(&mut Wire::connect(node), NEW) == r"+OK\r\n");
    assert_eq!(knows_old.ask("PING"), r"+PONG\r\n");
    file(directory.path(), "proxies", NEW);
    file(directory.path(), "nodes", NEW);
    eventually("the nodes forget the old one", || prove(&mut Wire::connect(node), OLD) != r"+OK\r\n");
    assert!(knows_old.closes(), "who came by the old one has to come anew");
    eventually("the proxy comes by the new one", || serves(cluster.address()));
    // A file that went bad changes nothing.
    file(directory.path(), "nodes", "short");
    assert!(serves(cluster.address()));
}

#[test]
fn a_node_has_users_beside_its_proxies() {
    let directory = tempfile::tempdir().unwrap();
    let secret = file(directory.path(), "secret", NEW);
    let users = directory.path().join("users.acl");
    fs::write(&users, format!("user default off\nuser ops on #{HASH} ~* &* +@all\n")).unwrap();
    let config = NodeConfig { users: Some(users), ..node(SecretSource::File(secret.clone())) };
    let yaml = format!("replicas: 2\nsecret_file: '{}'\n", secret.display());
    let cluster = Cluster::builder().yaml(&yaml).node(config).start();
    eventually("the proxy serves", || serves(cluster.address()));
    let mut ops = Wire::connect(cluster.nodes()[0].address());
    assert_eq!(ops.ask("PING"), r"-NOAUTH Authentication required.\r\n");
    assert_eq!(ops.ask("AUTH ops password"), r"+OK\r\n");
    assert!(ops.ask("INFO server").contains("ringmaster_version"));
    assert!(ops.ask("RM.TICK 1").starts_with("-NOAUTH this node serves proxies"));
    assert_eq!(ops.ask("ACL LOAD"), r"+OK\r\n");
    assert!(serves(cluster.address()), "the proxies' connections outlive a change of the users");
}
