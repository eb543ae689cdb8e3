//! One connection: read what is there, execute all of it, write once.
//!
//! ```text
//! read ──► parse the batch ──► prefetch ──► execute each ──► write ──► read …
//!                                │ slot held: wait for it │ output large: write on the way
//! ```
//! Waiting for the client to read is the backpressure: nothing more is read or executed meanwhile.

mod account;
mod admit;
mod aside;
mod attached;
mod attend;
mod debug;
mod durable;
mod execute;
mod extension;
mod populate;
mod queued;
mod script;
mod snapshot;
mod subscribe;
mod traced;
mod transaction;
mod waiting;

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ringmaster_protocol::acl::Login;
use ringmaster_protocol::resp::request::RequestLimits;
use ringmaster_protocol::secret::NONCE_BYTES;
use ringmaster_protocol::session::Session;
use ringmaster_protocol::trace::TraceContext;
use ringmaster_runtime::door::Arrival;
use ringmaster_runtime::stream::{Stream, UNSENT_BYTES_MAX};
use tokio::io::AsyncWrite;
use tokio_util::io::poll_read_buf;
use tokio_util::sync::CancellationToken;

use super::attention::Heed;
use super::batch::{Batch, COMMANDS_MAX, End};
use super::clients::ClientHandle;
use super::shared::{unix_millis, unix_time};
use super::worker::Worker;
use crate::cluster::claims::Seat;
pub(crate) use aside::ASIDE_MAX;
use extension::bells::Bells;
use subscribe::Subscriptions;
use transaction::{Transaction, Watching};

/// Bytes that a connection's input buffer has from the start.
const INPUT_BYTES: usize = 16 << 10;

/// An idle connection's buffers larger than this are given back.
const KEPT_BYTES: usize = 256 << 10;

/// Replies of a batch are written when they reach this, before the batch is done.
const OUTPUT_BYTES: usize = 256 << 10;

/// A client's connection and its buffers.
pub(crate) struct Connection {
    worker: Rc<Worker>,
    stream: Stream,
    session: Session,
    /// Who changes what commands change: this client, or the author of the one at hand ([`crate::tracking::author`]).
    by: u64,
    /// The author of the next request, as a proxy has said; 0 for none.
    by_next: u64,
    handle: Arc<ClientHandle>,
    input: Vec<u8>,
    output: Vec<u8>,
    batch: Batch,
    /// The clock in Unix milliseconds, as of the batch's begin or [`Connection::look_at_clock`].
    now: u64,
    /// When the connection began its turn, since the Unix epoch.
    turn_began: Duration,
    /// Whether the turn may have been long.
    turn_is_heavy: bool,
    /// How long commands have waited for slots, keys or other connections, ever.
    waited: Duration,
    /// Whether something may have taken long since the clock was read.
    stale: bool,
    /// Where the reply of the command at hand begins in `output`.
    reply_from: usize,
    /// What came while the client waited: it follows the input that is being executed.
    late: Vec<u8>,
    /// Commands queued since MULTI.
    transaction: Option<Transaction>,
    /// Keys watched since WATCH.
    watching: Option<Watching>,
    /// The bells that a proxy has hung.
    bells: Bells,
    /// What it is subscribed to.
    subscriptions: Subscriptions,
    /// Whether a command may not simply be carried out: a transaction is open, or there is mail to expect.
    special: bool,
    /// Whether the keys that its commands read are remembered.
    tracks: bool,
    /// Whether what CLIENT CACHING said is about no further command.
    caching_spent: bool,
    /// The greatest lsn that its replies show and that may not be durable, 0 for none.
    seen: Rc<Cell<u64>>,
    /// It is to close once its output is written.
    closes: bool,
    /// By what a proxy has attached it.
    attached: Option<Rc<Seat>>,
    /// A proxy has tried to.
    was_attached: bool,
    /// What the next proof has to be for.
    nonce: Option<Box<[u8; NONCE_BYTES]>>,
    /// What it attends to.
    heed: Heed,
    /// Commands that are traced and whose replies are not written yet.
    executed: Vec<TraceContext>,
}

/// What a connection waits for between its batches.
enum Came {
    /// The client has gone, or is to go.
    Nothing,
    Bytes(usize),
    Mail,
}

/// Whether the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Close,
}

impl Fate {
    /// Closes if either does.
    fn and(self, other: Self) -> Self {
        if self == Self::Close { self } else { other }
    }
}

impl Connection {
    /// Enters the client, what whose turns see is noted in `seen`.
    pub(crate) fn new(worker: Rc<Worker>, arrival: Arrival, seen: Rc<Cell<u64>>) -> Self {
        let Arrival { stream, peer, local, name } = arrival;
        let shared = &worker.shared;
        let mut session = Session::new(shared.clients.next_id(), peer, local, unix_time());
        session.file_descriptor = stream.socket().as_raw_fd();
        session.login = Login::first_as(&shared.accounts, name.as_deref());
        let handle = shared.clients.enter(&session);
        Self {
            worker,
            stream,
            by: session.id,
            by_next: 0,
            session,
            handle,
            input: Vec::with_capacity(INPUT_BYTES),
            output: Vec::with_capacity(INPUT_BYTES),
            batch: Batch::default(),
            now: 0,
            turn_began: Duration::ZERO,
            turn_is_heavy: false,
            waited: Duration::ZERO,
            stale: false,
            reply_from: 0,
            late: Vec::new(),
            transaction: None,
            watching: None,
            bells: Bells::default(),
            subscriptions: Subscriptions::default(),
            special: false,
            tracks: false,
            caching_spent: false,
            seen,
            closes: false,
            attached: None,
            was_attached: false,
            nonce: None,
            heed: Heed::default(),
            executed: Vec::new(),
        }
    }

    /// Serves the client until it goes, breaks the protocol, or the node stops.
    pub(crate) async fn run(mut self, stop: &CancellationToken) {
        let handle = Arc::clone(&self.handle);
        poll_fn(|context| {
            handle.set_task(context.waker().clone());
            Poll::Ready(())
        })
        .await;
        if !stop.is_cancelled() {
            // The client went away or did not read: there is nobody to tell.
            drop(self.converse().await);
            self.unwatch().await;
            self.take_down_all().await;
        }
    }

    async fn converse(&mut self) -> io::Result<()> {
        loop {
            let Some(needed) = self.turn().await? else { return Ok(()) };
            if needed == 0 {
                // More commands wait in the input: other connections first.
                tokio::task::yield_now().await;
                continue;
            }
            self.make_room(needed);
            match poll_fn(|context| self.poll_input(context)).await? {
                Came::Nothing => return Ok(()),
                Came::Bytes(read) => self.worker.counters().input_bytes.add(read as u64),
                Came::Mail => {
                    self.deliver().await?;
                    self.input.append(&mut self.late);
                }
            }
        }
    }

    /// Executes the batch at the front of the input and writes its replies. Returns how many bytes the next
    /// command needs in all (0: one may be whole already), or `None` when the connection is to close.
    async fn turn(&mut self) -> io::Result<Option<usize>> {
        if self.input.is_empty() {
            return Ok(Some(1));
        }
        let mut batch = std::mem::take(&mut self.batch);
        let parsed = self.input.len();
        let (taken, end) = match self.session.login.is_authenticated() {
            true => batch.parse(&self.input, &self.limits(), COMMANDS_MAX),
            // One at a time: what the first changes counts for the next.
            false => batch.parse(&self.input, &self.limits().of_strangers(), 1),
        };
        let chosen = (self.session.database, self.attached.is_some());
        batch.prefetch(&self.input, chosen, self.worker.shared.engine.store());
        let mut fate = self.execute(&batch).await?;
        self.batch = batch;
        self.batch.give_back();
        if fate == Fate::Open && self.refuses_rest(end) {
            fate = Fate::Close;
        }
        self.deliver().await?;
        self.flush().await?;
        self.input.append(&mut self.late);
        // What came while the client waited may be a whole command.
        let is_longer = self.input.len() > parsed;
        self.input.drain(..taken);
        self.note_figures();
        Ok(match (fate, end) {
            (Fate::Close, _) => None,
            (Fate::Open, _) if is_longer => Some(0),
            (Fate::Open, End::Need(needed)) => Some(needed),
            (Fate::Open, _) => Some(0),
        })
    }

    fn limits(&self) -> RequestLimits {
        let limits = &self.worker.shared.limits;
        RequestLimits {
            bulk_bytes_max: limits.bulk_bytes_max.load(Ordering::Relaxed),
            request_bytes_max: limits.request_bytes_max.load(Ordering::Relaxed),
            ..RequestLimits::default()
        }
    }

    /// Whether nothing after the batch can be read; says so, but not to who speaks HTTP.
    #[inline]
    fn refuses_rest(&mut self, end: End) -> bool {
        match end {
            End::Full | End::Need(_) => return false,
            End::Http => warn_of_http(&self.session.peer_address),
            End::Broken(error) => {
                let from = self.output.len();
                self.refuse(&format!("ERR {error}"));
                self.count_error(from);
            }
        }
        true
    }

    /// Room for a command of `needed` bytes; gives a large empty buffer back.
    #[inline]
    fn make_room(&mut self, needed: usize) {
        if self.input.is_empty() && self.input.capacity() > KEPT_BYTES {
            self.input = Vec::with_capacity(INPUT_BYTES);
            self.note_figures();
        } else if self.input.capacity() > KEPT_BYTES.max(4 * needed.max(self.input.len())) {
            self.input.shrink_to(needed.max(INPUT_BYTES));
            self.note_figures();
        }
        let free = self.input.capacity() - self.input.len();
        let missing = needed.saturating_sub(self.input.len());
        // The buffer at most doubles: an announced length is not believed before its bytes come.
        let wanted = missing.min(self.input.len()).max(INPUT_BYTES);
        if free < missing.clamp(INPUT_BYTES / 4, wanted) {
            self.input.reserve(wanted);
        }
    }

    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Came>> {
        if self.handle.is_finishing() {
            return Poll::Ready(Ok(Came::Nothing));
        }
        // Commands first: a client that gets mail without end can still unsubscribe.
        match poll_read_buf(Pin::new(&mut self.stream), context, &mut self.input)? {
            Poll::Ready(0) => Poll::Ready(Ok(Came::Nothing)),
            Poll::Ready(read) => Poll::Ready(Ok(Came::Bytes(read))),
            Poll::Pending if self.handle.mailbox.has_mail() => Poll::Ready(Ok(Came::Mail)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes all replies. An error is the client's end.
    async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.await_durable().await?;
        if !self.executed.is_empty() {
            self.executed = Vec::new();
        }
        self.worker.counters().output_bytes.add(self.output.len() as u64);
        if self.output.len() > INPUT_BYTES && self.handle.exceeds(self.output.len()) {
            return Err(self.lets_too_much_wait());
        }
        let mut written = 0;
        poll_fn(|context| self.poll_output(&mut written, context)).await?;
        self.output.clear();
        self.reply_from = 0;
        if self.closes {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.output.capacity() > KEPT_BYTES * 2 {
            self.output = Vec::with_capacity(INPUT_BYTES);
        }
        Ok(())
    }

    fn poll_output(&mut self, written: &mut usize, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while *written < self.output.len() {
            let poll = Pin::new(&mut self.stream).poll_write(context, &self.output[*written..]);
            if poll.is_pending() {
                self.stale = true;
                if self.handle.is_aborted() {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                if self.handle.note_unread(self.output.len() - *written, unix_millis()) {
                    return Poll::Ready(Err(self.lets_too_much_wait()));
                }
            }
            *written += ready!(poll)?;
            self.handle.writing(0);
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.handle.writing(0);
            return flushed;
        }
        if self.handle.is_aborted() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        // TLS has taken the last bytes, the client has not.
        let unread = self.output.len().min(UNSENT_BYTES_MAX);
        if self.handle.note_unread(unread, unix_millis()) {
            return Poll::Ready(Err(self.lets_too_much_wait()));
        }
        Poll::Pending
    }
}

/// Tells once that a web page seems to have been made to send commands here.
#[cold]
fn warn_of_http(peer: &str) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(peer, "a client spoke HTTP and was closed: a cross-protocol attack? (told once)");
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stop_monitoring();
        self.forget_subscriptions();
        self.forget_tracking();
        self.worker.shared.clients.leave(self.session.id);
    }
}
