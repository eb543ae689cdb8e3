//! A connection to one node: a question, its answer, then the next.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::cluster_file::NodeAddress;
use ringmaster_protocol::extension::{Ask, Attach, Say, put_ask, put_attach, put_request};
use ringmaster_protocol::heartbeat::{Beat, HEARTBEAT_BYTES_MAX, Pulse};
use ringmaster_protocol::register::{Answer, Request};
use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_protocol::secret::{Asked, Secrets, put_nonce, put_proofs};
use ringmaster_protocol::view::{ClusterId, Epoch};
use ringmaster_runtime::tls::TlsClient;

/// Longest wait for a node.
const PATIENCE: Duration = Duration::from_secs(2);

/// The secrets of the cluster that this process speaks with.
static SECRETS: OnceLock<Secrets> = OnceLock::new();

/// A connection to a node.
pub(super) struct Link(Box<dyn Wire>);

/// What bytes go over.
trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// TLS to the nodes of the cluster that this process speaks with, and the name in their certificates if they share one.
static TLS: OnceLock<(TlsClient, Option<String>)> = OnceLock::new();

fn strange() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is no Ringmaster node of this release")
}

/// An error reply as an error.
fn refusal(reply: &[u8]) -> io::Error {
    io::Error::other(String::from_utf8_lossy(reply).trim().trim_start_matches('-').to_owned())
}

/// Has every connection from now on prove to know these secrets. For the one who starts the process.
pub(super) fn know(secrets: Secrets) {
    // Set once: a process speaks with one cluster.
    let _ = SECRETS.set(secrets);
}

/// Has every connection from now on go over TLS. For the one who starts the process.
pub(super) fn encrypt(tls: TlsClient, name: Option<String>) {
    // Set once: a process speaks with one cluster.
    drop(TLS.set((tls, name)));
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// The name has no address, or nobody listens there.
    pub(super) fn open(address: &NodeAddress) -> io::Result<Self> {
        let host = address.host();
        let address = address.to_string().to_socket_addrs()?.next();
        let address =
            address.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "its name has no address"))?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut link = match TLS.get() {
            None => Self(Box::new(stream)),
            Some((tls, name)) => {
                let name = name.as_deref().unwrap_or(host);
                Self(Box::new(tls.connect_blocking(stream, name)?))
            }
        };
        if let Some(secrets) = SECRETS.get().filter(|secrets| !secrets.is_empty()) {
            link.prove(secrets)?;
        }
        Ok(link)
    }

    /// Proves to know the secret of the cluster, as a proxy does.
    fn prove(&mut self, secrets: &Secrets) -> io::Result<()> {
        let mut request = Vec::new();
        put_nonce(&mut request);
        let nonce = match Asked::parse(&self.call(&request)?) {
            Asked::Nonce(nonce) => nonce,
            Asked::Nothing => return Ok(()),
            Asked::Refused(text) => return Err(io::Error::other(text)),
        };
        request.clear();
        put_proofs(&mut request, secrets, &nonce);
        let reply = self.call(&request)?;
        if reply.starts_with(b"+") { Ok(()) } else { Err(refusal(&reply)) }
    }

    /// Asks how the node is, as one who knows no view: it tells its own.
    ///
    /// # Errors
    /// It does not answer, or is no node.
    pub(super) fn beat(&mut self) -> io::Result<Pulse> {
        let beat =
            Beat { cluster: ClusterId(0), epoch: Epoch(0), proxy: 0, post: Bytes::new(), full: Vec::new() };
        let mut message = Vec::new();
        beat.encode(&mut message);
        let answer = self.message(b"RM.BEAT", &message)?;
        Pulse::decode(&answer).map_err(|_| strange())
    }

    /// Asks the register.
    ///
    /// # Errors
    /// As [`Link::beat`].
    pub(super) fn register(&mut self, request: &Request) -> io::Result<Answer> {
        let mut message = Vec::new();
        request.encode(&mut message);
        let answer = self.message(b"RM.REGISTER", &message)?;
        Answer::decode(&answer).map_err(|_| strange())
    }

    /// Attaches the connection, so that questions about slots are answered.
    ///
    /// # Errors
    /// As [`Link::beat`], or the node refuses.
    pub(super) fn attach(&mut self, attach: &Attach) -> io::Result<()> {
        let mut request = Vec::new();
        put_attach(&mut request, attach);
        let reply = self.call(&request)?;
        if reply.starts_with(b"+") { Ok(()) } else { Err(refusal(&reply)) }
    }

    /// Asks about slots.
    ///
    /// # Errors
    /// As [`Link::beat`].
    pub(super) fn ask(&mut self, ask: &Ask) -> io::Result<Say> {
        let mut request = Vec::new();
        put_ask(&mut request, 1, ask);
        let frame = self.call(&request)?;
        let message = frame.strip_prefix(b"*2\r\n:1\r\n").and_then(blob).ok_or_else(strange)?;
        Say::decode(&message).map_err(|_| strange())
    }

    fn message(&mut self, name: &[u8], message: &[u8]) -> io::Result<Bytes> {
        let mut request = Vec::new();
        put_request(&mut request, &[name, message]);
        let frame = self.call(&request)?;
        blob(&frame).ok_or_else(|| if frame.starts_with(b"-NOAUTH") { refusal(&frame) } else { strange() })
    }

    fn call(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(request)?;
        read_frame(&mut *self.0)
    }
}

/// The bytes of a bulk string.
fn blob(frame: &[u8]) -> Option<Bytes> {
    let line = frame.iter().position(|byte| *byte == b'\n').filter(|_| frame.first() == Some(&b'$'))?;
    frame.get(line + 1..frame.len().checked_sub(2)?).map(Bytes::copy_from_slice)
}

fn read_frame(stream: &mut dyn Wire) -> io::Result<Vec<u8>> {
    let (mut scanner, mut input) = (Scanner::default(), Vec::new());
    loop {
        match scanner.frame(&input).map_err(io::Error::other)? {
            Some(len) => {
                input.truncate(len);
                return Ok(input);
            }
            None if input.len() > HEARTBEAT_BYTES_MAX => {
                return Err(io::Error::other("its answer does not end"));
            }
            None => {}
        }
        let mut chunk = [0; 64 << 10];
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => input.extend_from_slice(&chunk[..count]),
        }
    }
}
