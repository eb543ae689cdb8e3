//! A real redis-server on a free port of the loopback, for as long as the value lives.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest time that the server may take to start, and longest wait for a reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// The running server; it is ended with the value.
#[derive(Debug)]
pub(crate) struct Redis {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl Redis {
    /// Starts a server of release `7.0`, which the texts are compared with. `None`, and a loud word, if there is none.
    pub(crate) fn start() -> Option<Self> {
        let version = Command::new("redis-server").arg("--version").output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        if !version.as_ref().is_ok_and(|text| text.contains("v=7.0.")) {
            eprintln!("SKIPPED: nothing was compared, redis-server 7.0 is not installed ({version:?})");
            return None;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("the port's number").port();
        drop(listener);
        let directory = TempDir::new().expect("a temporary directory");
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.current_dir(directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("redis-server starts");
        let redis = Self { child, port, _directory: directory };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server did not start in time");
            std::thread::yield_now();
        }
        Some(redis)
    }

    /// Sends `request` at once and reads until the server closes; the last command is to make it close.
    pub(crate) fn conversation(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream.write_all(request).expect("the server reads");
        let mut replies = Vec::new();
        stream.read_to_end(&mut replies).expect("the server answers and closes");
        replies
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing more to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
