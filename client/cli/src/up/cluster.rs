//! The members of a local cluster: started nodes first, stopped proxies first.

use std::{
    fmt::Write as _,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, ensure};
use ringmaster_node::Node;
use ringmaster_proxy::Proxy;

use super::{directory::Directory, yaml};

/// Longest wait for the first view.
const SERVICE_WITHIN: Duration = Duration::from_secs(30);

/// What to start.
pub(super) struct Shape {
    /// How many nodes, at least one.
    pub(super) nodes: u16,
    /// How many proxies, at least one.
    pub(super) proxies: u16,
    /// Copies of each slot.
    pub(super) replicas: u16,
    /// Port of the first proxy; 0: each takes a free one.
    pub(super) port: u16,
    /// Data threads of each member.
    pub(super) threads: usize,
    /// Whether the admin ports take profiles.
    pub(super) profiling: bool,
}

/// A cluster that runs.
pub(super) struct Cluster {
    nodes: Vec<Node>,
    proxies: Vec<Proxy>,
}

impl Cluster {
    /// Starts all members; every proxy serves when this returns.
    ///
    /// # Errors
    /// Whatever keeps a member from starting or serving; those that run are stopped then.
    pub(super) fn start(shape: &Shape, directory: &Directory) -> anyhow::Result<Cluster> {
        let mut cluster = Cluster { nodes: Vec::new(), proxies: Vec::new() };
        let started = cluster.start_members(shape, directory);
        match started {
            Ok(()) => Ok(cluster),
            Err(error) => {
                cluster.stop();
                Err(error)
            }
        }
    }

    fn start_members(&mut self, shape: &Shape, directory: &Directory) -> anyhow::Result<()> {
        for _ in 0..shape.nodes {
            self.nodes.push(start_node(shape, directory).context("cannot start a node")?);
        }
        let addresses: Vec<SocketAddr> = self.nodes.iter().map(Node::address).collect();
        let text = yaml::text(shape.replicas, &addresses)?;
        let file = directory.cluster_file();
        directory.write_cluster_file(&text).with_context(|| format!("cannot write {}", file.display()))?;
        for number in 0..shape.proxies {
            let port = if shape.port == 0 { 0 } else { shape.port + number };
            self.proxies.push(start_proxy(shape, directory, port)?);
        }
        self.await_service()
    }

    /// Where slots have copies, proxies serve as soon as they have decided a first view.
    fn await_service(&self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while !self.proxies.iter().all(Proxy::serves) {
            ensure!(
                begin.elapsed() < SERVICE_WITHIN,
                "the proxies and nodes agree on no first view; see the log"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets clients finish, then stops everything.
    pub(super) fn stop(self) {
        std::thread::scope(|scope| {
            for proxy in self.proxies {
                scope.spawn(|| proxy.stop());
            }
        });
        std::thread::scope(|scope| {
            for node in self.nodes {
                scope.spawn(|| node.stop());
            }
        });
    }

    /// What runs where and what to try, for people.
    pub(super) fn describe(&self, directory: &Directory, took: Duration) -> String {
        let mut text = format!(
            "Ringmaster is up: {}, {}, in {} ms.\n\n",
            count(self.proxies.len(), "proxy", "proxies"),
            count(self.nodes.len(), "node", "nodes"),
            took.as_millis()
        );
        let proxies = self.proxies.iter().map(|proxy| ("proxy", proxy.address(), proxy.admin_address()));
        let nodes = self.nodes.iter().map(|node| ("node", node.address(), node.admin_address()));
        for (number, (kind, address, admin)) in numbered(proxies).chain(numbered(nodes)) {
            let name = format!("{kind}-{number}");
            let address = address.to_string();
            let _ = writeln!(text, "  {name:<9} {address:<21}  metrics http://{admin}/metrics");
        }
        let file = directory.cluster_file();
        let _ = writeln!(text, "  file      {}  (edit it: the proxies follow)", file.display());
        let port = self.proxies.first().map_or(0, |proxy| proxy.address().port());
        let _ = write!(
            text,
            "\nTry:\n  redis-cli -p {port} set hello world\n  ringmaster cli -p {port} get hello\n\nCtrl-C stops it.\n"
        );
        text
    }
}

/// `items`, each with its number from 1.
fn numbered<T>(items: impl Iterator<Item = T>) -> impl Iterator<Item = (usize, T)> {
    (1..).zip(items)
}

/// `1 node`, `3 nodes`.
fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn start_node(shape: &Shape, directory: &Directory) -> io::Result<Node> {
    Node::start(ringmaster_node::Config {
        listen: loopback(0),
        admin: loopback(0),
        threads: shape.threads,
        data_dir: directory.path().to_owned(),
        profiling: shape.profiling,
        ..ringmaster_node::Config::default()
    })
}

fn start_proxy(shape: &Shape, directory: &Directory, port: u16) -> anyhow::Result<Proxy> {
    let started = Proxy::start(ringmaster_proxy::Config {
        cluster: directory.cluster_file(),
        listen: loopback(port),
        admin: loopback(0),
        threads: shape.threads,
        profiling: shape.profiling,
        ..ringmaster_proxy::Config::default()
    });
    started
        .map_err(|error| if is_taken(&error) { taken(port) } else { error.context("cannot start a proxy") })
}

/// Whether the address is in use, behind whatever context the error has.
fn is_taken(error: &anyhow::Error) -> bool {
    let io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.into_iter().any(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn taken(port: u16) -> anyhow::Error {
    anyhow!(
        "port {port} is taken by another process (a redis-server?): stop that, or choose another port, \
         e.g. `ringmaster up --port 7000`"
    )
}
