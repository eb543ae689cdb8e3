//! A real redis-server beside ours.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::wire::Wire;

/// Longest wait until a started server listens.
const START: Duration = Duration::from_secs(20);

/// Times that a port which somebody else took first is given up for another.
const ATTEMPTS: usize = 10;

/// A redis-server on a free port of 127.0.0.1; ended, by its id, when dropped.
pub struct RedisServer {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl RedisServer {
    /// Starts one; `None`, said loudly, where redis-server is not installed.
    ///
    /// # Panics
    /// If it is installed and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        for _ in 0..ATTEMPTS {
            let directory = TempDir::new().expect("a temporary directory can be made");
            let port = free_port();
            let started = Command::new("redis-server")
                .args([
                    "--port",
                    &port.to_string(),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                ])
                .current_dir(directory.path())
                .stdout(Stdio::null())
                .spawn();
            let Ok(child) = started else {
                eprintln!("SKIPPED: redis-server is not installed; scripts/test.sh installs it");
                return None;
            };
            let server = Self { child, address: (Ipv4Addr::LOCALHOST, port).into(), _directory: directory };
            if let Some(server) = server.ready() {
                return Some(server);
            }
        }
        panic!("redis-server does not start");
    }

    /// The server once it listens; `None` if another process took its port first.
    fn ready(mut self) -> Option<Self> {
        let begin = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if self.child.try_wait().ok().flatten().is_some() {
                return None;
            }
            assert!(begin.elapsed() < START, "redis-server does not listen");
            std::thread::yield_now();
        }
        let info = Wire::connect(self.address).ask("INFO server");
        info.contains(&format!("process_id:{}\\r", self.child.id())).then_some(self)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that was free a moment ago.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}
