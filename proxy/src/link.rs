//! A connection to a node for messages of the cluster: requests go out as they come, and whole replies go to whoever
//! opened it. Commands of clients have connections of their own ([`crate::upstream`]).
//!
//! ```text
//!   ┌──────────── pause, longer each time ───────────┐
//!   ▼                                                │
//! connecting ──► up ── broken, or silent for too long ┴─► Peer::lost
//! ```
//! Nothing is kept for a later connection: what cannot be sent now is refused, and what was sent is lost.

mod asks;

pub(crate) use asks::{Answers, Asks};

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ringmaster_protocol::resp::scan::Scanner;
use ringmaster_runtime::stream::Stream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::dial::{Credentials, DialError, dial};

/// First and longest pause before the next try to connect; it doubles from one to the other.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// A connection that served this long was a good one: the next try comes soon.
const STEADY: Duration = Duration::from_secs(1);

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// A buffer that is larger than this is given back when it runs empty.
const KEEP_BYTES: usize = 1 << 20;

/// Above these many bytes that wait to be sent, no request is taken.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkLimits {
    /// Connecting.
    pub(crate) connect: Duration,
    /// Nothing comes though something is awaited.
    pub(crate) silence: Duration,
    /// Longest reply in bytes.
    pub(crate) reply_bytes_max: usize,
}

/// Who opened the connection.
pub(crate) trait Peer {
    /// There is a connection, and nothing has been sent over it.
    fn connected(&self) {}

    /// A whole reply has come.
    fn reply(&self, frame: &[u8]);

    /// Whether the node may send what was not asked for.
    fn takes_pushes(&self) -> bool {
        false
    }

    /// The node sent what was not asked for.
    fn push(&self, _frame: &[u8]) {}

    /// The connection is gone: what was sent over it will not be answered.
    fn lost(&self, reason: &str);
}

/// A connection to a node, opened anew whenever it is lost.
pub(crate) struct Link {
    address: String,
    limits: LinkLimits,
    credentials: Arc<Credentials>,
    out: RefCell<Vec<u8>>,
    /// Replies that are awaited, and since when nothing has come.
    awaited: Cell<u64>,
    quiet_since: Cell<Instant>,
    is_up: Cell<bool>,
    is_closed: Cell<bool>,
    is_stale: Cell<bool>,
    /// No other connection follows the one at hand.
    is_last: Cell<bool>,
    wake: Notify,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("no connection within {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    #[error("no reply within {} ms", .0.as_millis())]
    Silent(Duration),
    #[error("connection closed by the node")]
    Closed,
    #[error("broken replies: {0}")]
    Garbage(#[from] ringmaster_protocol::resp::ProtocolError),
    #[error("a reply that nobody asked for")]
    Unasked,
    #[error("a reply is larger than {0} bytes")]
    TooLarge(usize),
}

impl Link {
    /// Opens a connection to `address`, host and port; to be called on a thread with a local set.
    pub(crate) fn open(
        address: String,
        limits: LinkLimits,
        credentials: &Arc<Credentials>,
        peer: Rc<dyn Peer>,
    ) -> Rc<Self> {
        let link = Rc::new(Self {
            address,
            limits,
            credentials: Arc::clone(credentials),
            out: RefCell::default(),
            awaited: Cell::new(0),
            quiet_since: Cell::new(Instant::now()),
            is_up: Cell::new(false),
            is_closed: Cell::new(false),
            is_stale: Cell::new(false),
            is_last: Cell::new(false),
            wake: Notify::new(),
        });
        tokio::task::spawn_local(run(Rc::clone(&link), peer));
        link
    }

    /// Where it leads.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Whether there is a connection.
    pub(crate) fn is_up(&self) -> bool {
        self.is_up.get()
    }

    /// Sends one request, which is answered once; `false` if it cannot be sent now.
    pub(crate) fn send(&self, put: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut out = self.out.borrow_mut();
        if !self.is_up() || self.is_closed.get() || out.len() > WAITING_BYTES_MAX {
            return false;
        }
        if self.awaited.get() == 0 {
            self.quiet_since.set(Instant::now());
        }
        self.awaited.set(self.awaited.get() + 1);
        put(&mut out);
        self.wake.notify_one();
        true
    }

    /// Closes for good, whatever is under way.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        self.wake.notify_one();
    }

    /// Closes for good when the connection at hand is lost; at once if there is none.
    pub(crate) fn ends_when_lost(&self) {
        self.is_last.set(true);
        if !self.is_up() {
            self.close();
        }
    }

    /// Gives up the connection at hand, whatever is under way, for a new one.
    pub(crate) fn renew(&self) {
        self.is_stale.set(true);
        self.wake.notify_one();
    }

    /// Writes what the socket takes; whether that was all.
    fn write(&self, stream: &Stream) -> io::Result<bool> {
        let mut out = self.out.borrow_mut();
        let mut sent = 0;
        let outcome = loop {
            let outcome = match &out[sent..] {
                [] => stream.try_flush().map(|()| None),
                rest => stream.try_write(rest).map(Some),
            };
            match outcome {
                Ok(None) => break Ok(true),
                Ok(Some(count)) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(false),
                Err(error) => break Err(error),
            }
        };
        out.drain(..sent);
        if out.is_empty() {
            out.shrink_to(KEEP_BYTES);
        }
        outcome
    }

    fn down(&self) {
        self.is_up.set(false);
        self.out.take();
        self.awaited.set(0);
    }
}

async fn run(link: Rc<Link>, peer: Rc<dyn Peer>) {
    let mut pause = BACKOFF.0;
    while !link.is_closed.get() {
        let begun = Instant::now();
        let failure = match connect(&link).await {
            Ok(stream) => {
                link.is_stale.set(false);
                link.is_up.set(true);
                peer.connected();
                serve(&link, &stream, &*peer).await
            }
            Err(failure) => failure,
        };
        link.down();
        peer.lost(&failure.to_string());
        if link.is_last.get() {
            return;
        }
        if begun.elapsed() > STEADY {
            pause = BACKOFF.0;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = link.wake.notified() => {}
        }
        pause = (pause * 2).min(BACKOFF.1);
    }
}

async fn connect(link: &Link) -> Result<Stream, Failure> {
    let limit = link.limits.connect;
    let connected = async { Ok(dial(&link.address, &link.credentials).await?) };
    tokio::select! {
        outcome = timeout(limit, connected) => outcome.unwrap_or(Err(Failure::ConnectTimeout(limit))),
        () = closing(link) => Err(Failure::Closed),
    }
}

async fn closing(link: &Link) {
    while !link.is_closed.get() {
        link.wake.notified().await;
    }
}

/// Serves until the connection ends; says why.
async fn serve(link: &Link, stream: &Stream, peer: &dyn Peer) -> Failure {
    let mut input = Input { bytes: Vec::new(), scanner: Scanner::default() };
    loop {
        match step(link, stream, &mut input, peer).await {
            Ok(()) if link.is_closed.get() || link.is_stale.get() => return Failure::Closed,
            Ok(()) => {}
            Err(failure) => return failure,
        }
    }
}

/// Writes what is there, then waits for whatever comes first.
async fn step(link: &Link, stream: &Stream, input: &mut Input, peer: &dyn Peer) -> Result<(), Failure> {
    let is_blocked = !link.write(stream)?;
    let late = link.quiet_since.get() + link.limits.silence;
    tokio::select! {
        // Replies first: they may be what keeps the connection from being late.
        biased;
        ready = stream.readable() => {
            ready?;
            input.read(link, stream, peer)?;
            // A connection that always has something to read lets others have their turn.
            tokio::task::yield_now().await;
        }
        ready = stream.writable(), if is_blocked => ready?,
        () = link.wake.notified() => {}
        () = sleep_until(late), if link.awaited.get() > 0 => return Err(Failure::Silent(link.limits.silence)),
    }
    Ok(())
}

/// What was read and is no whole reply yet.
struct Input {
    bytes: Vec<u8>,
    scanner: Scanner,
}

impl Input {
    /// Reads once and hands on what is whole.
    fn read(&mut self, link: &Link, stream: &Stream, peer: &dyn Peer) -> Result<(), Failure> {
        self.bytes.reserve(READ_BYTES);
        match stream.try_read_buf(&mut self.bytes) {
            Ok(0) => return Err(Failure::Closed),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            outcome => outcome?,
        };
        link.quiet_since.set(Instant::now());
        let mut at = 0;
        while at < self.bytes.len() {
            let Some(len) = self.scanner.frame(&self.bytes[at..])? else { break };
            let frame = &self.bytes[at..at + len];
            at += len;
            if frame[0] == b'>' && peer.takes_pushes() {
                peer.push(frame);
                continue;
            }
            let awaited = link.awaited.get().checked_sub(1).ok_or(Failure::Unasked)?;
            link.awaited.set(awaited);
            peer.reply(frame);
        }
        self.bytes.drain(..at);
        if self.bytes.is_empty() {
            self.bytes.shrink_to(KEEP_BYTES);
        }
        if self.bytes.len() > link.limits.reply_bytes_max {
            return Err(Failure::TooLarge(link.limits.reply_bytes_max));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
