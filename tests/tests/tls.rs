//! TLS to clients, and between proxies and nodes.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_protocol::secret::Secrets;
use ringmaster_proxy::{Config as ProxyConfig, Proxy};
use ringmaster_runtime::secret::SecretSource;
use ringmaster_runtime::tls::{ClientCertificates, ListenerTls};
use ringmaster_tests::tls::{Authority, Pair, TlsWire, Validity};
use ringmaster_tests::wait::{PATIENCE, eventually};
use ringmaster_tests::wire::{Wire, encoded};

/// The SHA-256 of `password`.
const HASH: &str = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

fn free() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A listener with this certificate; clients show theirs as `clients` says.
fn listener(pair: &Pair, ca: &Authority, clients: ClientCertificates) -> ListenerTls {
    let Pair { certificate, key } = pair.clone();
    ListenerTls { certificate, key, ca: Some(ca.file()), clients }
}

fn node(tls: ListenerTls) -> NodeConfig {
    NodeConfig { listen: free(), admin: free(), threads: 1, tls: Some(tls), ..NodeConfig::default() }
}

/// What `page` of an admin port says.
fn page(address: SocketAddr, page: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {page} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Whether the other end closes, whatever it says before.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn all_of_a_cluster_speaks_tls_with_certificates_on_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    let ca = Authority::new(directory.path(), "ca");
    let [of_node, _, of_front, of_client] =
        ["node", "proxy", "front", "client"].map(|name| ca.issue(name, Validity::Good));
    let secret = SecretSource::Given(Secrets::parse(b"0123456789abcdef").unwrap());
    let nodes: Vec<Node> = (0..3)
        .map(|_| NodeConfig {
            secret: secret.clone(),
            hash_seed: Some(7),
            ..node(listener(&of_node, &ca, ClientCertificates::Required))
        })
        .map(|config| Node::start(config).unwrap())
        .collect();
    let names: Vec<String> = nodes
        .iter()
        .zip(0..)
        .map(|(node, at)| format!("{{name: n{at}, address: '{}'}}", node.address()))
        .collect();
    fs::write(directory.path().join("secret"), "0123456789abcdef").unwrap();
    for replicas in [1, 2] {
        let file = directory.path().join("cluster.yaml");
        let text = format!(
            "replicas: {replicas}\nsecret_file: secret\ntimeouts: {{request: 20s, drain: 20s}}\n\
             tls: {{ca: ca.pem, certificate: proxy.crt, key: proxy.key}}\n\
             nodes: [{}]\n",
            names.join(", ")
        );
        fs::write(&file, text).unwrap();
        let config = ProxyConfig {
            listen: free(),
            admin: free(),
            threads: 1,
            cluster: file,
            tls: Some(listener(&of_front, &ca, ClientCertificates::Off)),
            ..ProxyConfig::default()
        };
        let proxy = Proxy::start(config).unwrap();
        let mut client = TlsWire::connect(proxy.address(), &ca, &of_client);
        eventually("the proxy serves", || client.ask("SET k v") == r"+OK\r\n");
        assert_eq!(client.ask("GET k"), r"$1\r\nv\r\n");
        // Copies have come to where they are to be: the rest is about TLS.
        let is_whole = |info: &str| replicas == 1 || info.contains(r"ringmaster_slots_to_do:0\r\n");
        eventually("all slots are where they are to be", || is_whole(&client.ask("INFO server")));
        let metrics = page(proxy.admin_address(), "/metrics");
        for side in ["clients", "nodes"] {
            assert!(
                metrics.contains(&format!("certificate_expiry_timestamp_seconds{{side=\"{side}\"}}")),
                "{metrics}"
            );
        }
        assert!(client.ask("INFO server").contains("ringmaster_certificate:side=nodes,expires_at="));
        // A megabyte goes both ways, and many commands at once.
        let large = vec![b'x'; 1 << 20];
        client.send(&encoded(&[b"SET", b"large", &large])).unwrap();
        assert_eq!(client.reply().unwrap(), b"+OK\r\n");
        client.send(&encoded(&[b"GET", b"large"]).repeat(20)).unwrap();
        for _ in 0..20 {
            assert_eq!(client.reply().unwrap().len(), large.len() + "$1048576\r\n\r\n".len());
        }
        let numbers = 0..500u32;
        let append = |number: u32| {
            encoded(&[b"APPEND", format!("k{number}").as_bytes(), &vec![b'x'; number as usize]])
        };
        client.send(&numbers.clone().flat_map(append).collect::<Vec<u8>>()).unwrap();
        for number in numbers {
            assert_eq!(client.reply().unwrap(), format!(":{number}\r\n").into_bytes());
        }
        client.ask("FLUSHALL");
        proxy.stop();
    }
    nodes.into_iter().for_each(Node::stop);
}

#[test]
fn redis_cli_speaks_tls_to_a_node() {
    let directory = tempfile::tempdir().unwrap();
    let ca = Authority::new(directory.path(), "ca");
    let (server, client) = (ca.issue("server", Validity::Good), ca.issue("client", Validity::Good));
    let node = Node::start(node(listener(&server, &ca, ClientCertificates::Required))).unwrap();
    let port = node.address().port().to_string();
    for version in [&["--tls-ciphersuites", "TLS_AES_128_GCM_SHA256"][..], &[]] {
        let mut cli = Command::new("redis-cli");
        cli.args(["-h", "127.0.0.1", "-p", &port, "--tls", "--cacert"]).arg(ca.file());
        cli.arg("--cert").arg(&client.certificate).arg("--key").arg(&client.key).args(version);
        let Ok(output) = cli.args(["set", "k", "v"]).output() else {
            eprintln!("SKIPPED: redis-cli is not there; scripts/test.sh installs it");
            return;
        };
        assert_eq!(String::from_utf8_lossy(&output.stdout), "OK\n", "{output:?}");
    }
    node.stop();
}

#[test]
fn who_shows_no_good_certificate_is_not_let_in() {
    let directory = tempfile::tempdir().unwrap();
    let (ca, other) = (Authority::new(directory.path(), "ca"), Authority::new(directory.path(), "other"));
    let server = ca.issue("server", Validity::Good);
    let node = Node::start(node(listener(&server, &ca, ClientCertificates::Required))).unwrap();
    let good = ca.issue("good", Validity::Good);
    assert_eq!(TlsWire::connect(node.address(), &ca, &good).ask("PING"), r"+PONG\r\n");
    for pair in [ca.issue("expired", Validity::Expired), other.issue("foreign", Validity::Good)] {
        let refused = TlsWire::connect(node.address(), &ca, &pair).ask("PING");
        assert!(refused.starts_with("no TLS"), "{refused}");
    }
    // And we do not believe whom another has signed.
    let refused = TlsWire::connect(node.address(), &other, &good).ask("PING");
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    eventually("all three are counted", || {
        page(node.admin_address(), "/metrics").contains("failed_handshakes_total 3")
    });
    node.stop();
}

#[test]
fn a_client_is_the_user_that_its_certificate_names() {
    let directory = tempfile::tempdir().unwrap();
    let ca = Authority::new(directory.path(), "ca");
    let server = ca.issue("server", Validity::Good);
    let users = directory.path().join("users.acl");
    fs::write(&users, format!("user default off\nuser app on #{HASH} ~* +@all\nuser gone off ~* +@all\n"))
        .unwrap();
    let tls = listener(&server, &ca, ClientCertificates::Optional);
    let node = Node::start(NodeConfig { users: Some(users), ..node(tls) }).unwrap();
    let ask = |name: &str, line: &str| {
        TlsWire::connect(node.address(), &ca, &ca.issue(name, Validity::Good)).ask(line)
    };
    assert_eq!(ask("app", "ACL WHOAMI"), r"$3\r\napp\r\n");
    for name in ["gone", "nobody", "default"] {
        assert_eq!(ask(name, "ACL WHOAMI"), r"-NOAUTH Authentication required.\r\n", "{name}");
    }
    node.stop();
}

#[test]
fn what_is_no_handshake_harms_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let ca = Authority::new(directory.path(), "ca");
    let (server, good) = (ca.issue("server", Validity::Good), ca.issue("good", Validity::Good));
    let node = Node::start(node(listener(&server, &ca, ClientCertificates::Off))).unwrap();
    let mut served = TlsWire::connect(node.address(), &ca, &good);
    assert_eq!(served.ask("PING"), r"+PONG\r\n");
    let oversized = [&[0x16, 3, 1, 0xff, 0xff][..], &[1; 70_000]].concat();
    // A greeting that claims 16 MiB, in records that are well formed.
    let endless = [&[0x16, 3, 1, 0x40, 0x00, 1, 0xff, 0xff, 0xff][..], &[0; 0x3ffc]].concat();
    for garbage in
        [&b"PING\r\n"[..], b"*1\r\n$4\r\nPING\r\n", &[0; 1000], &[0xff; 100_000], &oversized, &endless]
    {
        let mut stream = TcpStream::connect(node.address()).unwrap();
        // It may be closed before all is sent.
        drop(stream.write_all(garbage));
        assert!(is_closed(&mut stream));
        assert_eq!(served.ask("PING"), r"+PONG\r\n");
    }
    // Who says nothing, and who says it byte by byte, is closed in time.
    let begun = Instant::now();
    let (mut silent, mut slow) =
        (TcpStream::connect(node.address()).unwrap(), TcpStream::connect(node.address()).unwrap());
    let greeting = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    for byte in greeting {
        slow.write_all(&[byte]).unwrap();
        assert_eq!(served.ask("PING"), r"+PONG\r\n");
    }
    assert!(is_closed(&mut slow) && is_closed(&mut silent));
    assert!(begun.elapsed() < PATIENCE, "a handshake has a deadline");
    assert_eq!(served.ask("PING"), r"+PONG\r\n");
    eventually("all are counted", || {
        page(node.admin_address(), "/metrics").contains("failed_handshakes_total 8")
    });
    node.stop();
}

#[test]
fn who_does_not_read_its_replies_is_closed_over_tls_too() {
    let directory = tempfile::tempdir().unwrap();
    let ca = Authority::new(directory.path(), "ca");
    let (server, good) = (ca.issue("server", Validity::Good), ca.issue("good", Validity::Good));
    let listener = listener(&server, &ca, ClientCertificates::Off);
    let client_write = Duration::from_secs(1);
    let node = Node::start(NodeConfig { client_write, ..node(listener) }).unwrap();
    let [mut lazy, mut other] = [(); 2].map(|()| TlsWire::connect(node.address(), &ca, &good));
    // Less than TLS takes at once: what waits in the end was written, for all that the node knows.
    lazy.send(&encoded(&[b"SET", b"large", &vec![b'x'; 32 << 10]])).unwrap();
    assert_eq!(lazy.reply().unwrap(), b"+OK\r\n");
    let is_closed = |other: &mut TlsWire| other.ask("CLIENT LIST").matches(" addr=").count() == 1;
    let step = [encoded(&[b"INCR", b"steps"]), encoded(&[b"GET", b"large"])].concat();
    for number in 1..=2000 {
        if lazy.send(&step).is_err() || is_closed(&mut other) {
            break;
        }
        let counted = format!(r"{number}\r\n");
        eventually("the next is answered, or the client closed", || {
            other.ask("GET steps").ends_with(&counted) || is_closed(&mut other)
        });
    }
    eventually("who did not read is closed", || is_closed(&mut other));
    node.stop();
}

#[test]
fn a_certificate_is_replaced_while_clients_stay() {
    let directory = tempfile::tempdir().unwrap();
    let ca = Authority::new(directory.path(), "ca");
    let (server, good) = (ca.issue("server", Validity::Good), ca.issue("good", Validity::Good));
    let node = Node::start(node(listener(&server, &ca, ClientCertificates::Off))).unwrap();
    let shown = || {
        let mut wire = TlsWire::connect(node.address(), &ca, &good);
        assert_eq!(wire.ask("PING"), r"+PONG\r\n");
        wire.shown().unwrap()
    };
    let mut stays = TlsWire::connect(node.address(), &ca, &good);
    assert_eq!(stays.ask("PING"), r"+PONG\r\n");
    let first = shown();
    drop(ca.issue("server", Validity::Good));
    eventually("the new one is shown", || shown() != first);
    assert_eq!(stays.ask("PING"), r"+PONG\r\n");
    node.stop();
}

#[test]
fn a_proxy_does_not_speak_in_the_clear_to_nodes_that_it_is_to_speak_tls_to() {
    let directory = tempfile::tempdir().unwrap();
    let (ca, other) = (Authority::new(directory.path(), "ca"), Authority::new(directory.path(), "other"));
    drop(ca.issue("proxy", Validity::Good));
    let foreign =
        Node::start(node(listener(&other.issue("node", Validity::Good), &ca, ClientCertificates::Off)));
    let plain = Node::start(NodeConfig {
        tls: None,
        ..node(listener(&ca.issue("x", Validity::Good), &ca, ClientCertificates::Off))
    });
    let [foreign, plain] = [foreign.unwrap(), plain.unwrap()];
    for node in [&foreign, &plain] {
        let refused = through_a_proxy(directory.path(), node.address());
        assert!(refused.starts_with("-CLUSTERDOWN") && refused.contains("no"), "{refused}");
    }
    foreign.stop();
    plain.stop();
}

/// What a client is answered by a proxy whose one node is at `address`.
fn through_a_proxy(directory: &Path, address: SocketAddr) -> String {
    let file = directory.join("cluster.yaml");
    let tls = "tls: {ca: ca.pem, certificate: proxy.crt, key: proxy.key}\ntimeouts: {connect: 500ms}\n";
    fs::write(&file, format!("{tls}nodes: [{{name: a, address: '{address}'}}]\n")).unwrap();
    let config =
        ProxyConfig { listen: free(), admin: free(), threads: 1, cluster: file, ..ProxyConfig::default() };
    let proxy = Proxy::start(config).unwrap();
    let said = Wire::connect(proxy.address()).ask("GET k");
    proxy.stop();
    said
}
