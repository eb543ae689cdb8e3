//! A server that answers every `PING`, and counts them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Longest wait for what happens by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Gone, with all its connections, when it is dropped.
pub(crate) struct Pong {
    address: SocketAddr,
    answered: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Pong {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pong {
    /// On a free port.
    pub(crate) async fn start() -> Pong {
        Pong::start_at("127.0.0.1:0".parse().expect("an address")).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Pong {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let answered = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(serve(listener, Arc::clone(&answered)));
        Pong { address, answered, task }
    }

    /// Ends it, and waits until it is no more.
    pub(crate) async fn stop(mut self) -> SocketAddr {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.address
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many it has answered.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, answered: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&answered)));
    }
}

async fn answer(mut stream: TcpStream, answered: Arc<AtomicUsize>) {
    let mut ping = [0; super::PING.len()];
    while stream.read_exact(&mut ping).await.is_ok() {
        answered.fetch_add(1, Ordering::SeqCst);
        if stream.write_all(b"+PONG\r\n").await.is_err() {
            return;
        }
    }
}

/// Waits until `holds`.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "{what} did not come true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
