//! A real redis-server on a free port of the loopback, for as long as the value lives.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::scan::Scanner;

use tempfile::TempDir;

use super::{Words, words};

/// Longest time that the server may take to start, and longest wait for a reply.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ports that are tried: another process may take one between its choice and the server's start.
const STARTS_MAX: usize = 5;

/// The running server and one connection to it; it is ended with the value.
#[derive(Debug)]
pub(crate) struct Redis {
    child: Child,
    stream: TcpStream,
    input: Vec<u8>,
    directory: TempDir,
}

impl Redis {
    /// Starts a server of release 7.0, which the replies are compared with. `None`, and a loud word, if there is
    /// none.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts a server of release 7.0 with these variables in its environment.
    pub(crate) fn start_with(environment: &[(&str, &OsStr)]) -> Option<Self> {
        let version = Command::new("redis-server").arg("--version").output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        if !version.as_ref().is_ok_and(|text| text.contains("v=7.0.")) {
            eprintln!("SKIPPED: nothing was compared, redis-server 7.0 is not installed ({version:?})");
            return None;
        }
        let redis = (0..STARTS_MAX).find_map(|_| Self::try_start(environment));
        Some(redis.expect("redis-server starts on a free port"))
    }

    fn try_start(environment: &[(&str, &OsStr)]) -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("the port's number").port();
        drop(listener);
        let directory = TempDir::new().expect("a temporary directory");
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &port.to_string(), "--enable-debug-command", "yes"]);
        command.envs(environment.iter().copied());
        command.current_dir(directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("redis-server can be run");
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                return Self::connected(child, stream, directory);
            }
            std::thread::yield_now();
        }
        // It may have ended by itself, for want of the port; there is nothing more to do then.
        let _ = child.kill();
        let _ = child.wait();
        None
    }

    /// The server, if it is ours that answers.
    fn connected(child: Child, stream: TcpStream, directory: TempDir) -> Option<Self> {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream.set_nodelay(true).expect("no delay");
        let id = format!("process_id:{}\r\n", child.id());
        let mut redis = Self { child, stream, input: Vec::new(), directory };
        let answer = redis.call(&words("INFO server"));
        String::from_utf8_lossy(&answer).contains(&id).then_some(redis)
    }

    /// Empties the server and begins anew in `protocol`, in database 0.
    pub(crate) fn reset(&mut self, protocol: Protocol) {
        let hello = if protocol == Protocol::Resp3 { "HELLO 3" } else { "HELLO 2" };
        for line in ["FLUSHALL SYNC", "SELECT 0", hello] {
            let reply = self.call(&words(line));
            assert!(!reply.starts_with(b"-"), "{line}: {}", reply.escape_ascii());
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.stream.peer_addr().expect("the connection is open")
    }

    /// The file that `SAVE` writes and `DEBUG RELOAD` loads.
    pub(crate) fn dump_file(&self) -> std::path::PathBuf {
        self.directory.path().join("dump.rdb")
    }

    /// The reply to one command.
    pub(crate) fn call(&mut self, words: &Words) -> Vec<u8> {
        self.call_all(std::iter::once(words)).remove(0)
    }

    /// The replies to commands that are sent at once.
    pub(crate) fn call_all<'w>(&mut self, commands: impl Iterator<Item = &'w Words>) -> Vec<Vec<u8>> {
        let (mut request, mut count) = (Vec::new(), 0);
        for words in commands {
            count += 1;
            request.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
            for word in words {
                request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
                request.extend_from_slice(word);
                request.extend_from_slice(b"\r\n");
            }
        }
        self.stream.write_all(&request).expect("the server reads");
        (0..count).map(|_| self.reply()).collect()
    }

    fn reply(&mut self) -> Vec<u8> {
        let (mut scanner, mut chunk) = (Scanner::default(), [0; 1 << 16]);
        loop {
            if let Some(len) = scanner.frame(&self.input).expect("the server speaks RESP") {
                return self.input.drain(..len).collect();
            }
            let len = self.stream.read(&mut chunk).expect("the server answers in time");
            assert!(len > 0, "the server closed the connection");
            self.input.extend_from_slice(&chunk[..len]);
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing more to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
