//! The admin port of a proxy and of a node: who may look, in the clear and over TLS.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_proxy::{Config as ProxyConfig, Proxy};
use ringmaster_runtime::admin::AdminAccess;
use ringmaster_runtime::tls::{ClientCertificates, ListenerTls};
use ringmaster_tests::tls::{Authority, Pair, TlsWire, Validity};
use ringmaster_tests::wait::{PATIENCE, eventually};

const TOKEN: &str = "0123456789abcdef";

fn free() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A node, and a proxy in front of it, whose admin ports are so.
fn start(directory: &Path, admin_access: &AdminAccess, admin: SocketAddr) -> (Node, Proxy) {
    let (threads, access) = (1, admin_access.clone());
    let node = NodeConfig { listen: free(), admin, admin_access: access, threads, ..NodeConfig::default() };
    let node = Node::start(node).unwrap();
    let cluster = directory.join("cluster.yaml");
    fs::write(&cluster, format!("nodes: [{{name: a, address: '{}'}}]\n", node.address())).unwrap();
    let access = admin_access.clone();
    let proxy = ProxyConfig {
        listen: free(),
        admin,
        admin_access: access,
        threads,
        cluster,
        ..ProxyConfig::default()
    };
    (node, Proxy::start(proxy).unwrap())
}

fn request(page: &str, header: &str) -> String {
    format!("GET {page} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{header}\r\n")
}

/// The status line and the body of a page.
fn page(address: SocketAddr, page: &str, header: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request(page, header).as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    parts(&text)
}

fn parts(text: &str) -> (String, String) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

#[test]
fn who_does_not_tell_the_token_sees_that_it_lives_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    let access = AdminAccess { token_file: Some(file.clone()), ..AdminAccess::default() };
    let (node, proxy) = start(directory.path(), &access, ([0, 0, 0, 0], 0).into());
    let ports = [node.admin_address(), proxy.admin_address()].map(|address| address.port());
    for port in ports {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        for stranger in
            ["", &bearer("0123456789abcdee"), &bearer(""), "authorization: Basic 0123456789abcdef\r\n"]
        {
            let (status, body) = page(address, "/metrics", stranger);
            assert_eq!(status, "HTTP/1.1 401 Unauthorized");
            assert!(body.contains("Authorization: Bearer"), "{body}");
            assert_eq!(page(address, "/none", stranger).0, "HTTP/1.1 401 Unauthorized");
            assert!(page(address, "/healthz", stranger).0.ends_with(" 200 OK"));
            let ready = page(address, "/readyz", stranger).1;
            assert_eq!(ready.lines().count(), 1, "no names and addresses: {ready}");
        }
        assert!(page(address, "/metrics", &bearer(TOKEN)).1.contains("ringmaster_"));
        assert_eq!(page(address, "/none", &bearer(TOKEN)).0, "HTTP/1.1 404 Not Found");
    }
    fs::write(&file, "fedcba9876543210\n0123456789abcdef").unwrap();
    for port in ports {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let status = |token: &str| page(address, "/metrics", &bearer(token)).0;
        eventually("the new token is good", || status("fedcba9876543210") == "HTTP/1.1 200 OK");
        assert_eq!(status(TOKEN), "HTTP/1.1 200 OK", "so is the old one while it stands there");
    }
    proxy.stop();
    node.stop();
}

#[test]
fn it_speaks_tls_and_nothing_else_and_knows_who_may_look() {
    let directory = tempfile::tempdir().unwrap();
    let [ca, other] = ["ca", "other"].map(|name| Authority::new(directory.path(), name));
    let [of_port, of_friend] = ["port", "friend"].map(|name| ca.issue(name, Validity::Good));
    let of_stranger = other.issue("stranger", Validity::Good);
    let Pair { certificate, key } = of_port;
    let tls = ListenerTls { certificate, key, ca: Some(ca.file()), clients: ClientCertificates::Required };
    let access = AdminAccess { tls: Some(tls), ..AdminAccess::default() };
    let (node, proxy) = start(directory.path(), &access, ([0, 0, 0, 0], 0).into());
    for port in [node.admin_address(), proxy.admin_address()].map(|address| address.port()) {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let get = |pair: &Pair| {
            let mut wire = TlsWire::connect(address, &ca, pair);
            // A stranger may be sent away at any moment.
            drop(wire.send(request("/metrics", "").as_bytes()));
            String::from_utf8_lossy(&wire.rest()).into_owned()
        };
        assert!(get(&of_friend).starts_with("HTTP/1.1 200 OK"));
        assert!(!get(&of_stranger).contains("HTTP"));
        let mut clear = TcpStream::connect(address).unwrap();
        clear.set_read_timeout(Some(PATIENCE)).unwrap();
        clear.write_all(request("/metrics", "").as_bytes()).unwrap();
        let mut heard = Vec::new();
        drop(clear.read_to_end(&mut heard));
        assert!(!String::from_utf8_lossy(&heard).contains("HTTP"));
    }
    proxy.stop();
    node.stop();
}

#[test]
fn for_others_than_this_machine_it_needs_a_word_of_who_may_look() {
    let public: SocketAddr = ([0, 0, 0, 0], 0).into();
    let config = NodeConfig { listen: free(), admin: public, threads: 1, ..NodeConfig::default() };
    let refused = Node::start(config).err().expect("it is refused").to_string();
    for part in ["0.0.0.0:0", "admin_access", "--admin-token-file", "--admin-open"] {
        assert!(refused.contains(part), "{refused}");
    }
    let directory = tempfile::tempdir().unwrap();
    let (node, proxy) =
        start(directory.path(), &AdminAccess { open: true, ..AdminAccess::default() }, public);
    proxy.stop();
    node.stop();
}

#[test]
fn a_page_of_a_stranger_in_a_browser_on_this_machine_reads_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (node, proxy) = start(directory.path(), &AdminAccess::default(), free());
    let ask = |address: SocketAddr, method: &str, page: &str, head: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "{method} {page} HTTP/1.1\r\nconnection: close\r\n{head}\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        parts(&text)
    };
    for address in [node.admin_address(), proxy.admin_address()] {
        for strange in ["evil.example", "evil.example:9379", "127.0.0.1.evil.example", "", "localhost.evil"] {
            for page in ["/", "/metrics", "/healthz", "/none", "/debug/heap"] {
                let (status, why) = ask(address, "GET", page, &format!("host: {strange}\r\n"));
                assert_eq!(status, "HTTP/1.1 421 Misdirected Request", "{strange} {page}");
                assert!(why.contains("token_file") && why.contains("127.0.0.1"), "{why}");
            }
            let changes = format!("host: {strange}\r\ncontent-length: 0\r\n");
            assert_eq!(
                ask(address, "PUT", "/loglevel?level=trace", &changes).0,
                "HTTP/1.1 421 Misdirected Request"
            );
        }
        let two = "host: 127.0.0.1\r\nhost: evil.example\r\n";
        assert!(!ask(address, "GET", "/metrics", two).0.ends_with(" 200 OK"), "whichever is meant");
        let absolute = ask(address, "GET", "http://evil.example/metrics", "host: 127.0.0.1\r\n").0;
        assert_eq!(absolute, "HTTP/1.1 421 Misdirected Request");
        let port = address.port();
        for ours in [&format!("127.0.0.1:{port}"), "localhost", "LocalHost:1", "[::1]:1", "10.0.0.1"] {
            assert_eq!(
                ask(address, "GET", "/metrics", &format!("host: {ours}\r\n")).0,
                "HTTP/1.1 200 OK",
                "{ours}"
            );
        }
    }
    proxy.stop();
    node.stop();
}

#[test]
fn who_is_asked_for_a_token_may_call_the_host_as_he_likes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    let access = AdminAccess { token_file: Some(file), ..AdminAccess::default() };
    let (node, proxy) = start(directory.path(), &access, free());
    for address in [node.admin_address(), proxy.admin_address()] {
        let mut stream = TcpStream::connect(address).unwrap();
        let bearer = bearer(TOKEN);
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: cache.example\r\nconnection: close\r\n{bearer}\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(parts(&text).0, "HTTP/1.1 200 OK");
    }
    proxy.stop();
    node.stop();
}
