//! A node in a process of its own, that can be killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// The process.
pub(crate) struct Process {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) fn start(directory: &Path, fsync: &str) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_ringmaster-node")), directory, fsync)
    }

    /// One whose files may not grow beyond `bytes`: as if the disk were full.
    pub(crate) fn start_with_files_of(bytes: u64, directory: &Path, fsync: &str) -> Self {
        let mut command = Command::new("sh");
        // Ignored, or it would end the process. The limit counts blocks of 512 bytes.
        let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$@\"", bytes / 512);
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_ringmaster-node")]);
        Self::start_by(command, directory, fsync)
    }

    fn start_by(mut command: Command, directory: &Path, fsync: &str) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--threads", "2", "--persistence", "wal", "--fsync", fsync]);
        command.arg("--data-dir").arg(directory).env("NO_COLOR", "1").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let ready = lines.find(|line| line.contains("node is ready")).expect("it starts");
        // Read on, so that it can write.
        thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
        let address = ready.split("address=").nth(1).unwrap().split(' ').next().unwrap();
        Self { child, address: address.parse().unwrap() }
    }

    /// Lets its files grow.
    pub(crate) fn make_room(&self) {
        let pid = self.child.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
        assert!(done.unwrap().success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
