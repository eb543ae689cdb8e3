//! The client's side of a connection to the proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Longest that a test waits for bytes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A connected client, or a node's side of a connection: a stream with expectations.
pub(crate) struct Peer(TcpStream);

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("a listening proxy"))
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads exactly as many bytes as `expected` has, and compares.
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let read = self.read(expected.len());
        assert_eq!(read.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    pub(crate) fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let mut filled = 0;
        while filled < count {
            match self.0.read(&mut bytes[filled..]) {
                Ok(0) => panic!("closed after {:?}", bytes[..filled].escape_ascii().to_string()),
                Ok(more) => filled += more,
                Err(error) => panic!("{error} after {:?}", bytes[..filled].escape_ascii().to_string()),
            }
        }
        bytes
    }

    /// Reads one line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.read(1));
        }
        String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
    }

    /// Reads up to and with `end`.
    pub(crate) fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end) {
            bytes.extend(self.read(1));
        }
        bytes
    }

    /// Sends an inline command and reads a reply of one line.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n"));
        self.line()
    }

    /// Reads up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset is an end too: the proxy closed with bytes of ours unread.
        let _ = self.0.read_to_end(&mut bytes);
        bytes
    }

    /// Whether bytes have come that were not read.
    pub(crate) fn has_bytes(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let seen = self.0.peek(&mut [0]).is_ok();
        self.0.set_nonblocking(false).unwrap();
        seen
    }

    /// Reads up to the end of the stream, which must not be a reset.
    pub(crate) fn rest_without_reset(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Sends, and says whether the connection took it.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Shuts down the sending half.
    pub(crate) fn finish(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }
}

/// A request of these words.
pub(crate) fn request(words: &[&str]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| request.push_str(&format!("${}\r\n{word}\r\n", word.len())));
    request.into_bytes()
}
