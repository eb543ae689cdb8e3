//! Several listeners: Unix sockets, IPv6, and the PROXY protocol of load balancers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ringmaster_node::{Config as NodeConfig, Node};
use ringmaster_proxy::{Config as ProxyConfig, Proxy};
use ringmaster_runtime::door::{Listen, ListenerConfig};
use ringmaster_tests::wire::encoded;

/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(20);

fn free() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn listener(address: &str, balancers: &[&str]) -> ListenerConfig {
    let proxy_protocol_from = balancers.iter().map(|range| range.parse().unwrap()).collect();
    ListenerConfig { address: address.parse::<Listen>().unwrap(), tls: None, proxy_protocol_from }
}

fn node(listeners: Vec<ListenerConfig>) -> Node {
    Node::start(NodeConfig { listen: free(), admin: free(), threads: 1, listeners, ..NodeConfig::default() })
        .unwrap()
}

/// What is heard after `bytes`, up to the end of a line; empty if the other closes first.
fn says(stream: &mut (impl Read + Write), bytes: &[u8]) -> String {
    // It may have closed already.
    drop(stream.write_all(bytes));
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).into_owned()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Whether the other closes without a word.
fn is_closed(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    says(stream, bytes).is_empty()
}

/// How the client of a connection is shown.
fn shown(stream: &mut (impl Read + Write), before: &[u8]) -> String {
    let request = [before, &encoded(&[b"CLIENT", b"INFO"])].concat();
    assert!(says(stream, &request).starts_with('$'));
    let line = says(stream, b"");
    line.split(' ').find_map(|field| field.strip_prefix("addr=")).unwrap().to_owned()
}

#[test]
fn a_node_and_a_proxy_are_reached_by_a_unix_socket_and_by_ipv6() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let unix = |name: &str| format!("unix:{}", path(name).display());
    let mut listeners = vec![listener(&unix("node"), &[])];
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    if has_ipv6 {
        listeners.push(listener("[::1]:0", &[]));
    } else {
        eprintln!("SKIPPED: this machine has no IPv6");
    }
    let node = node(listeners);
    let file = path("cluster.yaml");
    std::fs::write(&file, format!("nodes: [{{name: a, address: '{}'}}]\n", node.address())).unwrap();
    let proxy = Proxy::start(ProxyConfig {
        listen: free(),
        admin: free(),
        threads: 1,
        cluster: file,
        listeners: vec![listener(&unix("proxy"), &[])],
        ..ProxyConfig::default()
    })
    .unwrap();
    for name in ["node", "proxy"] {
        let mut stream = UnixStream::connect(path(name)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(says(&mut stream, &encoded(&[b"SET", b"k", b"v"])), "+OK\r\n");
        assert_eq!(shown(&mut stream, b""), format!("{}:0", path(name).display()));
    }
    if has_ipv6 {
        let mut stream = connect(node.addresses()[2].unwrap());
        assert!(shown(&mut stream, b"").starts_with("[::1]:"));
    }
    proxy.stop();
    node.stop();
    assert!(!path("node").exists() && !path("proxy").exists(), "the files are removed");
}

#[test]
fn a_balancer_says_whom_a_connection_is_for() {
    let node = node(vec![listener("127.0.0.1:0", &["127.0.0.0/8"])]);
    let address = node.addresses()[1].unwrap();
    let first = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 6379\r\n";
    assert_eq!(shown(&mut connect(address), first), "192.0.2.1:56324");
    let first = b"PROXY TCP6 2001:db8::1 ::1 7 6379\r\n";
    assert_eq!(shown(&mut connect(address), first), "[2001:db8::1]:7");
    let own = connect(address).local_addr().unwrap().ip();
    assert!(shown(&mut connect(address), b"PROXY UNKNOWN\r\n").starts_with(&own.to_string()));
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x18, 0xeb];
    let second = [&signature[..], &[0x21, 0x11, 0, 15], &four, &[0x03, 0, 0]].concat();
    assert_eq!(shown(&mut connect(address), &second), "192.0.2.1:56324");
    let own = [&signature[..], &[0x20, 0, 0, 0]].concat();
    assert!(shown(&mut connect(address), &own).starts_with("127.0.0.1:"));
    // Byte by byte, as it may come.
    let mut stream = connect(address);
    for byte in &second[..second.len() - 1] {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(shown(&mut stream, &second[second.len() - 1..]), "192.0.2.1:56324");
    // And another listener takes no such header.
    assert!(
        says(&mut connect(node.address()), b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n").starts_with("-ERR unknown")
    );
    node.stop();
}

#[test]
fn a_bad_header_or_one_from_elsewhere_lets_nobody_in() {
    let node = node(vec![listener("127.0.0.1:0", &["127.0.0.1"]), listener("127.0.0.1:0", &["10.0.0.0/8"])]);
    let address = node.addresses()[1].unwrap();
    let ping = encoded(&[b"PING"]);
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let long = [&b"PROXY TCP4 "[..], &[b'1'; 200], b"\r\n"].concat();
    for bad in [
        &ping[..],
        b"PROXY TCP4 192.0.2.1 198.51.100.1 99999 6379\r\n",
        b"PROXY TCP5 192.0.2.1 198.51.100.1 1 6379\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        &long,
        &[&signature[..], &[0x21, 0x11, 0, 3, 1, 1, 1]].concat(),
        &[&signature[..], &[0x31, 0x11, 0, 0]].concat(),
        &[&signature[..], &[0x21, 0x11, 0xff, 0xff]].concat(),
    ] {
        assert!(is_closed(&mut connect(address), &[bad, &ping[..]].concat()), "{}", bad.escape_ascii());
    }
    let fine = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 6379\r\n";
    assert!(is_closed(&mut connect(node.addresses()[2].unwrap()), &[&fine[..], &ping[..]].concat()));
    // Half a header is not waited for without end.
    let (mut half, begun) = (connect(address), Instant::now());
    assert!(is_closed(&mut half, &fine[..20]) && begun.elapsed() < PATIENCE);
    assert_eq!(says(&mut connect(address), &[&fine[..], &ping[..]].concat()), "+PONG\r\n");
    node.stop();
}
