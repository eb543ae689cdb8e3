//! TLS over a socket: rustls keeps the keys and the records, this moves the bytes.
//!
//! ```text
//! try_write ─► writer ─► records ─► socket        what the socket does not take stays here, bounded: then nothing more is taken
//! try_read  ◄─ reader ◄─ records ◄─ socket
//! ```

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::task::{Context, Poll, ready};

use rustls::Connection;
use tokio::io::ReadBuf;

use super::socket::Socket;

/// Most bytes that TLS takes and has not written to the socket yet.
pub const UNSENT_BYTES_MAX: usize = 64 << 10;

/// Most bytes of a record.
const RECORD_BYTES: usize = 16 << 10;

/// A connection over TLS.
#[derive(Debug)]
pub struct TlsStream {
    socket: Socket,
    session: RefCell<Connection>,
    /// The socket has nothing more to read.
    is_at_end: Cell<bool>,
}

impl TlsStream {
    /// Shakes hands over `socket`. It takes as long as the peer lets it: give it a deadline.
    ///
    /// # Errors
    /// The peer is gone, does not speak TLS, or one side refuses the other; the peer was told so where it can be.
    pub async fn handshake(socket: Socket, session: impl Into<Connection>) -> io::Result<Self> {
        let mut session = session.into();
        session.set_buffer_limit(Some(UNSENT_BYTES_MAX));
        let stream = Self { socket, session: RefCell::new(session), is_at_end: Cell::new(false) };
        loop {
            poll_fn(|context| stream.poll_flush(context)).await?;
            if !stream.session.borrow().is_handshaking() {
                return Ok(stream);
            }
            if stream.is_at_end.get() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            stream.socket.readable().await?;
            match stream.take_records() {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    }

    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// What is known of the peer and of what was agreed upon.
    pub fn look<R>(&self, look: impl FnOnce(&Connection) -> R) -> R {
        look(&self.session.borrow())
    }

    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.borrow_mut().reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            self.take_records()?;
        }
    }

    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            // No more than a record at a time: what is not filled would be cleared each time for nothing.
            let room = buffer.remaining().min(RECORD_BYTES);
            match self.try_read(buffer.initialize_unfilled_to(room)) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(self.socket.poll_read_ready(context))?;
        }
    }

    /// Ready when there are bytes, the end, or an error to read, and not for a record that carries none.
    pub(super) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.is_at_end.get() || self.has_plaintext()? {
                return Poll::Ready(Ok(()));
            }
            ready!(self.socket.poll_read_ready(context))?;
            match self.take_records() {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                _ => {}
            }
        }
    }

    fn has_plaintext(&self) -> io::Result<bool> {
        let state = self.session.borrow_mut().process_new_packets().map_err(broken)?;
        Ok(state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    /// Reads once from the socket and decrypts what is whole.
    fn take_records(&self) -> io::Result<()> {
        let mut session = self.session.borrow_mut();
        if session.read_tls(&mut Tried(&self.socket))? == 0 {
            self.is_at_end.set(true);
        }
        let outcome = session.process_new_packets();
        // What has to be answered (a new key, an alert that says why it is over) goes as far as the socket takes it.
        let _ = send(&mut session, &self.socket);
        outcome.map(|_| ()).map_err(broken)
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.session.borrow_mut();
        let mut taken = session.writer().write(bytes)?;
        loop {
            match send(&mut session, &self.socket) {
                // What was taken is kept; who wrote it asks for it to be flushed.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => return Ok(taken),
                Err(error) => return Err(error),
                Ok(()) if taken > 0 || bytes.is_empty() => return Ok(taken),
                // There was no room before, and there is now.
                Ok(()) => taken = session.writer().write(bytes)?,
            }
        }
    }

    pub(super) fn try_flush(&self) -> io::Result<()> {
        send(&mut self.session.borrow_mut(), &self.socket)
    }

    pub(super) fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
            ready!(self.socket.poll_write_ready(context))?;
        }
    }

    pub(super) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.try_flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
            ready!(self.socket.poll_write_ready(context))?;
        }
    }

    /// Says that nothing more comes, behind all that was written.
    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Said once, however often it is called.
        self.session.borrow_mut().send_close_notify();
        ready!(self.poll_flush(context))?;
        tokio::io::AsyncWrite::poll_shutdown(std::pin::Pin::new(&mut self.socket), context)
    }
}

/// Sends records until there are none left, or the socket takes no more (`WouldBlock`).
fn send(session: &mut Connection, socket: &Socket) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(&mut Tried(socket))?;
    }
    Ok(())
}

/// What rustls says of a peer that does not keep to TLS, or is not trusted.
fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// A socket that is never waited for.
struct Tried<'a>(&'a Socket);

impl Read for Tried<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Tried<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
