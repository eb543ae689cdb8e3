//! A few requests and replies before a connection is used for anything else.

use std::io;

use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_runtime::stream::Stream;

use super::DialError;

/// Most bytes of the replies (`HELLO` answers a map).
const REPLY_BYTES_MAX: usize = 64 << 10;

/// What is said on a connection before it is used.
pub(crate) struct Talk<'a> {
    stream: &'a Stream,
    input: Vec<u8>,
    /// Where the next reply begins in `input`.
    at: usize,
    scanner: Scanner,
}

impl<'a> Talk<'a> {
    /// On a connection on which no reply is awaited.
    pub(crate) fn new(stream: &'a Stream) -> Self {
        Self { stream, input: Vec::new(), at: 0, scanner: Scanner::default() }
    }

    /// Sends requests.
    pub(crate) async fn send(&self, mut bytes: &[u8]) -> Result<(), DialError> {
        loop {
            let outcome = if bytes.is_empty() {
                self.stream.try_flush().map(|()| 0)
            } else {
                self.stream.try_write(bytes)
            };
            match outcome {
                Ok(_) if bytes.is_empty() => return Ok(()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next reply, whole.
    pub(crate) async fn reply(&mut self) -> Result<&[u8], DialError> {
        loop {
            if let Some(len) = self.scanner.frame(&self.input[self.at..])? {
                let start = self.at;
                self.at += len;
                return Ok(&self.input[start..self.at]);
            }
            if self.input.len() > REPLY_BYTES_MAX {
                return Err(DialError::TooLarge(REPLY_BYTES_MAX));
            }
            self.stream.readable().await?;
            match self.stream.try_read_buf(&mut self.input) {
                Ok(0) => return Err(DialError::Closed),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// Reads the next reply, which must be no error.
    pub(crate) async fn good_reply(&mut self) -> Result<(), DialError> {
        let reply = self.reply().await?;
        match reply.strip_prefix(b"-") {
            None => Ok(()),
            Some(text) => Err(refused(text)),
        }
    }

    /// Nothing more is awaited.
    pub(crate) fn end(self) -> Result<(), DialError> {
        if self.at == self.input.len() { Ok(()) } else { Err(DialError::Unasked) }
    }
}

/// An error reply, with what to do about it where it is known.
fn refused(text: &[u8]) -> DialError {
    let text = String::from_utf8_lossy(text.trim_ascii()).into_owned();
    let wants_proof = text.starts_with("NOAUTH Authentication");
    let hint =
        if wants_proof { "; give the proxies the node's secret: `secret_file` in cluster.yaml" } else { "" };
    DialError::Refused(format!("{text}{hint}"))
}
