//! A blocking client that speaks RESP2.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The client.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a command.
    pub(crate) fn send(&mut self, words: &[&str]) -> io::Result<()> {
        let mut request = format!("*{}\r\n", words.len());
        words.iter().for_each(|word| request.push_str(&format!("${}\r\n{word}\r\n", word.len())));
        self.0.get_mut().write_all(request.as_bytes())
    }

    /// The reply as one text: elements in brackets.
    pub(crate) fn try_call(&mut self, words: &[&str]) -> io::Result<String> {
        self.send(words)?;
        self.reply()
    }

    /// As [`Client::try_call`], of words that stand apart by spaces.
    pub(crate) fn call(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        self.try_call(&words).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let len = || line[1..].parse::<usize>().ok();
        match (line.as_bytes()[0], len()) {
            (b'$', Some(len)) => {
                let mut bytes = vec![0; len + 2];
                self.0.read_exact(&mut bytes)?;
                Ok(bytes[..len].escape_ascii().to_string())
            }
            (b'*', Some(len)) => {
                let parts: Vec<String> = (0..len).map(|_| self.reply()).collect::<io::Result<_>>()?;
                Ok(format!("[{}]", parts.join(" ")))
            }
            _ => Ok(line.to_owned()),
        }
    }
}
