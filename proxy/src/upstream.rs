//! Connections to nodes: one for each data thread, node, database and protocol in use, shared by all clients of the
//! thread, pipelined.
//!
//! A command is queued at once and written at the end of the turn ([`crate::turn`]). The connection's task reads
//! replies, keeps the time, connects and connects anew. Nothing is sent twice: a command that was under way when the
//! connection failed is answered an error that tells whether it may have been executed.
//!
//! ```text
//!            ┌────────── backoff ──────────┐
//!            ▼                             │
//!   Connecting ──set-up answered──► Ready ─┴─► Down (commands are refused at once)
//!        └───────────failed──────────────────►
//! ```

mod failure;
mod held_back;
mod overdue;
mod private;
mod queue;
mod setup;
mod table;
mod task;

pub(crate) use failure::FailureKind;
pub(crate) use private::Patience;
pub(crate) use queue::{Judge, Read, TakePart};
pub(crate) use table::{LANES, Lane, Links};

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use ringmaster_protocol::resp::Protocol;
use ringmaster_runtime::stream::Stream;

use crate::dial::Credentials;
use crate::hot_keys::HotKeys;
use crate::output::{Output, Sequence};
use crate::pubsub::LineNumbers;
use crate::telemetry::{NodeFigures, NodeStatus, ThreadMetrics};
use crate::traces::{Hop, Tracer};
use crate::turn::{Flush, Turn};
use failure::{Failure, Texts};
use private::Privacy;
use queue::Queue;

/// Timeouts and bounds of connections to nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpstreamLimits {
    /// Longest time of connecting, set-up included.
    pub(crate) connect: Duration,
    /// Longest time until a reply.
    pub(crate) request: Duration,
    /// Above these many bytes that wait to be sent, clients that need the node are not read; above twice as many
    /// their commands are refused.
    pub(crate) pause_bytes: usize,
    /// Longest reply in bytes.
    pub(crate) reply_bytes_max: usize,
}

/// What all connections of a thread share.
pub(crate) struct UpstreamContext {
    pub(crate) turn: Rc<Turn>,
    pub(crate) limits: Cell<UpstreamLimits>,
    pub(crate) metrics: Arc<ThreadMetrics>,
    /// Index of the data thread.
    pub(crate) thread: usize,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) hot_keys: Rc<HotKeys>,
    pub(crate) tracer: Tracer,
    /// The connections over which the thread hears of keys that change.
    pub(crate) lines: Rc<LineNumbers>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Ready,
    Down,
}

/// One connection to a node.
pub(crate) struct Upstream {
    node: Arc<NodeStatus>,
    database: u8,
    protocol: Protocol,
    context: Rc<UpstreamContext>,
    state: Cell<State>,
    queue: RefCell<Queue>,
    stream: RefCell<Option<Stream>>,
    /// Why the node is down, as the reply of the commands that need it.
    refusal: RefCell<Vec<u8>>,
    dirty: Cell<bool>,
    /// The socket took not all; the task waits for it.
    blocked: Cell<bool>,
    /// The task keeps the time of the commands under way.
    timed: Cell<bool>,
    /// No command comes any more: the node left the cluster.
    retired: Cell<bool>,
    /// Times that a connection was lost or not made.
    failures: Cell<u64>,
    /// A write failed.
    broken: RefCell<Option<io::Error>>,
    /// Clients that are not read because the queue is full.
    held: RefCell<Vec<Rc<Output>>>,
    task: RefCell<Option<Waker>>,
    /// `None` when it is shared by all clients of the thread.
    privacy: Option<Privacy>,
    /// What the thread counts of the node.
    figures: Arc<NodeFigures>,
    /// How many of the commands that were ever queued are counted there.
    counted: Cell<u64>,
    /// The number of the command, and when it was written, whose answer ends the round trip that is timed.
    timed_trip: Cell<Option<(u64, Instant)>>,
}

impl Upstream {
    /// A connection that nobody runs yet.
    fn new(
        node: Arc<NodeStatus>,
        lane: Lane,
        context: Rc<UpstreamContext>,
        privacy: Option<Privacy>,
    ) -> Rc<Self> {
        let figures = node.figures_of(context.thread);
        Rc::new(Self {
            figures,
            counted: Cell::new(0),
            timed_trip: Cell::new(None),
            node,
            database: lane.database(),
            protocol: lane.protocol(),
            privacy,
            context,
            state: Cell::new(State::Connecting),
            queue: RefCell::default(),
            stream: RefCell::default(),
            refusal: RefCell::default(),
            dirty: Cell::new(false),
            blocked: Cell::new(false),
            timed: Cell::new(false),
            retired: Cell::new(false),
            failures: Cell::new(0),
            broken: RefCell::default(),
            held: RefCell::default(),
            task: RefCell::default(),
        })
    }

    /// Opens a connection: its task is spawned, and connects.
    pub(crate) fn open(node: Arc<NodeStatus>, lane: Lane, context: Rc<UpstreamContext>) -> Rc<Self> {
        let upstream = Self::new(node, lane, context, None);
        tokio::task::spawn_local(task::run(Rc::clone(&upstream)));
        upstream
    }

    /// Sends a client's command, a whole RESP request; the reply goes to `place` of the client.
    #[inline]
    pub(crate) fn send(self: &Rc<Self>, client: &Rc<Output>, place: Sequence, request: &[u8], writes: bool) {
        let mut queue = self.queue.borrow_mut();
        if self.refuses(&queue) {
            return client.answer(place, &self.refusal());
        }
        let hop = self.begin_hop(&mut queue);
        queue.push(client, place, request, writes);
        end_hop(&mut queue, hop);
        self.touch();
    }

    /// Tells the node what comes next, if that is traced.
    #[inline]
    fn begin_hop(&self, queue: &mut Queue) -> Option<Box<Hop>> {
        if self.context.tracer.is_current() { self.announce(queue) } else { None }
    }

    #[cold]
    fn announce(&self, queue: &mut Queue) -> Option<Box<Hop>> {
        let line = self.context.lines.of(self.node.address());
        let hop = Hop::begin(&self.context.tracer.current()?, (self.node.name(), line), "command");
        queue.announce(&hop);
        Some(hop)
    }

    /// Sends part `index` of a command that was split.
    pub(crate) fn send_part(self: &Rc<Self>, to: Rc<dyn TakePart>, index: u32, request: &[u8], writes: bool) {
        if self.refuses(&self.queue.borrow()) {
            return to.lose_part(index, false, &self.refusal());
        }
        self.push_command_part(to, index, request, writes);
    }

    /// As [`Upstream::push_part`] for what is a part of the command at hand, and traced with it.
    #[inline]
    pub(crate) fn push_command_part(
        self: &Rc<Self>,
        to: Rc<dyn TakePart>,
        index: u32,
        request: &[u8],
        writes: bool,
    ) {
        let mut queue = self.queue.borrow_mut();
        let hop = self.begin_hop(&mut queue);
        queue.push_part(to, index, request, writes);
        end_hop(&mut queue, hop);
        self.touch();
    }

    /// The same without asking whether there is room: for who has asked [`Upstream::takes_more`].
    pub(crate) fn push_part(self: &Rc<Self>, to: Rc<dyn TakePart>, index: u32, request: &[u8], writes: bool) {
        self.queue.borrow_mut().push_part(to, index, request, writes);
        self.touch();
    }

    /// Whether a read of this many bytes is taken by [`Upstream::send_read`], and soon written.
    #[inline]
    pub(crate) fn takes_read(&self, len: usize) -> bool {
        self.state.get() == State::Ready && !self.is_full() && self.queue.borrow().takes_read(len)
    }

    /// Sends a client's read whose reply is judged before the client gets it.
    #[inline]
    pub(crate) fn send_read(
        self: &Rc<Self>,
        judge: &Rc<impl Judge + 'static>,
        client: &Rc<Output>,
        read: Read<'_>,
    ) {
        let mut queue = self.queue.borrow_mut();
        let hop = self.begin_hop(&mut queue);
        queue.push_read(judge, client, read);
        end_hop(&mut queue, hop);
        self.touch();
    }

    /// As [`Upstream::send`] for a read while keys are hot: it may take the reply of one that is the same and not sent yet.
    #[cold]
    pub(crate) fn send_joining(self: &Rc<Self>, client: &Rc<Output>, wanted: bool, request: &[u8]) {
        let place = || client.reserve(wanted);
        if self.queue.borrow_mut().join(client, place, request) {
            return self.context.metrics.joined.add(1);
        }
        let is_taken = !self.refuses(&self.queue.borrow());
        self.send(client, place(), request, false);
        if is_taken {
            self.queue.borrow_mut().open(request);
        }
    }

    /// As [`Upstream::send_read`] while keys are hot; `false` if nothing that is the same can be joined.
    #[cold]
    pub(crate) fn join_read(&self, client: &Rc<Output>, wanted: bool, request: &[u8]) -> bool {
        let is_joined = self.queue.borrow_mut().join(client, || client.reserve(wanted), request);
        self.context.metrics.joined.add(u64::from(is_joined));
        is_joined
    }

    /// Others may join the read that was sent last, of these bytes.
    #[cold]
    pub(crate) fn open_read(&self, request: &[u8]) {
        self.queue.borrow_mut().open(request);
    }

    /// Whether some key of this thread is hot.
    #[inline]
    pub(crate) fn is_hot(&self) -> bool {
        self.context.hot_keys.is_hot()
    }

    #[inline]
    fn touch(self: &Rc<Self>) {
        if !self.dirty.replace(true) {
            self.context.turn.add_upstream(Rc::clone(self) as Rc<dyn Flush>);
        }
    }

    /// It is between two connections, and takes commands.
    #[cfg(test)]
    pub(crate) fn take_for_test(&self) {
        self.state.set(State::Connecting);
    }

    /// Bytes that wait to be sent.
    #[cfg(test)]
    pub(crate) fn unsent_for_test(&self) -> usize {
        self.queue.borrow().unsent().len()
    }

    /// Whether a command would be taken now, and not refused at once.
    pub(crate) fn takes_more(&self) -> bool {
        !self.refuses(&self.queue.borrow())
    }

    /// Whether there is no connection and none is expected at once.
    pub(crate) fn is_down(&self) -> bool {
        self.state.get() == State::Down
    }

    /// Times that a connection was lost or not made: what the node remembered of it went with it.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.get()
    }

    /// The error of a command of which this node would get a part, if its queue takes no more: such a command is sent
    /// to all its nodes or to none.
    pub(crate) fn overload(&self) -> Option<Vec<u8>> {
        (self.state.get() != State::Down && self.refuses(&self.queue.borrow())).then(|| self.refusal())
    }

    #[inline]
    fn refuses(&self, queue: &Queue) -> bool {
        self.state.get() == State::Down || queue.unsent().len() > 2 * self.context.limits.get().pause_bytes
    }

    #[cold]
    fn refusal(&self) -> Vec<u8> {
        if self.state.get() == State::Down {
            return self.refusal.borrow().clone();
        }
        self.context.metrics.shed.add(1);
        format!("-OVERLOADED {}: too many commands wait for it; the command was not executed\r\n", self.node)
            .into_bytes()
    }

    /// Whether clients that need this node should not be read for now.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.queue.borrow().unsent().len() > self.context.limits.get().pause_bytes
    }

    /// Wakes `client` when there is room again.
    pub(crate) fn hold(&self, client: &Rc<Output>) {
        if !client.held.replace(true) {
            self.held.borrow_mut().push(Rc::clone(client));
        }
    }

    fn release_held(&self) {
        if !self.held.borrow().is_empty() {
            for client in self.held.take() {
                client.held.set(false);
                client.wake();
            }
        }
    }

    /// No further command is sent: closes when those under way are answered.
    pub(crate) fn retire(&self) {
        self.retired.set(true);
        self.wake();
    }

    /// Remembers the connection's task.
    #[inline]
    fn task_is(&self, context: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
    }

    fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Whether this is the connection by which the node's health is judged.
    fn is_primary(&self) -> bool {
        self.database == 0 && self.protocol == Protocol::Resp2 && self.privacy.is_none()
    }

    /// Counts what was queued since the last time, and begins to time a round trip unless one is under way: the clock is
    /// read once a write at most. What a client has for itself may block.
    #[inline]
    fn count(&self) {
        let (answered, queued) = self.queue.borrow().progress();
        self.figures.commands.add(queued.saturating_sub(self.counted.replace(queued)));
        if queued > answered && self.timed_trip.get().is_none() && self.privacy.is_none() {
            self.timed_trip.set(Some((queued, Instant::now())));
        }
    }

    /// Ends the round trip that is timed, if its last command is answered.
    #[inline]
    fn end_trip(&self, answered: u64) {
        if let Some((_, began)) = self.timed_trip.get().filter(|(last, _)| answered >= *last) {
            self.timed_trip.set(None);
            self.figures.round_trips.add(began.elapsed());
        }
    }

    /// Writes what the socket takes.
    fn write(&self) -> io::Result<()> {
        let stream = self.stream.borrow();
        let Some(stream) = stream.as_ref().filter(|_| !self.blocked.get()) else { return Ok(()) };
        let mut queue = self.queue.borrow_mut();
        while !queue.unsent().is_empty() {
            match stream.try_write(queue.unsent()) {
                Ok(count) => queue.sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked.set(true);
                    self.wake();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        match stream.try_flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked.set(true);
                self.wake();
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// One line in the log for each outage.
    fn report(&self, failure: &Failure) {
        if self.state.get() != State::Down {
            tracing::warn!(node = %self.node, database = self.database, %failure, "lost a node");
        }
    }

    /// The end of a connection that is needed no more.
    fn close(&self) {
        self.stream.take();
        let texts = Texts::new(&self.node.to_string(), "the node has left the cluster");
        self.refusal.borrow_mut().clone_from(&texts.not_sent);
        self.state.set(State::Down);
        self.answer_all(&texts);
    }

    /// Answers all who wait, and refuses who comes until there is a connection again.
    fn fail(&self, failure: &Failure) {
        self.failures.set(self.failures.get() + 1);
        self.stream.take();
        self.blocked.set(false);
        self.broken.take();
        let reason = failure.to_string();
        let texts = Texts::new(&self.node.to_string(), &reason);
        self.context.metrics.failed(failure.kind());
        self.refusal.borrow_mut().clone_from(&texts.not_sent);
        self.state.set(State::Down);
        if let Some(privacy) = &self.privacy {
            privacy.losses.set(privacy.losses.get() + 1);
        }
        self.answer_all(&texts);
        if self.is_primary() {
            self.node.set_down(self.context.thread, reason);
        }
    }

    fn answer_all(&self, texts: &Texts) {
        self.timed_trip.set(None);
        // The queue is not held while it is emptied: who is answered may look at us.
        let mut queue = self.queue.take();
        queue.fail(texts);
        self.queue.replace(queue);
        self.release_held();
    }
}

/// What was queued last is traced, if the hop is there.
#[inline]
fn end_hop(queue: &mut Queue, hop: Option<Box<Hop>>) {
    if let Some(hop) = hop {
        queue.mark(hop);
    }
}

impl Flush for Upstream {
    fn flush(self: Rc<Self>) {
        self.dirty.set(false);
        if self.state.get() != State::Ready {
            return;
        }
        self.count();
        if let Err(error) = self.write() {
            self.broken.replace(Some(error));
            return self.wake();
        }
        if !self.timed.get() {
            self.wake();
        }
        if !self.is_full() {
            self.release_held();
        }
    }
}
