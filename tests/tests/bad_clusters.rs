//! Clusters that cannot be as they are described: each is refused with a text that says what to do, and what is right goes on.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringmaster_node::Node;
use ringmaster_protocol::heartbeat::{Beat, Pulse};
use ringmaster_protocol::register::{Answer, Ballot, Refusal, Request};
use ringmaster_protocol::view::{ClusterId, Epoch, View};
use ringmaster_proxy::Proxy;
use ringmaster_tests::wire::Wire;
use tempfile::TempDir;

/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Ended when dropped.
struct Members {
    nodes: Vec<Node>,
    proxies: Vec<Proxy>,
    directory: TempDir,
}

impl Members {
    fn of(nodes: usize) -> Self {
        let config = ringmaster_node::Config {
            listen: FREE,
            admin: FREE,
            threads: 1,
            drain: Duration::ZERO,
            ..ringmaster_node::Config::default()
        };
        let start = |_| Node::start(config.clone()).expect("a node starts");
        let nodes = (0..nodes).map(start).collect();
        Self { nodes, proxies: Vec::new(), directory: TempDir::new().expect("a directory") }
    }

    fn address(&self, node: usize) -> String {
        self.nodes[node].address().to_string()
    }

    /// A proxy of two copies with these nodes, by name and address.
    fn start_proxy(&mut self, more: &str, nodes: &[(&str, String)]) -> usize {
        let mut text = format!("replicas: 2\n{more}nodes:\n");
        for (name, address) in nodes {
            writeln!(text, "  - {{name: {name}, address: \"{address}\"}}").expect("a String takes all");
        }
        let file = self.directory.path().join(format!("cluster-{}.yaml", self.proxies.len()));
        std::fs::write(&file, text).expect("written");
        let config = ringmaster_proxy::Config {
            listen: FREE,
            admin: FREE,
            threads: 1,
            cluster: file,
            ..ringmaster_proxy::Config::default()
        };
        self.proxies.push(Proxy::start(config).expect("a proxy starts"));
        self.proxies.len() - 1
    }

    /// Waits until a page of a proxy says this.
    #[track_caller]
    fn until_told(&self, proxy: usize, path: &str, what: &str) {
        let begin = Instant::now();
        loop {
            let page = page(self.proxies[proxy].admin_address(), path);
            if page.contains(what) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "waited for `{what}`: {page}");
            std::thread::yield_now();
        }
    }

    #[track_caller]
    fn until_served(&self, proxy: usize) {
        let mut wire = Wire::connect(self.proxies[proxy].address());
        let begin = Instant::now();
        while wire.ask("SET k v") != r"+OK\r\n" {
            assert!(begin.elapsed() < PATIENCE, "{}", page(self.proxies[proxy].admin_address(), "/readyz"));
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.proxies.drain(..).for_each(Proxy::stop);
        self.nodes.drain(..).for_each(Node::stop);
    }
}

fn page(admin: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(admin).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("text");
    text
}

fn message(node: SocketAddr, name: &[u8], message: &[u8]) -> Bytes {
    let mut wire = Wire::connect(node);
    wire.command(&[name, message]);
    let reply = wire.reply().expect("an answer");
    let line = reply.iter().position(|byte| *byte == b'\n').expect("a line");
    Bytes::copy_from_slice(&reply[line + 1..reply.len() - 2])
}

fn view_of(node: SocketAddr) -> Arc<View> {
    let mut beat = Vec::new();
    Beat { cluster: ClusterId(0), epoch: Epoch(0), proxy: 0, post: Bytes::new(), full: Vec::new() }
        .encode(&mut beat);
    match Pulse::decode(&message(node, b"RM.BEAT", &beat)).expect("a pulse").lease {
        Answer::Refused(Refusal::Later(view)) => view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_of_another_cluster_is_not_taken_in() {
    let mut members = Members::of(5);
    let own = [0, 1, 2].map(|at| members.address(at));
    let [a, b, c] = own;
    let first = members.start_proxy("", &[("a", a.clone()), ("b", b.clone()), ("c", c)]);
    members.until_served(first);
    let (d, e) = (members.address(3), members.address(4));
    let foreign = members.start_proxy("", &[("d", d.clone()), ("e", e.clone()), ("a", a.clone())]);
    members.until_told(foreign, "/readyz", "node 'a' belongs to a cluster already");
    let second = members.start_proxy("", &[("d", d.clone()), ("e", e.clone())]);
    members.until_served(second);
    let late = members.start_proxy("version: 1\n", &[("d", d), ("e", e), ("b", b)]);
    members.until_told(late, "/readyz", "node 'b' belongs to cluster");
    members.until_served(late);
}

#[test]
fn one_node_under_two_names_is_named_once() {
    let mut members = Members::of(2);
    let twin = members.address(0).replace("127.0.0.1", "localhost");
    let nodes = [("a", members.address(0)), ("b", members.address(1)), ("c", twin)];
    let proxy = members.start_proxy("", &nodes);
    members.until_told(proxy, "/readyz", "node 'c' is the same node as 'a'");
    let right = members.start_proxy("", &nodes[..2]);
    members.until_served(right);
    members.until_told(proxy, "/readyz", "node 'c' is the same node as 'a'");
}

#[test]
fn of_two_proxies_with_different_files_one_says_that_its_file_is_not_followed() {
    let mut members = Members::of(3);
    let [a, b, c] = [0, 1, 2].map(|at| members.address(at));
    let all = [("a", a), ("b", b), ("c", c)];
    let first = members.start_proxy("version: 7\n", &all);
    members.until_served(first);
    let older = members.start_proxy("version: 6\n", &all);
    members.until_told(older, "/config", "has version 6 and is ignored, version 7 is followed");
    let other = members.start_proxy("version: 7\n", &all[..2]);
    members.until_told(
        other,
        "/readyz",
        "has version 7 as the one that is followed has, but says something else",
    );
    (0..3).for_each(|proxy| members.until_served(proxy));
    assert_eq!(view_of(members.nodes[0].address()).members().len(), 3);
}

#[test]
fn a_view_with_a_chain_that_the_rule_of_change_forbids_is_refused_with_the_slot() {
    let mut members = Members::of(2);
    let nodes = [("a", members.address(0)), ("b", members.address(1))];
    let proxy = members.start_proxy("", &nodes);
    members.until_served(proxy);
    let view = view_of(members.nodes[0].address());
    let mut parts = view.parts();
    parts.epoch = view.epoch().next();
    parts.chains[5].changed = parts.epoch;
    parts.chains[5].entries.reverse();
    let forbidden = Arc::new(View::new(parts).expect("a view by itself"));
    let ballot = Ballot { round: u64::MAX, proposer: 1 };
    let mut request = Vec::new();
    Request::Accept { ballot, view: forbidden }.encode(&mut request);
    let answer =
        Answer::decode(&message(members.nodes[0].address(), b"RM.REGISTER", &request)).expect("an answer");
    let Answer::Refused(Refusal::Impossible(why)) = answer else { panic!("{answer:?}") };
    assert_eq!(why, "chain of slot 5: its entries changed their order");
    members.until_served(proxy);
}
