//! A server at one end, and the tool.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ringmaster_client::{Client, Options, Value};
use ringmaster_node::Node;
use ringmaster_proxy::Proxy;
use tempfile::TempDir;

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Longest wait for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is asked.
pub(crate) struct End {
    pub(crate) port: u16,
    database: u32,
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl End {
    pub(crate) fn at(port: u16) -> End {
        End::of(port, 0)
    }

    fn of(port: u16, database: u32) -> End {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = Options { database, ..Options::default() };
        let client = runtime.block_on(Client::connect_with(format!("127.0.0.1:{port}"), options));
        End { port, database, client: client.expect("it listens"), runtime }
    }

    pub(crate) fn in_database(&self, database: u32) -> End {
        End::of(self.port, database)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A command of any bytes.
    pub(crate) fn call(&self, words: &[&[u8]]) -> Value {
        let reply = self.runtime.block_on(self.client.command(words));
        reply.unwrap_or_else(|error| panic!("{:?}: {error}", words[0].escape_ascii().to_string()))
    }

    /// A command without spaces in its words, and its reply in words; an error is its text.
    pub(crate) fn line(&self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        match self.runtime.block_on(self.client.command(&words)) {
            Ok(value) => text(&value),
            Err(error) => error.to_string(),
        }
    }

    /// Each key of the database: what tells it apart, and its deadline.
    pub(crate) fn contents(&self) -> BTreeMap<Vec<u8>, String> {
        let Value::Array(keys) = self.call(&[b"KEYS", b"*"]) else { panic!("no keys") };
        let keys = keys.into_iter().filter_map(|key| key.as_bytes().cloned());
        keys.map(|key| (key.to_vec(), self.about(&key))).collect()
    }

    /// Type, elements in an order that is theirs, and deadline.
    fn about(&self, key: &[u8]) -> String {
        let kind = text(&self.call(&[b"TYPE", key]));
        let elements: Vec<&[&[u8]]> = match kind.as_str() {
            "string" => vec![&[b"GET", b"k"]],
            "list" => vec![&[b"LRANGE", b"k", b"0", b"-1"]],
            "set" => vec![&[b"SORT_RO", b"k", b"ALPHA"]],
            "hash" => vec![&[b"HGET", b"k", b"f"], &[b"HGET", b"k", b"g"], &[b"HLEN", b"k"]],
            "zset" => vec![&[b"ZRANGE", b"k", b"0", b"-1", b"WITHSCORES"]],
            "stream" => vec![
                &[b"XRANGE", b"k", b"-", b"+"],
                &[b"XPENDING", b"k", b"group"],
                &[b"XINFO", b"GROUPS", b"k"],
            ],
            other => panic!("{other}"),
        };
        let mut about = format!("{kind} {}", text(&self.call(&[b"PEXPIRETIME", key])));
        for words in elements {
            let words: Vec<&[u8]> =
                words.iter().map(|word| if *word == b"k" { key } else { *word }).collect();
            write!(about, " {}", text(&self.call(&words))).expect("a String takes all");
        }
        about
    }

    pub(crate) fn until(&self, what: &str, holds: impl Fn(&End) -> bool) {
        let begin = Instant::now();
        while !holds(self) {
            assert!(begin.elapsed() < PATIENCE, "waited for {what} in database {}", self.database);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
        Value::Null => "null".to_owned(),
        other => other.as_bytes().map(|bytes| bytes.escape_ascii().to_string()).unwrap_or_default(),
    }
}

/// Nodes without copies, and a proxy.
pub(crate) struct Cluster {
    nodes: Vec<Node>,
    proxy: Option<Proxy>,
    pub(crate) directory: TempDir,
}

impl Cluster {
    pub(crate) fn start(nodes: usize) -> Cluster {
        Cluster::with(nodes, "")
    }

    /// With more lines in the cluster.yaml.
    pub(crate) fn with(nodes: usize, more: &str) -> Cluster {
        let start = |_| {
            let default = ringmaster_node::Config::default();
            let config = ringmaster_node::Config {
                listen: FREE,
                admin: FREE,
                threads: 1,
                drain: Duration::ZERO,
                ..default
            };
            Node::start(config).expect("a node starts")
        };
        let nodes: Vec<Node> = (0..nodes).map(start).collect();
        let directory = TempDir::new().expect("a directory");
        let mut text = format!("cluster: test\n{more}nodes:\n");
        for (number, node) in nodes.iter().enumerate() {
            writeln!(text, "  - {{name: node-{number}, address: \"{}\"}}", node.address())
                .expect("a String takes all");
        }
        let cluster = directory.path().join("cluster.yaml");
        std::fs::write(&cluster, text).expect("written");
        let config = ringmaster_proxy::Config {
            listen: FREE,
            admin: FREE,
            threads: 1,
            cluster,
            ..ringmaster_proxy::Config::default()
        };
        let proxy = Some(Proxy::start(config).expect("a proxy starts"));
        Cluster { nodes, proxy, directory }
    }

    pub(crate) fn end(&self) -> End {
        let proxy = self.proxy.as_ref().expect("it runs");
        End::at(proxy.address().port())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.proxy.take().into_iter().for_each(Proxy::stop);
        self.nodes.drain(..).for_each(Node::stop);
    }
}

/// What the tool said and ended with.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the tool in a directory, without a terminal.
pub(crate) fn tool(words: &[&str], directory: impl AsRef<Path>) -> Run {
    command(env!("CARGO_BIN_EXE_ringmaster"), words, directory.as_ref())
}

/// Runs a program in a directory, without a terminal.
pub(crate) fn command(program: &str, words: &[&str], directory: &Path) -> Run {
    let mut command = Command::new(program);
    let output = command.args(words).current_dir(directory).stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Run { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// Bytes that cannot be made small, always the same for a seed that is not 0.
pub(crate) fn noise(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(step).collect()
}
