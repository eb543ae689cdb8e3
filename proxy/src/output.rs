//! The writing half of a client's connection: where upstreams and the router put the client's replies.
//!
//! Replies are put in order ([`order`]) and written at the end of the turn, straight to the socket; the client's task
//! runs only for what has to wait: a socket that takes no more, a reader that was paused, the end.

mod order;

pub(crate) use order::{Order, Sequence};

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ringmaster_runtime::stream::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use crate::quota::{Exceeded, Meter, Quota};
use crate::telemetry::{ThreadMetrics, Timed};
use crate::traces::Traced;
use crate::turn::{Flush, Turn};

/// Scratch memory that is larger than this is given back.
const KEEP_BYTES: usize = 64 << 10;

/// A client for whom more pushed bytes wait than this many times [`OutputLimits::pause_bytes`] is closed.
const PUSHED_FACTOR: usize = 2;

/// While more bytes than this of a reply that comes in pieces wait for the client, its node is not read, for a while.
const AHEAD_BYTES: usize = 1 << 20;

/// Gives back what one large command has left of a buffer that is used anew for each.
pub(crate) fn give_back(scratch: &mut Vec<u8>) {
    if scratch.capacity() > KEEP_BYTES {
        *scratch = Vec::new();
    }
}

/// Bounds of one client's output, in bytes and commands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputLimits {
    /// Above these many bytes the client's commands are not read.
    pub(crate) pause_bytes: usize,
    /// Above these many bytes the client is closed: it asked for more in one go than it may.
    pub(crate) bytes_max: usize,
    /// Most commands under way; above it the client's commands are not read.
    pub(crate) in_flight_max: usize,
}

/// Why a client's connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It went away.
    Gone,
    /// Its replies are larger than [`OutputLimits::bytes_max`].
    OutputFull,
    /// It did not take its replies in time.
    Stalled,
    /// It sent nothing for too long.
    Idle,
    /// Another client had it closed (`CLIENT KILL`).
    Killed,
    /// It waited for a blocking command when the proxy stopped.
    Stopped,
    /// It has a part of a reply whose rest will not come.
    Torn,
}

/// One client's replies and the socket that they go to.
pub(crate) struct Output {
    /// The client's number.
    id: u64,
    /// `None` once closed.
    stream: RefCell<Option<Stream>>,
    order: RefCell<Order>,
    limits: Rc<Cell<OutputLimits>>,
    metrics: Arc<ThreadMetrics>,
    turn: Rc<Turn>,
    dirty: Cell<bool>,
    /// The socket took not all; the task waits for it.
    blocked: Cell<bool>,
    /// The reader waits until it may go on.
    paused: Cell<bool>,
    closed: Cell<Option<Closed>>,
    /// Bytes of parts of replies that wait for their other parts.
    gathered: Cell<usize>,
    /// Whether bytes were read or written since the last look.
    active: Cell<bool>,
    /// For how long none were, at the last look.
    still: Cell<Duration>,
    /// It waits for what others send.
    listening: Cell<bool>,
    /// Waits for room in the queue of a node.
    pub(crate) held: Cell<bool>,
    /// Reads under way that went straight to their node, and may have to begin anew.
    reads: Cell<u32>,
    /// The command that is timed, and its number.
    timed: Cell<Option<(Sequence, Timed)>>,
    /// Counts what is under way, where its user may have so much only.
    meter: RefCell<Option<Box<Meter>>>,
    task: RefCell<Option<Waker>>,
}

impl Output {
    pub(crate) fn new(
        id: u64,
        stream: Stream,
        limits: Rc<Cell<OutputLimits>>,
        metrics: Arc<ThreadMetrics>,
        turn: Rc<Turn>,
    ) -> Rc<Self> {
        Rc::new(Self {
            id,
            stream: RefCell::new(Some(stream)),
            order: RefCell::default(),
            limits,
            metrics,
            turn,
            dirty: Cell::new(false),
            blocked: Cell::new(false),
            paused: Cell::new(false),
            closed: Cell::new(None),
            gathered: Cell::default(),
            active: Cell::new(true),
            still: Cell::default(),
            listening: Cell::new(false),
            held: Cell::new(false),
            reads: Cell::default(),
            timed: Cell::default(),
            meter: RefCell::default(),
            task: RefCell::new(None),
        })
    }

    /// The client's number.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Takes the place of the next command.
    #[inline]
    pub(crate) fn reserve(&self, wanted: bool) -> Sequence {
        self.order.borrow_mut().reserve(wanted)
    }

    /// The place that the next command will get.
    pub(crate) fn next_place(&self) -> Sequence {
        self.order.borrow().last().wrapping_add(1)
    }

    /// Has `traced` be told when the command at this place is answered; `false` if it is already.
    pub(crate) fn trace(&self, place: Sequence, traced: &Rc<Traced>) -> bool {
        self.order.borrow_mut().trace(place, traced)
    }

    /// Answers one command; the reply is written at the end of the turn.
    pub(crate) fn answer(self: &Rc<Self>, sequence: Sequence, reply: &[u8]) {
        self.answer_with(|order| order.answer(sequence, reply));
    }

    /// Answers a command that needs no node, in its turn; the reply is dropped unless `wanted`.
    pub(crate) fn answer_now(self: &Rc<Self>, wanted: bool, reply: &[u8]) {
        self.answer_with(|order| order.answer_now(if wanted { reply } else { &[] }));
    }

    /// Answers any number of commands. After the end of the connection their replies are dropped.
    #[inline]
    pub(crate) fn answer_with<T>(self: &Rc<Self>, answer: impl FnOnce(&mut Order) -> T) -> T {
        if !self.dirty.replace(true) {
            self.turn.add_client(Rc::clone(self) as Rc<dyn Flush>);
        }
        answer(&mut self.order.borrow_mut())
    }

    /// The reply to the command at `sequence` is to come in pieces: whether it is its turn, or nobody wants it any more.
    pub(crate) fn begin(&self, sequence: Sequence) -> bool {
        self.closed.get().is_some() || self.order.borrow_mut().begin(sequence)
    }

    /// It comes whole after all; no piece of it has come.
    pub(crate) fn withdraw(&self) {
        self.order.borrow_mut().withdraw();
    }

    /// The next piece of a reply that was begun, and maybe its last.
    pub(crate) fn piece(self: &Rc<Self>, bytes: &[u8], is_last: bool) {
        self.answer_with(|order| {
            order.piece(bytes);
            if is_last {
                order.end();
            }
        });
    }

    /// Whether much of a reply that comes in pieces waits for the client; then the task is woken when that is less.
    pub(crate) fn is_behind(&self, context: &Context<'_>) -> bool {
        self.closed.get().is_none() && self.order.borrow_mut().is_behind(AHEAD_BYTES, context.waker())
    }

    /// Times the command that was taken last, unless one before it is timed still: until its reply is written.
    #[cold]
    pub(crate) fn time(&self, timed: Timed) {
        if self.timed.get().is_none() {
            self.timed.set(Some((self.order.borrow().last(), timed)));
        }
    }

    /// Counts what was answered in this turn.
    #[inline]
    fn count(&self) {
        let mut order = self.order.borrow_mut();
        for error in order.take_errors() {
            self.metrics.errors.count_code(&error.code, error.times);
        }
        if let Some((_, timed)) = self.timed.get().filter(|(sequence, _)| order.is_past(*sequence)) {
            self.timed.set(None);
            let took = timed.began.elapsed();
            self.metrics.latencies[timed.kind as usize].add(took);
            self.metrics.recent.note(took);
        }
    }

    /// Whether the reader has to wait: too much is under way or unread.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        let (order, limits) = (self.order.borrow(), self.limits.get());
        order.in_flight() >= limits.in_flight_max || order.bytes() + self.gathered.get() > limits.pause_bytes
    }

    /// Commands under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.order.borrow().in_flight()
    }

    /// Counts one more command, and what else is under way, for the user's `quota`; `None`: that is not bounded.
    ///
    /// # Errors
    /// [`Exceeded`]: the command is one too many.
    pub(crate) fn count_for(&self, quota: Option<&Arc<Quota>>) -> Result<(), Exceeded> {
        let mut meter = self.meter.borrow_mut();
        let Some(quota) = quota else {
            *meter = None;
            return Ok(());
        };
        let known = meter.take().filter(|meter| meter.is_of(quota));
        let meter = meter.insert(known.unwrap_or_else(|| Box::new(Meter::new(quota))));
        meter.settle(self.in_flight());
        meter.take()
    }

    /// Bytes that wait for the client, or for the rest of their reply.
    pub(crate) fn bytes(&self) -> usize {
        self.order.borrow().bytes() + self.gathered.get()
    }

    /// `bytes` of a part of a reply are to be kept; `false` if that is more than the client may have.
    pub(crate) fn gather(&self, bytes: usize) -> bool {
        self.gathered.set(self.gathered.get() + bytes);
        self.bytes() <= self.limits.get().bytes_max
    }

    /// `bytes` of parts of a reply are kept no more.
    pub(crate) fn gathered(&self, bytes: usize) {
        self.gathered.set(self.gathered.get().saturating_sub(bytes));
    }

    /// A read of the client went straight to its node.
    #[inline]
    pub(crate) fn began_read(&self) {
        self.reads.set(self.reads.get() + 1);
    }

    /// Such a read was answered, or begins anew.
    #[inline]
    pub(crate) fn ended_read(&self) {
        self.reads.set(self.reads.get().saturating_sub(1));
    }

    /// Whether such a read is under way.
    #[inline]
    pub(crate) fn has_reads(&self) -> bool {
        self.reads.get() > 0
    }

    /// Whether every command is answered and every reply written.
    pub(crate) fn is_idle(&self) -> bool {
        self.order.borrow().is_idle() && !self.blocked.get()
    }

    /// Wakes the client's task when replies were written: the reader waits for that.
    pub(crate) fn pause(&self) {
        self.paused.set(true);
    }

    /// Wakes the client's task, to look at everything anew.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Remembers the client's task; whether it is another than before.
    #[inline]
    pub(crate) fn task_is(&self, context: &Context<'_>) -> bool {
        let mut task = self.task.borrow_mut();
        let changed = !task.as_ref().is_some_and(|task| task.will_wake(context.waker()));
        if changed {
            *task = Some(context.waker().clone());
        }
        changed
    }

    /// Puts in what the client did not ask for, between two replies: `first` and `rest`. A client that has not taken
    /// twice what it may leave unread is closed.
    pub(crate) fn push(self: &Rc<Self>, first: u8, rest: &[u8]) {
        if self.takes_pushes() {
            self.answer_with(|order| order.push(first, rest));
        }
    }

    /// The same behind the replies of all that is under way.
    pub(crate) fn push_behind(self: &Rc<Self>, frame: &[u8]) {
        if self.takes_pushes() {
            self.answer_now(true, frame);
        }
    }

    fn takes_pushes(&self) -> bool {
        if self.closed.get().is_none() && self.bytes() > PUSHED_FACTOR * self.limits.get().pause_bytes {
            self.close(Closed::OutputFull);
        }
        self.closed.get().is_none()
    }

    /// Sets whether the client waits for what others send: silence is no reason to close it then.
    pub(crate) fn set_listening(&self, listening: bool) {
        self.listening.set(listening);
    }

    /// Why the connection has ended, if it has.
    #[inline]
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.closed.get()
    }

    /// Ends the connection now; commands under way are executed all the same, their replies dropped.
    pub(crate) fn close(&self, why: Closed) {
        if self.closed.get().is_none() {
            self.closed.set(Some(why));
        }
        self.wake();
    }

    /// Takes the socket out: nothing is read or written here any more.
    pub(crate) fn take_stream(&self) -> Option<Stream> {
        self.stream.take()
    }

    /// Gives the socket back to the system. To be called by the client's task, at its end.
    pub(crate) fn drop_stream(&self) {
        self.closed.set(Some(self.closed.get().unwrap_or(Closed::Gone)));
        drop(self.stream.take());
        // An empty order has no place for what is still to come, and so drops it.
        drop(self.order.take());
        drop(self.meter.take());
    }

    /// Reads once from the socket; 0 is the end of the stream.
    ///
    /// A read that does not fill `buffer` has emptied the socket, and `poll_read` notes that: the next poll waits for
    /// the next bytes without asking the system, which `try_read` would do.
    #[inline]
    pub(crate) fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut stream = self.stream.borrow_mut();
        let Some(stream) = stream.as_mut() else { return Poll::Ready(Ok(0)) };
        let mut buffer = ReadBuf::new(buffer);
        Pin::new(stream).poll_read(context, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    /// Waits until there may be something to read.
    #[inline]
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self.stream.borrow() {
            Some(stream) => stream.poll_read_ready(context),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Reads once what is there into the free capacity of `buffer`; 0 is the end of the stream.
    pub(crate) fn try_read_buf(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.stream.borrow().as_ref().map_or(Ok(0), |stream| stream.try_read_buf(buffer))
    }

    /// Something came from the client.
    #[inline]
    pub(crate) fn note_active(&self) {
        self.active.set(true);
    }

    /// Looks after a client, `passed` after the last look: closes it when it took nothing of its replies for `write`,
    /// or when nothing came or went for `idle` (zero is never).
    pub(crate) fn look(&self, passed: Duration, write: Duration, idle: Duration) {
        let still = if self.active.replace(false) { Duration::ZERO } else { self.still.get() + passed };
        self.still.set(still);
        if !still.is_zero() {
            self.order.borrow_mut().rest();
        }
        if self.blocked.get() && still >= write {
            self.close(Closed::Stalled);
        } else if !idle.is_zero() && still >= idle && self.is_idle() && !self.listening.get() {
            self.close(Closed::Idle);
        }
    }

    /// Goes on writing to a socket that took not all.
    pub(crate) fn poll_blocked(&self, context: &mut Context<'_>) {
        while self.blocked.get() && self.closed.get().is_none() {
            match self.stream.borrow().as_ref().map(|stream| stream.poll_write_ready(context)) {
                Some(Poll::Ready(Ok(()))) => self.blocked.set(false),
                Some(Poll::Pending) | None => return,
                Some(Poll::Ready(Err(_))) => return self.close(Closed::Gone),
            }
            self.write();
        }
    }

    /// Writes what the socket takes.
    #[inline]
    fn write(&self) {
        let mut order = self.order.borrow_mut();
        let stream = self.stream.borrow();
        let Some(stream) = stream.as_ref().filter(|_| !self.blocked.get()) else { return };
        while !order.ready().is_empty() {
            match stream.try_write(order.ready()) {
                Ok(count) => {
                    order.written(count);
                    self.active.set(true);
                    order.wake_waiter(AHEAD_BYTES / 2);
                    self.metrics.output_bytes.add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked.set(true);
                    return self.wake();
                }
                Err(_) => return self.close(Closed::Gone),
            }
        }
        match stream.try_flush() {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked.set(true);
                self.wake();
            }
            Err(_) => self.close(Closed::Gone),
        }
    }
}

impl Flush for Output {
    fn flush(self: Rc<Self>) {
        self.dirty.set(false);
        if let Some(meter) = &mut *self.meter.borrow_mut() {
            meter.settle(self.in_flight());
        }
        self.write();
        self.count();
        if self.bytes() > self.limits.get().bytes_max {
            return self.close(Closed::OutputFull);
        }
        if self.paused.get() && !self.is_full() {
            self.paused.set(false);
            self.wake();
        }
    }
}
