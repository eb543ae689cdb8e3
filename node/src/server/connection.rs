//! One connection: read what is there, execute all of it, write once.
//!
//! ```text
//! read ──► parse the batch ──► prefetch ──► execute each ──► write ──► read …
//!                                │ slot held: wait for it │ output large: write on the way
//! ```
//! Waiting for the client to read is the backpressure: nothing more is read or executed meanwhile.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use ringmaster_protocol::command::{Flags, Spec};
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::resp::request::RequestLimits;
use ringmaster_protocol::session::{self, Outcome, Session};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, End, Planned};
use super::clients::ClientHandle;
use super::shared::{unix_millis, unix_time};
use super::worker::Worker;
use crate::command::CommandError;
use crate::engine::{Flow, Journey, Tally, Turn};
use crate::store::keyspace::Moment;

/// Bytes that a connection's input buffer has from the start.
const INPUT_BYTES: usize = 16 << 10;

/// An idle connection's buffers larger than this are given back.
const KEPT_BYTES: usize = 256 << 10;

/// Replies of a batch are written when they reach this, before the batch is done.
const OUTPUT_BYTES: usize = 256 << 10;

/// From this many milliseconds on, a batch lets other connections have a turn before it goes on.
const TURN_MILLIS: u64 = 2;

const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// A client's connection and its buffers.
pub(crate) struct Connection {
    worker: Rc<Worker>,
    stream: TcpStream,
    session: Session,
    handle: Arc<ClientHandle>,
    input: Vec<u8>,
    output: Vec<u8>,
    batch: Batch,
    limits: RequestLimits,
    /// The clock in Unix milliseconds, as of the batch's begin or [`Connection::look_at_clock`].
    now: u64,
    /// When the connection began its turn, in Unix milliseconds.
    turn_began: u64,
    /// Whether something may have taken long since the clock was read.
    stale: bool,
}

/// Whether the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Close,
}

impl Connection {
    /// Enters the client; `None` if it has gone already.
    pub(crate) fn new(worker: Rc<Worker>, stream: TcpStream) -> Option<Self> {
        let (peer, local) = (stream.peer_addr().ok()?, stream.local_addr().ok()?);
        let shared = &worker.shared;
        let session =
            Session::new(shared.clients.next_id(), peer.to_string(), local.to_string(), unix_time());
        let handle = shared.clients.enter(&session);
        let request_bytes_max = shared.config.request_bytes_max;
        let limits = RequestLimits { request_bytes_max, ..RequestLimits::default() };
        Some(Self {
            worker,
            stream,
            session,
            handle,
            input: Vec::with_capacity(INPUT_BYTES),
            output: Vec::with_capacity(INPUT_BYTES),
            batch: Batch::default(),
            limits,
            now: 0,
            turn_began: 0,
            stale: false,
        })
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
            let read = poll_fn(|context| self.poll_input(context)).await?;
            if read == 0 {
                return Ok(());
            }
            self.worker.counters().input_bytes.add(read as u64);
        }
    }

    /// Executes the batch at the front of the input and writes its replies. Returns how many bytes the next
    /// command needs in all (0: one may be whole already), or `None` when the connection is to close.
    async fn turn(&mut self) -> io::Result<Option<usize>> {
        if self.input.is_empty() {
            return Ok(Some(1));
        }
        let mut batch = std::mem::take(&mut self.batch);
        let (taken, end) = batch.parse(&self.input, &self.limits);
        batch.prefetch(self.worker.shared.engine.store());
        let mut fate = self.execute(&batch).await?;
        self.batch = batch;
        self.batch.give_back();
        if fate == Fate::Open && self.refuses_rest(end) {
            fate = Fate::Close;
        }
        self.flush().await?;
        self.input.drain(..taken);
        Ok(match (fate, end) {
            (Fate::Close, _) => None,
            (Fate::Open, End::Need(needed)) => Some(needed),
            (Fate::Open, _) => Some(0),
        })
    }

    /// Whether nothing after the batch can be read; says so, but not to who speaks HTTP.
    #[inline]
    fn refuses_rest(&mut self, end: End) -> bool {
        match end {
            End::Full | End::Need(_) => return false,
            End::Http => warn_of_http(&self.session.peer_address),
            End::Broken(error) => self.refuse(&format!("ERR {error}")),
        }
        true
    }

    /// Room for a command of `needed` bytes; gives a large empty buffer back.
    #[inline]
    fn make_room(&mut self, needed: usize) {
        if self.input.is_empty() && self.input.capacity() > KEPT_BYTES {
            self.input = Vec::with_capacity(INPUT_BYTES);
        } else if self.input.capacity() > KEPT_BYTES.max(4 * needed.max(self.input.len())) {
            self.input.shrink_to(needed.max(INPUT_BYTES));
        }
        let free = self.input.capacity() - self.input.len();
        let missing = needed.saturating_sub(self.input.len());
        // The buffer at most doubles: an announced length is not believed before its bytes come.
        let wanted = missing.min(self.input.len()).max(INPUT_BYTES);
        if free < missing.clamp(INPUT_BYTES / 4, wanted) {
            self.input.reserve(wanted);
        }
    }

    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.handle.is_finishing() {
            return Poll::Ready(Ok(0));
        }
        poll_read_buf(Pin::new(&mut self.stream), context, &mut self.input)
    }

    /// Executes the commands one after the other.
    async fn execute(&mut self, batch: &Batch) -> io::Result<Fate> {
        if batch.commands.is_empty() {
            return Ok(Fate::Open);
        }
        self.now = unix_millis();
        self.turn_began = self.now;
        self.stale = false;
        self.handle.active(self.now);
        self.worker.counters().commands.add(batch.commands.len() as u64);
        // Taken out for the batch: arguments borrow it while the connection is changed.
        let input = std::mem::take(&mut self.input);
        let mut fate = Ok(Fate::Open);
        for command in &batch.commands {
            let args = batch.args(command, &input);
            fate = self.execute_one(command, args).await;
            if self.output.len() >= OUTPUT_BYTES && fate.is_ok() {
                fate = self.flush().await.and(fate);
            }
            if self.stale {
                self.look_at_clock().await;
            }
            if !matches!(fate, Ok(Fate::Open)) {
                break;
            }
        }
        self.input = input;
        fate
    }

    /// Takes the time anew after what may have taken long; a turn that did lets other connections go first.
    #[cold]
    async fn look_at_clock(&mut self) {
        self.stale = false;
        self.now = unix_millis();
        if self.now.abs_diff(self.turn_began) >= TURN_MILLIS {
            tokio::task::yield_now().await;
            self.now = unix_millis();
            self.turn_began = self.now;
        }
    }

    #[inline]
    async fn execute_one(&mut self, command: &Planned, args: Args<'_>) -> io::Result<Fate> {
        let before = self.output.len();
        let fate = match command.spec {
            Ok(spec) => match self.begin(command, spec, args) {
                Begun::Done(fate) => fate,
                Begun::Waiting(waiting) => self.wait(waiting, command, spec, args).await?,
            },
            Err(rejection) => {
                self.refuse(&String::from_utf8_lossy(&rejection.text(&args)));
                Fate::Open
            }
        };
        if self.session.drops_reply() {
            self.output.truncate(before);
        }
        Ok(fate)
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, database: self.session.database, random: self.worker.seed() }
    }

    fn refuse(&mut self, text: &str) {
        self.worker.counters().errors.add(1);
        Reply::new(&mut self.output, self.session.protocol).error(text);
    }

    /// Starts a command; nearly all are done at once.
    #[inline]
    fn begin(&mut self, command: &Planned, spec: &'static Spec, args: Args<'_>) -> Begun {
        self.session.begins(spec);
        let shared = &self.worker.shared;
        if spec.flags.contains(Flags::DENYOOM) && shared.memory.is_bound() && self.worker.lacks_memory() {
            self.refuse(OUT_OF_MEMORY);
            return Begun::Done(Fate::Open);
        }
        let moment = self.moment();
        let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
        let engine = &self.worker.shared.engine;
        let flow = match command.key(args, moment.database) {
            Some(key) => engine.run_single(spec, args, key, moment, &mut reply),
            None if engine.carries_out(spec) => engine.run(spec, args, moment, &mut reply),
            None => return Begun::Done(self.converse_about(spec, args)),
        };
        match flow {
            Flow::Done(tally) => {
                self.count(tally);
                if tally.slow {
                    self.stale = true;
                }
                Begun::Done(Fate::Open)
            }
            Flow::Busy(slot) => Begun::Waiting(Waiting::Slot(slot)),
            Flow::Walking(journey) => Begun::Waiting(Waiting::Walk(journey)),
        }
    }

    #[inline]
    fn count(&self, tally: Tally) {
        let counters = self.worker.counters();
        counters.hits.add(u64::from(tally.lookups.hits));
        counters.misses.add(u64::from(tally.lookups.misses));
        counters.errors.add(u64::from(tally.failed));
    }

    /// A command of the session: HELLO, CLIENT, INFO and the like.
    fn converse_about(&mut self, spec: &'static Spec, args: Args<'_>) -> Fate {
        self.stale |= !spec.flags.contains(Flags::FAST);
        let before = self.output.len();
        let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
        let shared = Arc::clone(&self.worker.shared);
        let outcome = session::execute(spec, args, &mut self.session, &*shared, &mut reply);
        if reply.overflowed() {
            reply.truncate(before);
            CommandError::ReplyTooLong.write(&mut reply);
        }
        self.handle.publish(&self.session);
        match outcome {
            Outcome::Done | Outcome::Reset => Fate::Open,
            Outcome::Close => Fate::Close,
            Outcome::NotMine => {
                self.refuse(&format!("ERR command '{}' is not supported by this release", spec.name));
                Fate::Open
            }
        }
    }

    /// The rare command that had to wait for a slot, or that walks over all slots.
    #[cold]
    async fn wait(
        &mut self,
        mut waiting: Waiting,
        command: &Planned,
        spec: &'static Spec,
        args: Args<'_>,
    ) -> io::Result<Fate> {
        loop {
            match waiting {
                Waiting::Slot(slot) => {
                    poll_fn(|context| self.worker.shared.engine.store().poll_free(slot, context)).await;
                    self.stale = true;
                    self.now = unix_millis();
                    match self.begin(command, spec, args) {
                        Begun::Done(fate) => return Ok(fate),
                        Begun::Waiting(again) => waiting = again,
                    }
                }
                Waiting::Walk(journey) => {
                    self.walk(journey).await;
                    self.stale = true;
                    return Ok(Fate::Open);
                }
            }
        }
    }

    async fn walk(&mut self, mut journey: Journey) {
        loop {
            let engine = &self.worker.shared.engine;
            journey = match engine.walk(journey) {
                Turn::Arrived(journey) => {
                    let mut reply = Reply::bounded(&mut self.output, self.session.protocol);
                    return engine.arrive(journey, &mut reply);
                }
                Turn::Tired(journey) => {
                    tokio::task::yield_now().await;
                    journey
                }
                Turn::Busy(journey, slot) => {
                    poll_fn(|context| engine.store().poll_free(slot, context)).await;
                    journey
                }
            };
        }
    }

    /// Writes all replies. An error is the client's end.
    async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.worker.counters().output_bytes.add(self.output.len() as u64);
        let mut written = 0;
        poll_fn(|context| self.poll_output(&mut written, context)).await?;
        self.output.clear();
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
                self.handle.writing(unix_millis());
            }
            *written += ready!(poll)?;
            self.handle.writing(0);
        }
        Poll::Ready(Ok(()))
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

/// How far a command came at once.
enum Begun {
    Done(Fate),
    Waiting(Waiting),
}

/// What a command waits for.
enum Waiting {
    Slot(ringmaster_protocol::slot::HashSlot),
    Walk(Journey),
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.worker.shared.clients.leave(self.session.id);
    }
}
