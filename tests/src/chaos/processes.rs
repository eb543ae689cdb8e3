//! Nodes and proxies as processes.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ringmaster_protocol::register::{Answer, Refusal};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Chain, View};
use tempfile::TempDir;

use super::gate::{Cut, Gate};
use super::members::pulse_of;
use super::name_server::{NameServer, Naming, local_name};
use crate::peer::free_port;
use crate::wait::eventually;
use crate::wire::Wire;

/// Longest wait for something that must come; a test that meets it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that is ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Whether all threads of a process are stopped.
fn stands_still(process: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    threads.flatten().all(|thread| {
        // A thread that ends meanwhile runs no more either.
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_none_or(|rest| rest.starts_with('T') || rest.is_empty())
    })
}

/// Three nodes, two proxies, two copies of each slot.
pub struct Processes {
    program: PathBuf,
    directory: TempDir,
    node_ports: Vec<u16>,
    /// In front of each node, where the cluster.yaml names gates.
    gates: Vec<Gate>,
    nodes: Vec<Option<Process>>,
    proxies: Vec<(SocketAddr, Process)>,
    replicas: usize,
    /// More lines of the cluster.yaml.
    yaml: String,
    /// Nodes that the cluster.yaml leaves out.
    left_out: HashSet<usize>,
    /// What each node is told when it starts.
    node_words: Vec<String>,
    /// Where the proxies find the nodes, in place of a list.
    name_server: Option<NameServer>,
}

/// What processes to start.
#[derive(Clone, Debug)]
pub struct Builder {
    program: PathBuf,
    nodes: usize,
    proxies: usize,
    replicas: usize,
    has_gates: bool,
    yaml: String,
    node_words: Vec<String>,
    name_server: Option<NameServer>,
}

impl Builder {
    /// This many nodes and proxies.
    #[must_use]
    pub fn members(mut self, nodes: usize, proxies: usize) -> Self {
        (self.nodes, self.proxies) = (nodes, proxies);
        self
    }

    /// So many copies of each slot, at first.
    #[must_use]
    pub fn copies(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// A gate stands in front of each node.
    #[must_use]
    pub fn gates(mut self) -> Self {
        self.has_gates = true;
        self
    }

    /// Lines added to the cluster.yaml.
    #[must_use]
    pub fn yaml(mut self, lines: &str) -> Self {
        self.yaml = format!("{lines}\n");
        self
    }

    /// Each node is told these words, too: see the binary `member`.
    #[must_use]
    pub fn node_words(mut self, words: &[&str]) -> Self {
        self.node_words = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// The cluster.yaml lists no nodes: this name server tells them.
    #[must_use]
    pub fn found_by(mut self, name_server: &NameServer) -> Self {
        self.name_server = Some(name_server.clone());
        self
    }

    /// Starts them, and waits until they serve.
    ///
    /// # Panics
    /// If they do not.
    #[must_use]
    pub fn start(self) -> Processes {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let mut all = Processes {
            program: self.program,
            directory,
            node_ports: Vec::new(),
            gates: Vec::new(),
            nodes: Vec::new(),
            proxies: Vec::new(),
            replicas: self.replicas,
            yaml: self.yaml,
            left_out: HashSet::new(),
            node_words: self.node_words,
            name_server: self.name_server,
        };
        (0..self.nodes).for_each(|_| all.add_node());
        if self.has_gates {
            all.gates = all.node_ports.iter().map(|port| Gate::open(*port)).collect();
        }
        all.write_file();
        (0..self.proxies).for_each(|_| all.add_proxy());
        all.await_service();
        all
    }
}

impl Processes {
    /// Three nodes, two proxies, two copies. `program` is the binary `member`.
    #[must_use]
    pub fn builder(program: &str) -> Builder {
        let (program, yaml) = (program.into(), String::new());
        let node_words = Vec::new();
        let name_server = None;
        Builder {
            program,
            nodes: 3,
            proxies: 2,
            replicas: 2,
            has_gates: false,
            yaml,
            node_words,
            name_server,
        }
    }

    /// Starts one more proxy.
    pub fn add_proxy(&mut self) {
        let (port, file) = (free_port(), self.file());
        let process = self.spawn(&["proxy", &port.to_string(), &file.display().to_string()]);
        self.proxies.push((SocketAddr::from((Ipv4Addr::LOCALHOST, port)), process));
    }

    /// Kills a proxy as SIGKILL does; those after it take the places before theirs.
    pub fn kill_proxy(&mut self, proxy: usize) {
        self.proxies.remove(proxy);
    }

    /// Starts one more node, which no cluster.yaml names yet.
    pub fn add_node(&mut self) {
        let port = free_port();
        let process = self.spawn_node(port);
        self.node_ports.push(port);
        self.nodes.push(Some(process));
    }

    /// Writes cluster.yaml with all nodes that are not left out, at their gates where they have some; or has them told
    /// by the name server.
    ///
    /// # Panics
    /// If it cannot.
    pub fn write_file(&self) {
        let mut text = format!("cluster: chaos\nreplicas: {}\n{}", self.replicas, self.yaml);
        if let Some(server) = &self.name_server {
            server.answer(Naming::Records(self.records()));
            let at = server.address();
            text += &format!("discovery: {{dns: nodes, at_least: 3, server: '{at}'}}\n");
        } else {
            self.list_nodes(&mut text);
        }
        let aside = self.directory.path().join("cluster.yaml.new");
        std::fs::write(&aside, text).expect("a file can be written");
        std::fs::rename(&aside, self.file()).expect("a file can be renamed");
    }

    fn list_nodes(&self, text: &mut String) {
        text.push_str("nodes:\n");
        let gates = self.gates.iter().map(Gate::port).chain(std::iter::repeat(0));
        for (index, (port, gate)) in self.node_ports.iter().zip(gates).enumerate() {
            if self.left_out.contains(&index) {
                continue;
            }
            let port = if gate > 0 { gate } else { *port };
            writeln!(text, "  - {{name: node-{index}, address: \"127.0.0.1:{port}\"}}")
                .expect("a String takes all");
        }
    }

    /// What the name server says of the nodes that are not left out.
    #[must_use]
    pub fn records(&self) -> Vec<(String, u16)> {
        let named = self.node_ports.iter().enumerate().filter(|(index, _)| !self.left_out.contains(index));
        named.map(|(index, port)| (self.name_of(index), *port)).collect()
    }

    /// The name of a node. One that a name server tells is that of a host, too.
    fn name_of(&self, node: usize) -> String {
        match self.name_server {
            Some(_) => local_name(node),
            None => format!("node-{node}"),
        }
    }

    /// Has the cluster.yaml want so many copies of each slot from the next time that it is written.
    pub fn set_copies(&mut self, replicas: usize) {
        self.replicas = replicas;
    }

    /// Leaves a node out of the cluster.yaml from the next time that it is written, or takes it in again.
    pub fn leave_out(&mut self, node: usize, is_out: bool) {
        if is_out {
            self.left_out.insert(node)
        } else {
            self.left_out.remove(&node)
        };
    }

    /// Names the nodes by their own addresses from the next time that cluster.yaml is written. The gates stay open for
    /// who still comes through them.
    pub fn pass_by_gates(&mut self) -> Vec<Gate> {
        std::mem::take(&mut self.gates)
    }

    /// Cuts a proxy off from a node, or lets it through again.
    pub fn cut(&self, proxy: usize, node: usize, cut: Option<Cut>) {
        self.gates[node].cut(self.proxies[proxy].1.0.id(), cut);
    }

    /// The cluster.yaml.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("cluster.yaml")
    }

    /// Where the proxies listen.
    #[must_use]
    pub fn proxies(&self) -> Vec<SocketAddr> {
        self.proxies.iter().map(|(address, _)| *address).collect()
    }

    /// The processes of the proxies.
    #[must_use]
    pub fn proxy_ids(&self) -> Vec<u32> {
        self.proxies.iter().map(|(_, process)| process.0.id()).collect()
    }

    fn spawn_node(&self, port: u16) -> Process {
        let port = port.to_string();
        let data = format!("data={}", self.directory.path().join(format!("data-{port}")).display());
        let mut args = vec!["node", &port, &data];
        args.extend(self.node_words.iter().map(String::as_str));
        self.spawn(&args)
    }

    /// Where the nodes listen.
    #[must_use]
    pub fn nodes(&self) -> Vec<SocketAddr> {
        self.node_ports.iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).collect()
    }

    fn spawn(&self, args: &[&str]) -> Process {
        let log = std::fs::File::create(self.directory.path().join(args[..2].join("-")));
        let mut command = Command::new(&self.program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(log.map_or_else(|_| Stdio::null(), Stdio::from));
        let mut child = command.spawn().expect("a process can be started");
        let output = child.stdout.take().expect("its output is ours");
        let mut line = String::new();
        let process = Process(child);
        BufReader::new(output).read_line(&mut line).expect("its output can be read");
        assert!(line.starts_with("serves"), "{args:?} does not serve");
        process
    }

    /// Kills a node as SIGKILL does.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
    }

    /// Starts a node again at another address, as the name server then says.
    pub fn restart_elsewhere(&mut self, node: usize) {
        self.node_ports[node] = free_port();
        self.restart(node);
        self.write_file();
    }

    /// Starts a node again at its address; with what it has kept, if it was told to keep anything.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node] = Some(self.spawn_node(self.node_ports[node]));
    }

    /// Ends a node as SIGTERM does, and waits until it has ended by itself.
    ///
    /// # Panics
    /// If it does not within two minutes, or fails.
    pub fn terminate(&mut self, node: usize) {
        let mut process = self.nodes[node].take().expect("the node runs");
        let id = process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill is there").success());
        let until = Instant::now() + PATIENCE;
        loop {
            match process.0.try_wait().expect("it is ours") {
                Some(status) => return assert!(status.success(), "{status}\n{}", self.logs()),
                None => assert!(Instant::now() < until, "it does not end\n{}", self.logs()),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops a process without ending it, as SIGSTOP does, or lets it go on.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn pause(&self, node: usize, stop: bool) {
        let process = self.nodes[node].as_ref().expect("the node runs");
        halt(&process.0.id().to_string(), stop);
    }

    /// Stops a proxy without ending it, and lets it go on after this time; it returns at once when it stands still.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn pause_proxy_for(&self, proxy: usize, time: Duration) -> JoinHandle<()> {
        let id = self.proxies[proxy].1.0.id().to_string();
        halt(&id, true);
        std::thread::spawn(move || {
            std::thread::sleep(time);
            halt(&id, false);
        })
    }

    /// Waits until every proxy serves a write and a read of every part of the keys.
    ///
    /// # Panics
    /// If that does not come within two minutes.
    pub fn await_service(&self) {
        let until = Instant::now() + PATIENCE;
        for (address, _) in &self.proxies {
            let mut wire = Wire::connect(*address);
            let mut serves = |key| wire.ask(&format!("SET probe:{key} {key}")) == "+OK\\r\\n";
            while !(0..64).all(&mut serves) {
                assert!(Instant::now() < until, "{address} does not serve\n{}", self.logs());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Waits until every slot has just as many members as it should, all in-sync, and every node its share.
    ///
    /// # Panics
    /// If that does not come within two minutes.
    pub fn await_redundancy(&self) {
        let wanted = (0..self.nodes.len()).filter(|node| self.is_wanted(*node)).count();
        self.await_view("all copies", |view| {
            let is_whole =
                |chain: &Chain| chain.in_sync == self.replicas && chain.entries.len() == self.replicas;
            let entries = view.chains().iter().flat_map(|chain| &chain.entries);
            let holders: HashSet<_> = entries.map(|entry| entry.member).collect();
            holders.len() == wanted && view.chains().iter().all(is_whole)
        });
    }

    /// Waits until a node is an entry of a chain.
    ///
    /// # Panics
    /// If that does not come within two minutes.
    pub fn await_entry(&self, node: usize) {
        let name = self.name_of(node);
        self.await_view("an entry", |view| {
            let mut entries = view.chains().iter().flat_map(|chain| &chain.entries);
            entries.any(|entry| view.member(entry.member).name.as_str() == name)
        });
    }

    /// Waits until the view names the nodes by their own addresses.
    ///
    /// # Panics
    /// If that does not come within two minutes.
    pub fn await_addresses(&self) {
        self.await_view("the nodes' own addresses", |view| {
            view.members().iter().all(|member| self.node_ports.contains(&member.address.port()))
        });
    }

    fn await_view(&self, what: &str, is_so: impl Fn(&View) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let view = self.view();
            if view.as_ref().is_some_and(|view| is_so(view)) {
                return;
            }
            let told = view.as_ref().map(|view| summary(view)).unwrap_or_default();
            assert!(Instant::now() < until, "waited for {what}: {told}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_wanted(&self, node: usize) -> bool {
        self.nodes[node].is_some() && !self.left_out.contains(&node)
    }

    /// The latest view that a node holds.
    #[must_use]
    pub fn view(&self) -> Option<Arc<View>> {
        let running = self.nodes.iter().zip(&self.node_ports).filter(|(node, _)| node.is_some());
        let views = running.filter_map(|(_, port)| view_of(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))));
        views.max_by_key(|view| view.epoch())
    }

    /// What the processes have logged, to be shown when a test fails.
    #[must_use]
    pub fn logs(&self) -> String {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let files = std::fs::read_dir(self.directory.path()).into_iter().flatten().flatten();
        let tail = |text: String| {
            let lines: Vec<&str> = text.lines().rev().take(15).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        files.map(|file| format!("== {:?}\n{}\n", file.file_name(), tail(read(&file.path())))).collect()
    }
}

fn halt(id: &str, stop: bool) {
    let signal = if stop { "-STOP" } else { "-CONT" };
    let done = Command::new("kill").args([signal, id]).status().expect("kill is there");
    assert!(done.success());
    // On a busy machine its threads go on until the first of them has seen the signal.
    eventually("it stands still", || !stop || stands_still(id));
}

/// The committed view of a node: it is told to who asks how the node is and knows no view.
fn view_of(node: SocketAddr) -> Option<Arc<View>> {
    match pulse_of(node)?.lease {
        Answer::Refused(Refusal::Later(view)) => Some(view),
        _ => None,
    }
}

/// How many chains each member is an entry of.
fn summary(view: &View) -> String {
    let mut text = format!("epoch {}", view.epoch());
    for (at, member) in view.members().iter().enumerate() {
        let is_own = |slot: &HashSlot| {
            view.chain(*slot)
                .entries
                .iter()
                .any(|entry| entry.member.index() == at && entry.boot == member.boot)
        };
        let count = HashSlot::all().filter(is_own).count();
        write!(text, ", {} {count}", member.name).expect("a String takes all");
    }
    text
}
