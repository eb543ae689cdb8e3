//! Nodes that do what a test tells them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::request::{RequestLimits, Resume, Step, parse};

use crate::client::Peer;

/// A node whose every byte is the test's.
pub(crate) struct ScriptedNode(TcpListener);

impl ScriptedNode {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// The listener, for [`serve_on`].
    pub(crate) fn into_listener(self) -> TcpListener {
        self.0
    }

    /// The next connection, not set up yet.
    pub(crate) fn accept_raw(&self) -> Peer {
        Peer::new(self.0.accept().unwrap().0)
    }

    /// Fails if a connection waits to be accepted.
    pub(crate) fn expect_nobody(&self) {
        self.0.set_nonblocking(true).unwrap();
        assert!(self.0.accept().is_err());
        self.0.set_nonblocking(false).unwrap();
    }

    /// The next connection, set up for database 0 and RESP2.
    pub(crate) fn accept(&self) -> Peer {
        let mut peer = self.accept_raw();
        peer.expect(b"*1\r\n$4\r\nPING\r\n");
        peer.send(b"+PONG\r\n");
        peer
    }
}

/// Answers one request with the bytes of its reply; none closes the connection.
pub(crate) type Handler = dyn Fn(&[&[u8]]) -> Option<Vec<u8>> + Send + Sync;

/// A node that answers every connection by a function. It runs until the test process ends.
pub(crate) fn serve(handler: impl Fn(&[&[u8]]) -> Option<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    serve_on(listener, handler);
    address
}

/// As [`serve`], on a listener of the test's.
pub(crate) fn serve_on(
    listener: TcpListener,
    handler: impl Fn(&[&[u8]]) -> Option<Vec<u8>> + Send + Sync + 'static,
) {
    let handler: Arc<Handler> = Arc::new(handler);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handler = Arc::clone(&handler);
            thread::spawn(move || answer_all(stream, &*handler));
        }
    });
}

fn answer_all(stream: TcpStream, handler: &Handler) {
    let (mut input, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    let mut resume = Resume::default();
    let (mut reader, mut writer) = (stream.try_clone().unwrap(), stream);
    loop {
        let (mut at, mut spans, mut replies) = (0, Vec::new(), Vec::new());
        while let Step::Command { end } =
            parse(&input, at, &mut spans, &mut resume, &RequestLimits::default()).expect("a sound request")
        {
            let args: Vec<&[u8]> = Args::new(&input, &spans).iter().collect();
            let reply = match args[0] {
                b"PING" => Some(b"+PONG\r\n".to_vec()),
                b"SELECT" => Some(b"+OK\r\n".to_vec()),
                b"HELLO" => Some(b"%1\r\n+proto\r\n:3\r\n".to_vec()),
                _ => handler(&args),
            };
            let Some(reply) = reply else { return };
            replies.extend(reply);
            at = end;
            spans.clear();
        }
        input.drain(..at);
        if std::io::Write::write_all(&mut writer, &replies).is_err() {
            return;
        }
        match std::io::Read::read(&mut reader, &mut chunk) {
            Ok(count) if count > 0 => input.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
}

/// A node that answers each command with its own name and the command's last word: `a:key`.
pub(crate) fn named(name: &'static str) -> SocketAddr {
    serve(move |args| {
        let last = String::from_utf8_lossy(args[args.len() - 1]);
        Some(format!("+{name}:{last}\r\n").into_bytes())
    })
}
