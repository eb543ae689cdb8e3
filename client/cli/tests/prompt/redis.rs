//! A redis-server of its own for a test.

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Killed when dropped.
pub(crate) struct Redis {
    process: Child,
    directory: TempDir,
    pub(crate) port: u16,
}

impl Redis {
    /// `None` where Redis is not installed; says so.
    pub(crate) fn start() -> Option<Redis> {
        Redis::start_in(tempfile::tempdir().expect("a directory"), "--port", &[])
    }

    /// As [`Redis::start`], in a directory that holds what its `arguments` name; `port` is the name of the argument
    /// for its port.
    pub(crate) fn start_in(directory: TempDir, port_name: &str, arguments: &[&str]) -> Option<Redis> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes"])
            .args([port_name, &port.to_string()])
            .args(arguments)
            .current_dir(&directory)
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            eprintln!("skipped: no redis-server on this machine");
            return None;
        };
        let redis = Redis { process, directory, port };
        redis.wait_until_it_listens();
        Some(redis)
    }

    /// The path of a file where it runs.
    pub(crate) fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
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
