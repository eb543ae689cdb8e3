//! A node or a proxy as a process of its own (`src/bin/member.rs`), with what it logs.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running process; ended when dropped.
pub struct Process {
    child: Child,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where its admin port is.
    pub admin: SocketAddr,
    /// The file of its log.
    pub log: PathBuf,
}

impl Process {
    /// Starts `program`, which tests know as `CARGO_BIN_EXE_member`; it serves when this returns.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(program: &str, words: &[&str], log: PathBuf) -> Self {
        let mut child = Command::new(program)
            .args(words)
            .env("RINGMASTER_LOG", "info")
            .env("RINGMASTER_LOG_FORMAT", "json")
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a file for its log"))
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut told = || {
            let line = lines.next().expect("a line").expect("text");
            line.rsplit(' ').next().and_then(|address| address.parse().ok()).expect("an address")
        };
        let (address, admin) = (told(), told());
        Self { child, address, admin, log }
    }

    /// The lines of its log, each an object.
    ///
    /// # Panics
    /// If one is none.
    #[must_use]
    pub fn logged(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(&self.log).expect("its log");
        let whole = text.lines().filter(|line| line.ends_with('}'));
        whole.map(|line| serde_json::from_str(line).expect("an object of JSON")).collect()
    }

    /// Whether it runs.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("the system says").is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is ours, and nothing is lost with it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
