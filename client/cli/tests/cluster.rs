//! `ringmaster cluster` as an operator runs it, against nodes and proxies of this process.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ringmaster_node::Node;
use ringmaster_proxy::Proxy;
use ringmaster_runtime::secret::SecretSource;
use tempfile::TempDir;

/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(180);

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Nodes `node-1` and so on, and a proxy that watches a cluster.yaml.
struct Cluster {
    nodes: Vec<Option<Node>>,
    addresses: Vec<SocketAddr>,
    proxy: Option<Proxy>,
    directory: TempDir,
}

fn start_node() -> Node {
    let config = ringmaster_node::Config {
        listen: FREE,
        admin: FREE,
        threads: 1,
        drain: Duration::ZERO,
        ..ringmaster_node::Config::default()
    };
    Node::start(config).expect("a node starts")
}

impl Cluster {
    /// So many nodes, two copies; nothing serves yet.
    fn of(nodes: usize, more: &str) -> Self {
        let nodes: Vec<Node> = (0..nodes).map(|_| start_node()).collect();
        let addresses = nodes.iter().map(Node::address).collect();
        let directory = TempDir::new().expect("a directory");
        let nodes = nodes.into_iter().map(Some).collect();
        let cluster = Self { nodes, addresses, proxy: None, directory };
        let all: Vec<usize> = (1..=cluster.nodes.len()).collect();
        cluster.write("cluster.yaml", more, &all);
        cluster
    }

    /// A cluster that serves.
    fn served(nodes: usize, more: &str) -> Self {
        let mut cluster = Self::of(nodes, more);
        cluster.start_proxy();
        cluster.until("service", |cluster| cluster.ask("SET begun 1").starts_with("+OK"));
        cluster
    }

    fn start_proxy(&mut self) {
        let config = ringmaster_proxy::Config {
            listen: FREE,
            admin: FREE,
            threads: 1,
            cluster: self.path("cluster.yaml"),
            ..ringmaster_proxy::Config::default()
        };
        self.proxy = Some(Proxy::start(config).expect("a proxy starts"));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a cluster.yaml with these nodes, by their numbers.
    fn write(&self, name: &str, more: &str, nodes: &[usize]) {
        let mut text = format!("cluster: test\nreplicas: 2\n{more}nodes:\n");
        for number in nodes {
            let address = self.addresses[number - 1];
            writeln!(text, "  - {{name: node-{number}, address: \"{address}\"}}")
                .expect("a String takes all");
        }
        let aside = self.path("aside");
        std::fs::write(&aside, text).expect("written");
        std::fs::rename(aside, self.path(name)).expect("renamed");
    }

    /// What `ringmaster cluster` prints, both streams, and whether it ended well. Nothing is typed.
    fn cluster(&self, words: &[&str]) -> (String, bool) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringmaster"));
        command.arg("cluster").args(words).current_dir(self.directory.path()).stdin(Stdio::null());
        let output = command.output().expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8(text).expect("text"), output.status.success())
    }

    /// The same, which must end well.
    #[track_caller]
    fn does(&self, words: &[&str]) -> String {
        let (text, is_well) = self.cluster(words);
        assert!(is_well, "{words:?}: {text}");
        text
    }

    /// The same, which must fail.
    #[track_caller]
    fn fails(&self, words: &[&str]) -> String {
        let (text, is_well) = self.cluster(words);
        assert!(!is_well, "{words:?}: {text}");
        text
    }

    /// The first line of the proxy's reply.
    fn ask(&self, line: &str) -> String {
        let proxy = self.proxy.as_ref().expect("the proxy runs");
        exchange(proxy.address(), &format!("{line}\r\n"))
    }

    /// A page of the proxy's admin port.
    fn page(&self, path: &str) -> String {
        let proxy = self.proxy.as_ref().expect("the proxy runs");
        let mut stream = TcpStream::connect(proxy.admin_address()).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        text
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !holds(self) {
            let told = || self.cluster(&["status"]).0;
            assert!(begin.elapsed() < PATIENCE, "waited for {what}: {}", told());
            // Each look starts a process.
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether every slot has its copies where the file wants them.
    fn is_done(&self) -> bool {
        self.cluster(&["plan"]).0.contains("Nothing moves")
            && self.cluster(&["status"]).0.contains("16384 of 16384 slots have 2 in-sync copies")
    }

    fn stop_node(&mut self, number: usize) {
        self.nodes[number - 1].take().expect("it runs").stop();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.proxy.take().into_iter().for_each(Proxy::stop);
        self.nodes.drain(..).flatten().for_each(Node::stop);
    }
}

fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut reply = Vec::new();
    let mut chunk = [0; 4096];
    while !reply.ends_with(b"\r\n") {
        let count = stream.read(&mut chunk).expect("a reply");
        assert!(count > 0, "it closed");
        reply.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn a_drained_node_gives_its_slots_away_and_takes_them_again() {
    let cluster = Cluster::served(3, "");
    for key in 0..100 {
        assert!(cluster.ask(&format!("SET key:{key} {key}")).starts_with("+OK"));
    }
    let text = cluster.does(&["drain", "node-2"]);
    assert!(text.contains("node-2 holds no slot"), "{text}");
    let status = cluster.does(&["status"]);
    assert!(status.contains("drained") && status.contains("is followed"), "{status}");
    let plan = cluster.does(&["plan"]);
    assert!(plan.contains("Nothing moves"), "a plan knows of it: {plan}");
    for key in 0..100 {
        assert!(cluster.ask(&format!("GET key:{key}")).contains(&format!("\n{key}\r")));
    }
    cluster.does(&["drain", "node-2", "--undo"]);
    cluster.until("its share", |cluster| {
        cluster.is_done() && !cluster.cluster(&["status"]).0.contains("drained")
    });
    assert!(cluster.fails(&["drain", "node-7"]).contains("no member"));
    let few = cluster.does(&["drain", "node-1", "--no-wait"]);
    assert!(few.contains("moves away"), "{few}");
    let too_few = cluster.fails(&["drain", "node-2"]);
    assert!(too_few.contains("1 nodes are left") && too_few.contains("not confirmed"), "{too_few}");
}

#[test]
fn an_edit_that_removes_many_nodes_waits_for_apply_and_an_older_file_is_applied_again() {
    let cluster = Cluster::served(4, "");
    cluster.write("cluster.yaml", "", &[1, 2]);
    cluster.until("the refusal", |cluster| cluster.page("/config").contains("removes 2 of 4 nodes"));
    assert!(cluster.page("/readyz").contains("ringmaster cluster apply"));
    let unsure = cluster.fails(&["apply", "cluster.yaml"]);
    assert!(unsure.contains("node-3, node-4") && unsure.contains("not confirmed"), "{unsure}");
    let applied = cluster.does(&["apply", "cluster.yaml", "--yes"]);
    assert!(applied.contains("follows this file"), "{applied}");
    cluster.until("the nodes to go", Cluster::is_done);
    cluster.write("old.yaml", "", &[1, 2, 3, 4]);
    assert!(cluster.does(&["status", "--file", "old.yaml"]).contains("older than the one that is followed"));
    cluster.does(&["apply", "old.yaml"]);
    assert!(cluster.does(&["status", "--file", "old.yaml"]).contains("The cluster.yaml is followed"));
}

#[test]
fn of_two_versions_the_higher_is_followed_wherever_it_is_read() {
    let cluster = Cluster::served(3, "version: 2\n");
    cluster.write("cluster.yaml", "version: 1\n", &[1, 2, 3]);
    cluster.until("the refusal", |cluster| cluster.page("/config").contains("version 1 and is ignored"));
    let refused = cluster.fails(&["apply", "cluster.yaml"]);
    assert!(refused.contains("give it a higher version"), "{refused}");
    cluster.write("cluster.yaml", "version: 2\ntimeouts: {lease: 600ms}\n", &[1, 2, 3]);
    cluster.until("the other refusal", |cluster| cluster.page("/config").contains("says something else"));
    cluster.write("cluster.yaml", "version: 3\n", &[1, 2, 3]);
    cluster.until("the higher one", |cluster| {
        cluster.does(&["status"]).contains("The cluster.yaml is followed")
    });
}

#[test]
fn a_cluster_is_founded_without_a_node_that_does_not_exist() {
    let mut cluster = Cluster::of(3, "");
    cluster.stop_node(3);
    cluster.start_proxy();
    let address = cluster.addresses[2].to_string();
    cluster.until("the reason", |cluster| {
        let page = cluster.page("/readyz");
        page.contains("503") && page.contains(&format!("node 'node-3' does not answer at {address}"))
    });
    assert!(cluster.does(&["status"]).contains("needs an answer of every node"));
    assert!(
        cluster.fails(&["bootstrap", "--only", "node-1,node-3", "--yes"]).contains("node-3 does not answer")
    );
    let founded = cluster.does(&["bootstrap", "--only", "node-1,node-2", "--yes"]);
    assert!(founded.contains("founded without node-3") && founded.contains("View 1"), "{founded}");
    cluster.until("service", |cluster| cluster.ask("SET k v").starts_with("+OK"));
    assert!(cluster.fails(&["bootstrap", "--only", "node-1", "--yes"]).contains("has view"));
}

#[test]
fn what_is_left_goes_on_when_the_majority_is_lost() {
    let mut cluster = Cluster::served(3, "");
    for key in 0..60 {
        assert!(cluster.ask(&format!("SET key:{key} {key}")).starts_with("+OK"));
    }
    assert!(cluster.fails(&["recover", "--i-have-lost", "node-1"]).contains("node-1 answers"));
    cluster.stop_node(1);
    cluster.stop_node(2);
    let told = cluster.fails(&["drain", "node-3", "--yes"]);
    assert!(told.contains("cluster recover"), "{told}");
    let recovered = cluster.does(&["recover", "--i-have-lost", "node-1,node-2", "--yes"]);
    assert!(recovered.contains("node-3 goes on in cluster"), "{recovered}");
    cluster.until("service", |cluster| {
        (0..60).all(|key| !cluster.ask(&format!("GET key:{key}")).starts_with('-'))
    });
    let kept = (0..60).filter(|key| cluster.ask(&format!("GET key:{key}")).contains(&format!("\n{key}\r")));
    let kept = kept.count();
    assert!(kept > 20, "two thirds of the slots have a copy on node-3, {kept} of 60 keys are there");
}

#[test]
fn a_lost_slot_is_waited_for_until_it_is_given_up() {
    let mut cluster = Cluster::served(5, "when_last_replica_lost: never\n");
    cluster.stop_node(4);
    cluster.stop_node(5);
    cluster.until("lost slots", |cluster| !cluster.page("/metrics").contains("slots{state=\"lost\"} 0"));
    assert!(cluster.fails(&["give-up", "node-1", "--yes"]).contains("node-1 answers"));
    assert!(cluster.fails(&["give-up", "node-4"]).contains("not confirmed"));
    cluster.does(&["give-up", "node-4", "--yes"]);
    cluster.does(&["give-up", "node-5", "--yes"]);
    cluster.until("service of all slots", serves_all);
}

/// Whether keys of many slots are served.
fn serves_all(cluster: &Cluster) -> bool {
    (0..300).all(|key| cluster.ask(&format!("SET key:{key} 1")).starts_with("+OK"))
}

#[test]
fn nobody_listens_where_the_file_says_and_that_is_told() {
    let free = TcpListener::bind(FREE).expect("a port").local_addr().expect("bound");
    let mut cluster = Cluster::of(1, "");
    cluster.addresses = vec![free, SocketAddr::from(([127, 0, 0, 1], 1))];
    cluster.write("cluster.yaml", "", &[1, 2]);
    for words in
        [&["apply", "cluster.yaml"][..], &["drain", "node-1"], &["recover", "--i-have-lost", "node-1"]]
    {
        assert!(cluster.fails(words).contains("no node of the file has a view"), "{words:?}");
    }
}

/// What `ringmaster cluster watch` writes and ends with; it is interrupted after two seconds, as by Ctrl-C.
fn watch(cluster: &Cluster, words: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new("timeout");
    command.args([
        "--preserve-status",
        "-s",
        "INT",
        "2",
        env!("CARGO_BIN_EXE_ringmaster"),
        "cluster",
        "watch",
    ]);
    let output = command.args(words).current_dir(cluster.directory.path()).stdin(Stdio::null()).output();
    let output = output.expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).expect("text"), output.status.code())
}

#[test]
fn a_watch_tells_a_line_a_look_until_it_is_interrupted() {
    let cluster = Cluster::served(3, "");
    cluster.until("copies", Cluster::is_done);
    let (text, code) = watch(&cluster, &["--every", "0.5"]);
    assert_eq!(code, Some(0), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() >= 2, "{text}");
    for line in lines {
        assert!(line.starts_with('+') && line.contains("16384 of 16384 slots whole"), "{line}");
        assert!(line.contains("3 of 3 nodes answer, "), "{line}");
    }
    let text = cluster.does(&["watch", "--json", "--count", "2", "--every", "0.2"]);
    let looks: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(looks.len(), 2);
    assert_eq!((&looks[1]["cluster"], &looks[1]["slots"]["whole"]), (&"test".into(), &16384.into()));
    assert_eq!(looks[1]["nodes"].as_array().map(Vec::len), Some(3));
    assert!(cluster.fails(&["watch", "--every", "0"]).contains("0.2 to 3600"));
}

#[test]
fn a_watch_shows_what_moves_and_where() {
    let mut cluster = Cluster::served(2, "limits: {rebalance_bytes: 64kb}\n");
    let value = "x".repeat(4000);
    for key in 0..500 {
        assert!(cluster.ask(&format!("SET key:{key} {value}")).starts_with("+OK"));
    }
    cluster.until("copies", Cluster::is_done);
    let node = start_node();
    cluster.addresses.push(node.address());
    cluster.nodes.push(Some(node));
    cluster.write("cluster.yaml", "limits: {rebalance_bytes: 64kb}\n", &[1, 2, 3]);
    cluster.until("moves", |cluster| {
        let text = cluster.does(&["watch", "--json", "--count", "1"]);
        let look: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let moves = look["rebalancing"]["moves"].as_array().cloned().unwrap_or_default();
        !moves.is_empty() && moves.iter().all(|pair| pair["to"] == "node-3")
    });
    assert!(cluster.does(&["watch", "--count", "1"]).contains("slots to do"));
}

#[test]
fn a_watch_on_a_terminal_gives_the_cursor_back() {
    if Command::new("script").arg("--version").output().is_err() {
        return println!("skipped: no `script`, of util-linux, to make a terminal with");
    }
    let cluster = Cluster::served(2, "");
    let line = format!(
        "stty cols 120 rows 40; timeout --foreground --preserve-status -s INT 2 {} cluster watch; echo ended $?",
        env!("CARGO_BIN_EXE_ringmaster")
    );
    let mut command = Command::new("script");
    command.args(["-qfec", &line, "/dev/null"]).env("TERM", "xterm").current_dir(cluster.directory.path());
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let (before, after) = text.rsplit_once("\x1b[?25h").expect("the cursor is shown again");
    assert!(before.contains("\x1b[?25l") && after.contains("ended 0"), "{text}");
    for part in ["Ctrl-C ends", "slots with all copies", "node-1", "16384/16384"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_watch_of_nobody_says_what_to_do_in_one_line() {
    let free = TcpListener::bind(FREE).expect("a port").local_addr().expect("bound");
    let mut cluster = Cluster::of(1, "");
    cluster.addresses = vec![free, SocketAddr::from(([127, 0, 0, 1], 1))];
    cluster.write("dead.yaml", "", &[1, 2]);
    let (text, code) = watch(&cluster, &["--file", "dead.yaml"]);
    assert_eq!((text.lines().count(), code), (1, Some(2)), "{text}");
    assert!(text.contains("no node answers") && text.contains("--file"), "{text}");
    let (text, code) = watch(&cluster, &["--file", "none.yaml"]);
    assert_eq!((text.lines().count(), code), (1, Some(1)), "{text}");

    std::fs::write(cluster.path("secret"), "0123456789abcdef").expect("written");
    let secret = SecretSource::File(cluster.path("secret"));
    let config =
        ringmaster_node::Config { listen: FREE, admin: FREE, threads: 1, secret, ..Default::default() };
    let node = Node::start(config).expect("a node starts");
    cluster.addresses = vec![node.address(), free];
    cluster.write("guarded.yaml", "", &[1, 2]);
    let (text, code) = watch(&cluster, &["--file", "guarded.yaml"]);
    assert_eq!((text.lines().count(), code), (1, Some(3)), "{text}");
    assert!(text.contains("refuses") && text.contains("secret_file"), "{text}");
    node.stop();
}
