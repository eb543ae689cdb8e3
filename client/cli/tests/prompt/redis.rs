//! A redis-server of its own for a test.

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Killed when dropped.
pub(crate) struct Redis {
    process: Child,
    _directory: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Redis {
    /// `None` where Redis is not installed; says so.
    pub(crate) fn start() -> Option<Redis> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let directory = tempfile::tempdir().expect("a directory");
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes"])
            .args(["--port", &port.to_string()])
            .current_dir(&directory)
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            eprintln!("skipped: no redis-server on this machine");
            return None;
        };
        let redis = Redis { process, _directory: directory, port };
        redis.wait_until_it_listens();
        Some(redis)
    }

    fn wait_until_it_listens(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
