//! Nodes that do what a test tells them.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::request::{RequestLimits, Resume, Step, parse};

use crate::client::Peer;

/// Longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node whose every byte is the test's.
pub(crate) struct ScriptedNode {
    listener: TcpListener,
    /// Connections over which nothing has come yet.
    silent: RefCell<Vec<TcpStream>>,
}

impl ScriptedNode {
    pub(crate) fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap(), silent: RefCell::default() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The listener, for [`serve_on`].
    pub(crate) fn into_listener(self) -> TcpListener {
        self.listener
    }

    /// The next connection for commands, not set up yet.
    pub(crate) fn accept_raw(&self) -> Peer {
        let begin = Instant::now();
        loop {
            if let Some(stream) = self.look() {
                return Peer::new(stream);
            }
            assert!(begin.elapsed() < PATIENCE, "nobody connects");
            thread::yield_now();
        }
    }

    /// Fails if a connection for commands waits to be accepted.
    pub(crate) fn expect_nobody(&self) {
        assert!(self.look().is_none());
    }

    /// A connection over which commands come, if there is one. A proxy also asks over one of its own whether the node has a
    /// view; a scripted node knows nothing of views, and closes it.
    fn look(&self) -> Option<TcpStream> {
        self.listener.set_nonblocking(true).unwrap();
        let mut silent = self.silent.borrow_mut();
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).unwrap();
            silent.push(stream);
        }
        self.listener.set_nonblocking(false).unwrap();
        silent.retain(|stream| front(stream) != Front::AsksForViews);
        let at = silent.iter().position(|stream| front(stream) == Front::Command)?;
        let stream = silent.remove(at);
        stream.set_nonblocking(false).unwrap();
        Some(stream)
    }

    /// The next connection, set up for database 0 and RESP2.
    pub(crate) fn accept(&self) -> Peer {
        let mut peer = self.accept_raw();
        peer.expect(b"*1\r\n$4\r\nPING\r\n");
        peer.send(b"+PONG\r\n");
        peer
    }
}

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Front {
    Nothing,
    Command,
    /// Or it was closed already.
    AsksForViews,
}

fn front(stream: &TcpStream) -> Front {
    let (beat, mut front) = (b"*2\r\n$7\r\nRM.BEAT", [0; 15]);
    match stream.peek(&mut front) {
        Ok(0) => Front::AsksForViews,
        Ok(count) if !beat.starts_with(&front[..count]) => Front::Command,
        Ok(count) if count == front.len() => Front::AsksForViews,
        Ok(_) | Err(_) => Front::Nothing,
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
                b"RM.BEAT" => Some(b"-ERR unknown command\r\n".to_vec()),
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
