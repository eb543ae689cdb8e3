//! Where the commands of a page run: a directory, ports that are free, a cluster, and the servers that the page starts.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const RINGMASTER: &str = env!("CARGO_BIN_EXE_ringmaster");

/// The ports that the pages name; each stands for a free one. The first is the cluster's.
const PORTS: [&str; 8] = ["6379", "7001", "7002", "7003", "7004", "7005", "7006", "22121"];

/// Longest that a server of a page takes to listen, and a command to end.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Shell {
    directory: TempDir,
    ports: Vec<u16>,
    /// Killed at the end.
    running: Vec<Child>,
}

impl Shell {
    /// A directory with nothing in it, beside a cluster that serves.
    pub(crate) fn start() -> Self {
        let sockets: Vec<TcpListener> =
            PORTS.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free")).collect();
        let ports = sockets.iter().map(|socket| socket.local_addr().expect("bound").port()).collect();
        drop(sockets);
        let directory = TempDir::new().expect("a directory can be made");
        let mut shell = Self { directory, ports, running: Vec::new() };
        shell.add_programs();
        let mut up = Command::new(RINGMASTER)
            .args(["up", "--port", &shell.ports[0].to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let output = up.stdout.take().expect("piped");
        shell.running.push(up);
        let is_up =
            BufReader::new(output).lines().any(|line| line.expect("it prints text").starts_with("Ctrl-C"));
        assert!(is_up, "the cluster is up");
        shell
    }

    /// Puts the cluster's programs on the path, and a redis-cli that takes the page's port for 6379.
    fn add_programs(&self) {
        let bin = self.directory.path().join("bin");
        fs::create_dir(&bin).expect("a directory can be made");
        let path = std::env::var("PATH").unwrap_or_default();
        let script = |name: &str, program: &str, more: &str| {
            let file = bin.join(name);
            let text = format!("#!/bin/sh\nPATH='{path}' exec {program} {more}\"$@\"\n");
            fs::write(&file, text).expect("a file can be written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it is ours");
        };
        script("redis-cli", "redis-cli", &format!("-p {} ", self.ports[0]));
        script("ringmaster", RINGMASTER, "");
        fs::create_dir(self.directory.path().join("work")).expect("a directory can be made");
    }

    /// A command with this run's ports.
    fn command(&self, text: &str) -> Command {
        let text = PORTS
            .iter()
            .zip(&self.ports)
            .fold(text.to_owned(), |text, (named, port)| text.replace(named, &port.to_string()));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &text]).current_dir(self.directory.path().join("work"));
        command.env("PATH", format!("{}:{path}", self.directory.path().join("bin").display()));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; what it shows, with the page's ports.
    pub(crate) fn run(&self, text: &str) -> String {
        let file = self.directory.path().join("output");
        let output = File::create(&file).expect("a file can be made");
        let errors = output.try_clone().expect("it can be shared");
        let mut child = self.command(text).stdout(output).stderr(errors).spawn().expect("bash runs");
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().expect("it is ours") {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    panic!("it does not end: $ {text}\n{}", shown(&file));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let shown = shown(&file);
        assert!(status.success(), "{status}: $ {text}\n{shown}");
        PORTS
            .iter()
            .zip(&self.ports)
            .fold(shown, |shown, (named, port)| shown.replace(&port.to_string(), named))
    }

    /// Starts a server, and waits until it listens on the first port that it is told.
    pub(crate) fn serve(&mut self, text: &str) {
        let mut command = self.command(&format!("exec {text}"));
        let child = command.stdout(Stdio::null()).spawn().expect("bash runs");
        self.running.push(child);
        let (named, port) = PORTS
            .iter()
            .zip(&self.ports)
            .filter(|(named, _)| text.contains(**named))
            .min_by_key(|(named, _)| text.find(**named))
            .unwrap_or_else(|| panic!("a server is told its port: {text}"));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", *port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "nobody listens on {named}: {text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn shown(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

impl Drop for Shell {
    fn drop(&mut self) {
        for child in &mut self.running {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
