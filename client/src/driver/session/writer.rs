//! From the queue to the socket: as many requests in one write as are there.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::BytesMut;
use tokio::{
    io::AsyncWriteExt as _,
    sync::mpsc::{Receiver, Sender},
};

use crate::{
    request::{Pending, Request},
    transport::Sink,
};

/// Requests are gathered into one write until it has this many bytes.
const WRITE_BYTES: usize = 64 << 10;

/// A buffer that grew beyond this is given back after the write.
const BUFFER_KEEP_BYTES: usize = 1 << 20;

pub(super) struct Writer<'a> {
    sink: Sink,
    requests: &'a mut Receiver<Request>,
    pending: Sender<Pending>,
    buffer: BytesMut,
    /// Bytes that the peer's side has taken, all together; it wraps around.
    written: &'a AtomicUsize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        sink: Sink,
        requests: &'a mut Receiver<Request>,
        pending: Sender<Pending>,
        written: &'a AtomicUsize,
    ) -> Writer<'a> {
        Writer { sink, requests, pending, buffer: BytesMut::with_capacity(WRITE_BYTES), written }
    }

    /// Ends when there will be no more requests; the reader goes on until it has all replies.
    pub(super) async fn run(mut self, first: Option<Request>) -> io::Result<()> {
        if let Some(request) = first {
            self.admit(request).await?;
        }
        loop {
            while self.buffer.len() < WRITE_BYTES
                && let Ok(request) = self.requests.try_recv()
            {
                self.admit(request).await?;
            }
            self.flush().await?;
            match self.requests.recv().await {
                Some(request) => self.admit(request).await?,
                None => return Ok(()),
            }
        }
    }

    /// Puts a request into the buffer and among the pending, unless its caller has withdrawn it.
    async fn admit(&mut self, request: Request) -> io::Result<()> {
        if self.pending.capacity() == 0 {
            // As many wait for replies as may: what they wait for must be on its way before we wait for room.
            self.flush().await?;
        }
        let room = self.pending.reserve().await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        if request.ticket.send() {
            room.send(request.pending);
            self.buffer.extend_from_slice(&request.bytes);
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut rest = &self.buffer[..];
        while !rest.is_empty() {
            let count = self.sink.write(rest).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = &rest[count..];
            self.written.fetch_add(count, Ordering::Relaxed);
        }
        // TLS may hold back what the socket did not take.
        self.sink.flush().await?;
        if self.buffer.capacity() > BUFFER_KEEP_BYTES {
            self.buffer = BytesMut::with_capacity(WRITE_BYTES);
        }
        self.buffer.clear();
        Ok(())
    }
}
