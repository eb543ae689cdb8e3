//! A peer that says exactly what the test tells it to.

use ringmaster_client::{Client, Options};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A server on a free port of loopback.
pub(crate) struct Peer {
    listener: TcpListener,
}

/// One connection, seen from the server.
pub(crate) struct Socket {
    stream: TcpStream,
}

impl Peer {
    pub(crate) async fn listen() -> Peer {
        Peer { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port") }
    }

    pub(crate) fn address(&self) -> String {
        self.listener.local_addr().expect("bound").to_string()
    }

    pub(crate) async fn accept(&self) -> Socket {
        Socket { stream: self.listener.accept().await.expect("a connection").0 }
    }

    /// A client without a handshake, and the server's side of its connection.
    pub(crate) async fn meet(&self, options: Options) -> (Client, Socket) {
        let (client, socket) = tokio::join!(Client::connect_with(self.address(), options), self.accept());
        (client.expect("connected"), socket)
    }
}

impl Socket {
    /// Reads as many bytes as `bytes` has; they must be those.
    pub(crate) async fn expect(&mut self, bytes: &str) {
        let mut read = vec![0; bytes.len()];
        self.read(&mut read).await;
        assert_eq!(String::from_utf8_lossy(&read), bytes);
    }

    /// Fills `bytes`.
    pub(crate) async fn read(&mut self, bytes: &mut [u8]) {
        self.stream.read_exact(bytes).await.expect("the bytes");
    }

    /// Fills `bytes`; false when the client has closed.
    pub(crate) async fn reads(&mut self, bytes: &mut [u8]) -> bool {
        self.stream.read_exact(bytes).await.is_ok()
    }

    /// Reads and forgets.
    pub(crate) async fn skip(&mut self, count: usize) {
        self.read(&mut vec![0; count]).await;
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("sent");
    }

    /// Waits until the client has closed its side.
    pub(crate) async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}
