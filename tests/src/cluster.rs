//! A cluster in this process: nodes and proxies on free ports of 127.0.0.1, and a cluster.yaml of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use ringmaster_node::Node;
use ringmaster_proxy::Proxy;
use ringmaster_runtime::traces::TracesConfig;
use tempfile::TempDir;

use crate::wire::Wire;

/// A running cluster; stopped when dropped.
pub struct Cluster {
    nodes: Vec<Node>,
    proxies: Vec<Proxy>,
    node: ringmaster_node::Config,
    directory: TempDir,
}

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Builder {
    nodes: usize,
    proxies: usize,
    node: ringmaster_node::Config,
    tracing: Option<TracesConfig>,
    yaml: String,
}

impl Cluster {
    /// Three nodes and a proxy, one data thread each.
    #[must_use]
    pub fn builder() -> Builder {
        let node =
            ringmaster_node::Config { threads: 1, hash_seed: Some(7), ..ringmaster_node::Config::default() };
        Builder { nodes: 3, proxies: 1, node, tracing: None, yaml: String::new() }
    }

    /// Where clients of the first proxy connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.proxies[0].address()
    }

    /// The proxies.
    #[must_use]
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The cluster.yaml that the proxies watch.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("cluster.yaml")
    }

    /// Stops node `index`; commands to its slots fail from here on.
    pub fn stop_node(&mut self, index: usize) {
        self.nodes.remove(index).stop();
    }

    /// Starts a node where one was stopped. It has no data.
    ///
    /// # Panics
    /// If it cannot start.
    pub fn start_node_at(&mut self, address: SocketAddr) {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ringmaster_node::Config { listen: address, admin: free, ..self.node.clone() };
        self.nodes.push(Node::start(config).expect("a node starts"));
    }

    /// Starts one more proxy.
    ///
    /// # Panics
    /// If it cannot start.
    pub fn start_proxy(&mut self) -> SocketAddr {
        self.proxies.push(Proxy::start(proxy_of(self.file())).expect("a proxy starts"));
        self.proxies[self.proxies.len() - 1].address()
    }

    /// Has cluster.yaml say this line in place of another.
    ///
    /// # Panics
    /// If the file cannot be read or written.
    pub fn edit(&self, before: &str, after: &str) {
        let text = std::fs::read_to_string(self.file()).expect("cluster.yaml can be read");
        assert!(text.contains(before), "{text}");
        std::fs::write(self.file(), text.replace(before, after)).expect("cluster.yaml can be written");
    }

    /// Whether every slot has all its copies where they are wanted, by the word of every proxy; only where slots have
    /// copies.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.proxies.iter().all(|proxy| {
            let info = Wire::connect(proxy.address()).ask("INFO server");
            info.contains(r"ringmaster_slots_to_do:0\r\n")
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.proxies.drain(..).for_each(Proxy::stop);
        self.nodes.drain(..).for_each(Node::stop);
    }
}

impl Builder {
    /// This many nodes, at least 1.
    #[must_use]
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// This many proxies.
    #[must_use]
    pub fn proxies(mut self, proxies: usize) -> Self {
        self.proxies = proxies;
        self
    }

    /// Lines added to cluster.yaml, such as `timeouts: …`.
    #[must_use]
    pub fn yaml(mut self, lines: &str) -> Self {
        self.yaml = format!("{lines}\n");
        self
    }

    /// The settings of each node; addresses are chosen anew.
    #[must_use]
    pub fn node(mut self, node: ringmaster_node::Config) -> Self {
        self.node = node;
        self
    }

    /// Has proxies and nodes tell spans; `sample` is for the proxies only.
    #[must_use]
    pub fn tracing(mut self, tracing: TracesConfig) -> Self {
        self.node.tracing = Some(TracesConfig { sample: None, ..tracing.clone() });
        self.tracing = Some(tracing);
        self
    }

    /// Starts all of it.
    ///
    /// # Panics
    /// If a part cannot start.
    #[must_use]
    pub fn start(self) -> Cluster {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let nodes: Vec<Node> = (0..self.nodes)
            .map(|index| {
                let mut config = ringmaster_node::Config { listen: free, admin: free, ..self.node.clone() };
                if config.persistence == ringmaster_node::config::Persistence::Wal {
                    config.data_dir.push(format!("node-{index}"));
                }
                if let Some(tracing) = &mut config.tracing {
                    tracing.instance = Some(format!("node-{index}"));
                }
                Node::start(config).expect("a node starts")
            })
            .collect();
        let directory = TempDir::new().expect("a temporary directory can be made");
        let file = directory.path().join("cluster.yaml");
        std::fs::write(&file, yaml(&nodes, &self.yaml)).expect("cluster.yaml can be written");
        let proxy = ringmaster_proxy::Config { tracing: self.tracing, ..proxy_of(file) };
        let proxies =
            (0..self.proxies).map(|_| Proxy::start(proxy.clone()).expect("a proxy starts")).collect();
        Cluster { nodes, proxies, node: self.node, directory }
    }
}

/// A proxy with this cluster.yaml, on free ports.
fn proxy_of(cluster: PathBuf) -> ringmaster_proxy::Config {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    ringmaster_proxy::Config {
        listen: free,
        admin: free,
        threads: 1,
        cluster,
        ..ringmaster_proxy::Config::default()
    }
}

/// A cluster.yaml that names `nodes`.
fn yaml(nodes: &[Node], more: &str) -> String {
    let mut text = format!("cluster: test\n{more}nodes:\n");
    for (index, node) in nodes.iter().enumerate() {
        writeln!(text, "  - {{name: node-{index}, address: \"{}\"}}", node.address())
            .expect("a String takes all");
    }
    text
}
