//! A redis-server for a test.

use std::{
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use ringmaster_client::{Client, Options};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Longest wait for what happens by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of its own for a test; killed when dropped.
pub(crate) struct Redis {
    _process: Child,
    directory: TempDir,
    /// `host:port`.
    pub(crate) address: String,
}

impl Redis {
    /// Starts one on a free port; `None`, and says so, where no redis-server is installed.
    pub(crate) fn start() -> Option<Redis> {
        Redis::start_in(tempfile::tempdir().expect("a directory"), "--port", &[])
    }

    /// As [`Redis::start`], in a directory that holds what its `arguments` name; `port` is the name of the argument
    /// for its port.
    pub(crate) fn start_in(directory: TempDir, port: &str, arguments: &[&str]) -> Option<Redis> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", port, &free.to_string()])
            .args(arguments)
            .current_dir(&directory)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        if process.is_err() {
            eprintln!("skipped: no redis-server on this machine");
        }
        let address = format!("127.0.0.1:{free}");
        process.ok().map(|process| Redis { _process: process, directory, address })
    }

    /// Where it runs.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Connects as soon as it listens.
    pub(crate) async fn client(&self, options: Options) -> Client {
        connect(&self.address, options).await
    }
}

/// Connects to `address` as soon as somebody listens there.
pub(crate) async fn connect(address: &str, options: Options) -> Client {
    let start = Instant::now();
    loop {
        match Client::connect_with(address, options.clone()).await {
            Ok(client) => return client,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
        pause().await;
    }
}

/// Waits until `holds`.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "{what} did not come true");
        pause().await;
    }
}

/// Between two looks.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
