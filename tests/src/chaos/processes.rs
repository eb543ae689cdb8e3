//! Nodes and proxies as processes.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringmaster_protocol::register::{Answer, Refusal};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::View;
use tempfile::TempDir;

use super::members::pulse_of;
use crate::peer::free_port;
use crate::wire::Wire;

/// Longest wait for something that must come; a test that meets it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Three nodes, two proxies, two copies of each slot.
pub struct Processes {
    program: PathBuf,
    directory: TempDir,
    node_ports: Vec<u16>,
    nodes: Vec<Option<Process>>,
    proxies: Vec<(SocketAddr, Process)>,
    replicas: usize,
    /// What each node is told when it starts.
    node_words: Vec<String>,
}

impl Processes {
    /// Starts `nodes` nodes and `proxies` proxies with this many copies, and waits until they serve. `program` is the
    /// binary `member`.
    ///
    /// # Panics
    /// If they do not.
    #[must_use]
    pub fn start(program: &str, (nodes, proxies): (usize, usize), replicas: usize) -> Self {
        Self::start_with(program, (nodes, proxies), replicas, &[])
    }

    /// As [`Processes::start`]; each node is told these words, too: see the binary `member`.
    ///
    /// # Panics
    /// If they do not serve.
    #[must_use]
    pub fn start_with(
        program: &str,
        (nodes, proxies): (usize, usize),
        replicas: usize,
        node_words: &[&str],
    ) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let mut all = Self {
            program: program.into(),
            directory,
            node_ports: Vec::new(),
            nodes: Vec::new(),
            proxies: Vec::new(),
            replicas,
            node_words: node_words.iter().map(|word| (*word).to_owned()).collect(),
        };
        (0..nodes).for_each(|_| all.add_node());
        all.write_file();
        for _ in 0..proxies {
            let port = free_port();
            let file = all.file();
            let process = all.spawn(&["proxy", &port.to_string(), &file.display().to_string()]);
            all.proxies.push((SocketAddr::from((Ipv4Addr::LOCALHOST, port)), process));
        }
        all.await_service();
        all
    }

    /// Starts one more node, which no cluster.yaml names yet.
    pub fn add_node(&mut self) {
        let port = free_port();
        let process = self.spawn_node(port);
        self.node_ports.push(port);
        self.nodes.push(Some(process));
    }

    /// Writes cluster.yaml with all nodes.
    ///
    /// # Panics
    /// If it cannot.
    pub fn write_file(&self) {
        let mut text = format!("cluster: chaos\nreplicas: {}\nnodes:\n", self.replicas);
        for (index, port) in self.node_ports.iter().enumerate() {
            writeln!(text, "  - {{name: node-{index}, address: \"127.0.0.1:{port}\"}}")
                .expect("a String takes all");
        }
        let aside = self.directory.path().join("cluster.yaml.new");
        std::fs::write(&aside, text).expect("a file can be written");
        std::fs::rename(&aside, self.file()).expect("a file can be renamed");
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

    /// Starts a node again at its address; with what it has kept, if it was told to keep anything.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node] = Some(self.spawn_node(self.node_ports[node]));
    }

    /// Stops a process without ending it, as SIGSTOP does, or lets it go on.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn pause(&self, node: usize, stop: bool) {
        let id = self.nodes[node].as_ref().expect("the node runs").0.id().to_string();
        let signal = if stop { "-STOP" } else { "-CONT" };
        let done = Command::new("kill").args([signal, &id]).status().expect("kill is there");
        assert!(done.success());
    }

    /// Waits until every proxy serves a write and a read of every part of the keys.
    ///
    /// # Panics
    /// If that does not come within a minute.
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

    /// Waits until every slot has as many in-sync members as it should.
    ///
    /// # Panics
    /// If that does not come within a minute.
    pub fn await_redundancy(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let view = self.view();
            let is_whole = |slot| view.as_ref().is_some_and(|view| view.chain(slot).in_sync == self.replicas);
            let lacking = HashSlot::all().filter(|slot| !is_whole(*slot)).count();
            // A node that holds nothing is still to get its share.
            let entries = |slot| view.iter().flat_map(move |view| view.chain(slot).entries.iter());
            let holders: HashSet<_> = HashSlot::all().flat_map(entries).map(|entry| entry.member).collect();
            if lacking == 0 && holders.len() == self.nodes.len() {
                return;
            }
            let told = view.as_ref().map(|view| summary(view)).unwrap_or_default();
            assert!(Instant::now() < until, "{lacking} slots lack a copy: {told}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
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
