//! One connection of the generator: bytes out, reply frames in, and the times of what is in flight.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd, BorrowedFd},
};

use ringmaster_protocol::resp::scan::Scanner;

use super::{
    clock::Nanos,
    dial::{Dial, Wire},
};

/// First size of the input buffer; it doubles when a reply does not fit.
const INPUT_BYTES: usize = 32 << 10;

/// A reply as the generator sees it.
pub(super) struct Reply<'a> {
    /// When its request was to be sent.
    pub(super) intended: Nanos,
    /// The frame.
    pub(super) bytes: &'a [u8],
}

/// A connection that never blocks.
pub(super) struct Link {
    stream: Wire,
    out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    /// Bytes of `input` that were read and not yet handed on.
    filled: usize,
    scanner: Scanner,
    in_flight: VecDeque<Nanos>,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// As [`Dial::open`].
    pub(super) fn connect(dial: &Dial) -> io::Result<Link> {
        let stream = dial.open()?;
        stream.socket().set_nonblocking(true)?;
        Ok(Link {
            stream,
            out: Vec::new(),
            written: 0,
            input: vec![0; INPUT_BYTES],
            filled: 0,
            scanner: Scanner::default(),
            in_flight: VecDeque::new(),
        })
    }

    /// Where to append a request; it was to be sent at `intended`.
    pub(super) fn request(&mut self, intended: Nanos) -> &mut Vec<u8> {
        self.in_flight.push_back(intended);
        &mut self.out
    }

    /// Requests without a reply, with their intended times, oldest first.
    pub(super) fn in_flight(&self) -> &VecDeque<Nanos> {
        &self.in_flight
    }

    /// Writes what can be written now. True when some is left: wait for room.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        match self.stream.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            flushed => flushed.map(|()| false),
        }
    }

    /// Reads once. True when there may be more: the buffer was filled, or TLS may hold some back.
    ///
    /// # Errors
    /// The connection is lost or closed.
    pub(super) fn read(&mut self) -> io::Result<bool> {
        if self.filled == self.input.len() {
            self.input.resize(self.input.len() * 2, 0);
        }
        match self.stream.read(&mut self.input[self.filled..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.filled += count;
                Ok(self.filled == self.input.len() || self.stream.holds_back())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Hands on every whole reply that was read.
    ///
    /// # Errors
    /// The stream is not RESP, or answers what was not asked.
    pub(super) fn replies(&mut self, mut each: impl FnMut(Reply<'_>)) -> io::Result<()> {
        let mut start = 0;
        let broken = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
        while let Some(len) =
            self.scanner.frame(&self.input[start..self.filled]).map_err(|error| broken(error.to_string()))?
        {
            let intended = self.in_flight.pop_front();
            let intended = intended.ok_or_else(|| broken("a reply that no request asked for".into()))?;
            each(Reply { intended, bytes: &self.input[start..start + len] });
            start += len;
        }
        self.input.copy_within(start..self.filled, 0);
        self.filled -= start;
        Ok(())
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn pair() -> (Link, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Link::connect(&Dial::plain(listener.local_addr().unwrap())).unwrap();
        (link, listener.accept().unwrap().0)
    }

    /// Reads until `count` replies came: their intended times and bytes.
    fn receive(link: &mut Link, count: usize) -> Vec<(Nanos, Vec<u8>)> {
        let mut got = Vec::new();
        while got.len() < count {
            link.read().unwrap();
            link.replies(|reply| got.push((reply.intended, reply.bytes.to_vec()))).unwrap();
        }
        got
    }

    #[test]
    fn a_reply_in_pieces_answers_the_oldest_request() {
        let (mut link, mut peer) = pair();
        link.request(5).extend_from_slice(b"a");
        link.request(6).extend_from_slice(b"b");
        assert!(!link.flush().unwrap());
        peer.write_all(b"$3\r\nab").unwrap();
        link.read().unwrap();
        link.replies(|_| panic!("half a reply")).unwrap();
        peer.write_all(b"c\r\n+OK\r\n").unwrap();
        assert_eq!(receive(&mut link, 2), [(5, b"$3\r\nabc\r\n".to_vec()), (6, b"+OK\r\n".to_vec())]);
    }

    #[test]
    fn a_reply_larger_than_the_buffer_fits_in_the_end() {
        let (mut link, mut peer) = pair();
        link.request(1).clear();
        let reply = format!("${}\r\n{}\r\n", 3 * INPUT_BYTES, "x".repeat(3 * INPUT_BYTES)).into_bytes();
        let sent = reply.clone();
        let writer = std::thread::spawn(move || peer.write_all(&sent).unwrap());
        assert_eq!(receive(&mut link, 1), [(1, reply)]);
        writer.join().unwrap();
    }

    #[test]
    fn a_reply_that_nobody_asked_for_is_an_error() {
        let (mut link, mut peer) = pair();
        peer.write_all(b"+OK\r\n").unwrap();
        while link.filled == 0 {
            link.read().unwrap();
        }
        assert!(link.replies(|_| {}).is_err());
    }
}
