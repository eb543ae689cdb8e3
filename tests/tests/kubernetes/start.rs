//! The files of an overlay, with the paths and ports of this machine, make a cluster that serves.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_proxy::{Config as ProxyConfig, Proxy};
use ringmaster_tests::chaos::name_server::{NameServer, Naming, local_name};
use ringmaster_tests::tls::{Authority, TlsWire, Validity};
use ringmaster_tests::wait::eventually;
use ringmaster_tests::wire::Wire;

use crate::manifests::{Manifests, config_of};

/// The SHA-256 of `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

/// The status of a page of an admin port.
fn status(address: SocketAddr, page: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {page} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The text with this machine's ports, and files below `directory`.
fn at_home(text: &str, directory: &Path) -> String {
    let home = directory.display().to_string();
    [("0.0.0.0:6380", "127.0.0.1:0"), ("0.0.0.0:6379", "127.0.0.1:0")]
        .into_iter()
        .chain([("0.0.0.0:9380", "127.0.0.1:0"), ("0.0.0.0:9379", "127.0.0.1:0")])
        .chain([("/etc/ringmaster", home.as_str()), ("name: ringmaster-node\n", "name: localhost\n")])
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A running cluster of an overlay.
struct Running {
    nodes: Vec<Node>,
    proxy: Proxy,
}

fn start(manifests: &Manifests, directory: &Path, users: (&str, &str)) -> Running {
    let [node_pod, proxy_pod] = manifests.pods();
    let text = at_home(manifests.file(node_pod, config_of(node_pod)), directory);
    let config = NodeConfig::parse("node.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let replicas = manifests.named("StatefulSet", "ringmaster-node")["spec"]["replicas"].as_u64();
    let nodes: Vec<Node> = (0..replicas.expect("a number"))
        .map(|index| {
            let data_dir = directory.join(format!("data-{index}"));
            let config = NodeConfig { data_dir, maxmemory: 64 << 20, threads: 1, ..config.clone() };
            Node::start(config).expect("a node starts")
        })
        .collect();
    let text = at_home(manifests.file(proxy_pod, config_of(proxy_pod)), directory);
    let config = ProxyConfig::parse("proxy.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let server = NameServer::start();
    let names = nodes.iter().enumerate().map(|(index, node)| (local_name(index), node.address().port()));
    server.answer(Naming::Records(names.collect()));
    let path = "/etc/ringmaster/cluster/cluster.yaml";
    let found = format!("dns: ringmaster-node, server: '{}'", server.address());
    let text = manifests.file(proxy_pod, path).replace("dns: ringmaster-node, port: 6380", &found);
    assert!(text.contains(&found), "{text}");
    let text = at_home(&text, directory).replace(users.0, users.1);
    fs::create_dir_all(directory.join("cluster")).unwrap();
    fs::write(&config.cluster, text).unwrap();
    let proxy = Proxy::start(ProxyConfig { threads: 1, ..config }).expect("a proxy starts");
    for admin in nodes.iter().map(Node::admin_address).chain([proxy.admin_address()]) {
        assert_eq!(status(admin, "/healthz"), "200");
        eventually("a member is ready", || status(admin, "/readyz") == "200");
    }
    Running { nodes, proxy }
}

impl Running {
    fn stop(self) {
        self.proxy.stop();
        self.nodes.into_iter().for_each(Node::stop);
    }
}

fn secret(directory: &Path) {
    fs::create_dir(directory.join("secret")).unwrap();
    fs::write(directory.join("secret/secret"), "0123456789abcdef").unwrap();
}

#[test]
fn the_files_of_the_small_overlay_make_a_cluster() {
    let Some(manifests) = Manifests::build("overlays/dev") else { return };
    let directory = tempfile::tempdir().unwrap();
    secret(directory.path());
    let running = start(&manifests, directory.path(), ("", ""));
    let mut client = Wire::connect(running.proxy.address());
    assert_eq!(client.ask("SET k v"), r"+OK\r\n");
    assert_eq!(client.ask("GET k"), r"$1\r\nv\r\n");
    running.stop();
}

#[test]
fn the_files_of_the_production_overlay_make_a_cluster_that_wants_tls_and_a_user() {
    let Some(manifests) = Manifests::build("overlays/production") else { return };
    let home = tempfile::tempdir().unwrap();
    secret(home.path());
    let authority = Authority::new(home.path(), "authority");
    for (directory, name) in [("tls", "node"), ("upstream", "proxy")] {
        let pair = authority.issue(name, Validity::Good);
        let directory = home.path().join(directory);
        fs::create_dir(&directory).unwrap();
        fs::copy(authority.file(), directory.join("ca.crt")).unwrap();
        fs::copy(&pair.certificate, directory.join("tls.crt")).unwrap();
        fs::copy(&pair.key, directory.join("tls.key")).unwrap();
    }
    let user = format!("rules: \"on #{HASH} ~*");
    let running = start(&manifests, home.path(), ("rules: \"off ~*", &user));
    let own = authority.issue("client", Validity::Good);
    let mut client = TlsWire::connect(running.proxy.address(), &authority, &own);
    assert_eq!(client.ask("GET k"), r"-NOAUTH Authentication required.\r\n");
    assert_eq!(client.ask("AUTH app password"), r"+OK\r\n");
    assert_eq!(client.ask("SET k v"), r"+OK\r\n");
    assert!(client.ask("FLUSHALL").starts_with("-NOPERM"));
    running.stop();
}
