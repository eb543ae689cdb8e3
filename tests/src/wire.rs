//! A raw connection: bytes sent as they are, replies taken frame by frame.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ringmaster_protocol::resp::scan::Scanner;

/// Longest wait for a reply; a test that meets it has failed.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Longest wait for a reply that is asked for again and again; a machine that is busy with other tests gets it whole.
const UNTIL: Duration = Duration::from_secs(60);

/// A blocking connection for tests.
pub struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
    scanner: Scanner,
}

impl Wire {
    /// Connects.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout can be set");
        stream.set_write_timeout(Some(TIMEOUT)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("the option can be set");
        Self { stream, input: Vec::new(), scanner: Scanner::default() }
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// If the peer is gone.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the peer takes the bytes");
    }

    /// Sends bytes; whether the peer took them does not matter.
    pub fn send_if_open(&mut self, bytes: &[u8]) {
        // A peer that has closed already is what such a test is about.
        drop(self.stream.write_all(bytes));
    }

    /// Sends a command as an array of bulk strings.
    pub fn command(&mut self, words: &[&[u8]]) {
        self.send(&encoded(words));
    }

    /// The next reply's bytes; `None` when the peer has closed.
    ///
    /// # Panics
    /// If the reply is broken, or none comes within 20 seconds.
    pub fn reply(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(len) = self.scanner.frame(&self.input).expect("a reply is RESP") {
                return Some(self.input.drain(..len).collect());
            }
            let mut chunk = [0; 64 << 10];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.input.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no reply within {TIMEOUT:?}: {error}"),
            }
        }
    }

    /// Sends words separated by spaces and returns the reply, escaped.
    ///
    /// # Panics
    /// If the peer closes instead.
    pub fn ask(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.command(&words);
        text(&self.reply().expect("the peer answers"))
    }

    /// Asks again and again until the reply is one that `holds`.
    ///
    /// # Panics
    /// If that takes a minute.
    #[track_caller]
    pub fn ask_until(&mut self, line: &str, holds: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        loop {
            let reply = self.ask(line);
            if holds(&reply) {
                return;
            }
            assert!(begun.elapsed() < UNTIL, "{line}: still {reply} after {UNTIL:?}");
            std::thread::yield_now();
        }
    }

    /// Whether the peer closes after what it has still to say.
    pub fn closes(&mut self) -> bool {
        while self.reply().is_some() {}
        true
    }

    /// The stream itself, to shut down one direction or set options.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// A command as an array of bulk strings.
#[must_use]
pub fn encoded(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Bytes as text, the unprintable escaped.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
}
