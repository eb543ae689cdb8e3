//! The task of a connection: connects, reads replies, keeps the time, and begins anew after a failure.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use ringmaster_runtime::stream::Stream;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::failure::Failure;
use super::held_back::HeldBack;
use super::overdue::{Overdue, TICKS};
use super::{Patience, State, Upstream, setup};
use crate::dial::dial;

/// First and longest pause before the next try to connect; it doubles from one to the other.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A connection that served this long was a good one: the next try comes at once.
const STEADY: Duration = Duration::from_secs(1);

/// Bytes that are read at once; the buffer grows only for a larger reply.
const READ_BYTES: usize = 64 << 10;

/// Reads before other tasks have their turn.
const READS_MAX: usize = 4;

/// Clients of large replies may hold a connection back for this part of the time that a command may take, once in that time.
const HELD_PART: u32 = 8;

/// Runs until the node has left the cluster.
pub(super) async fn run(upstream: Rc<Upstream>) {
    let mut pause = BACKOFF.0;
    while !upstream.retired.get() {
        let begun = Instant::now();
        let (failure, served) = match connect(&upstream).await {
            Err(failure) => (failure, false),
            Ok(stream) => match serve(&upstream, stream).await {
                Err(failure) => (failure, begun.elapsed() > STEADY),
                Ok(()) => break,
            },
        };
        if upstream.retired.get() {
            break;
        }
        upstream.report(&failure);
        upstream.fail(&failure);
        if served {
            // Most likely the node was restarted: commands wait for the next connection, and are not refused.
            pause = BACKOFF.0;
            upstream.state.set(State::Connecting);
        } else {
            sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }
    upstream.close();
}

async fn connect(upstream: &Upstream) -> Result<Stream, Failure> {
    let limit = upstream.context.limits.get().connect;
    let connected = async {
        let stream = dial(upstream.node.address(), &upstream.context.credentials).await?;
        setup::run(&stream, upstream.database, upstream.protocol).await?;
        if let Some(privacy) = &upstream.privacy {
            privacy.id.set(setup::id(&stream).await?);
        }
        Ok(stream)
    };
    timeout(limit, connected).await.unwrap_or(Err(Failure::ConnectTimeout(limit)))
}

/// Serves until the connection fails, or the node has left and all is answered.
async fn serve(upstream: &Rc<Upstream>, stream: Stream) -> Result<(), Failure> {
    upstream.stream.replace(Some(stream));
    upstream.state.set(State::Ready);
    upstream.privacy.iter().for_each(|privacy| privacy.changed.notify_waiters());
    if upstream.is_primary() {
        upstream.node.set_up(upstream.context.thread);
    }
    upstream.write()?;
    let mut connection = Connection {
        upstream: Rc::clone(upstream),
        buffer: vec![0; READ_BYTES],
        filled: 0,
        overdue: Overdue::default(),
        grows: false,
        timer: Box::pin(sleep(Duration::ZERO)),
        is_in_pieces: false,
        held_back: HeldBack::default(),
        alarm: None,
    };
    let served = poll_fn(|context| connection.poll(context)).await;
    upstream.timed.set(false);
    served
}

/// What the task holds while connected.
struct Connection {
    upstream: Rc<Upstream>,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were read and not taken.
    filled: usize,
    overdue: Overdue,
    /// Bytes of a reply have come since the last tick, and it is not whole yet.
    grows: bool,
    timer: Pin<Box<Sleep>>,
    /// A reply is handed on in pieces.
    is_in_pieces: bool,
    held_back: HeldBack,
    /// Tells when it has held the connection back for as long as it may.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.upstream.task_is(context);
        let written = self.upstream.broken.take().map_or_else(|| self.poll_blocked(context), Err);
        let read = self.poll_read(context)?;
        if let Err(error) = written {
            if read.is_pending() {
                return Poll::Ready(Err(error.into()));
            }
            // Replies that came before the failure are delivered first, over several turns if they are many.
            self.upstream.broken.replace(Some(error));
        }
        if self.upstream.retired.get() && self.upstream.queue.borrow().is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.poll_timer(context)?;
        if read.is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Goes on writing to a socket that took not all.
    fn poll_blocked(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.upstream.blocked.get() {
            match self.upstream.stream.borrow().as_ref().map(|stream| stream.poll_write_ready(context)) {
                Some(Poll::Ready(ready)) => ready?,
                Some(Poll::Pending) | None => break,
            }
            self.upstream.blocked.set(false);
            self.upstream.write()?;
        }
        if !self.upstream.is_full() {
            self.upstream.release_held();
        }
        Ok(())
    }

    /// Reads and delivers; ready when there may be more.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, Failure> {
        for _ in 0..READS_MAX {
            if self.is_in_pieces && self.is_held_back(context) {
                return Ok(Poll::Pending);
            }
            let mut buffer = ReadBuf::new(&mut self.buffer[self.filled..]);
            match self.upstream.stream.borrow_mut().as_mut() {
                None => return Err(Failure::Closed),
                // A read that does not fill the buffer has emptied the socket; `poll_read` notes that, and the next
                // poll waits without asking the system.
                Some(stream) => match Pin::new(stream).poll_read(context, &mut buffer) {
                    Poll::Pending => return Ok(Poll::Pending),
                    Poll::Ready(read) => read?,
                },
            }
            match buffer.filled().len() {
                0 => return Err(Failure::Closed),
                count => self.filled += count,
            }
            let taken = self.take_replies()?;
            self.grows = taken < self.filled || self.is_in_pieces;
            make_room(
                &mut self.buffer,
                &mut self.filled,
                taken,
                self.upstream.context.limits.get().reply_bytes_max,
            )?;
        }
        Ok(Poll::Ready(()))
    }

    /// Delivers what came; how much of it.
    fn take_replies(&mut self) -> Result<usize, Failure> {
        let mut queue = self.upstream.queue.borrow_mut();
        let input = &self.buffer[..self.filled];
        let mut taken = queue.take_replies(input)?;
        if taken == 0 && self.filled == self.buffer.len() && queue.begin_pieces(input) {
            self.held_back.begin(self.upstream.context.limits.get().request, Instant::now());
            taken = queue.take_replies(input)?;
        }
        self.is_in_pieces = queue.is_in_pieces();
        self.upstream.end_trip(queue.progress().0);
        Ok(taken)
    }

    /// Whether the node is not read because the client of the reply at hand has much of it to take yet: no longer than a
    /// part of the time that a command may take, as others wait behind it.
    #[cold]
    fn is_held_back(&mut self, context: &mut Context<'_>) -> bool {
        let longest = self.upstream.context.limits.get().request / HELD_PART;
        let waits = self.upstream.queue.borrow().waits_for_client(context);
        // It is this proxy that is silent, not the node.
        self.grows |= waits;
        let Some(until) = self.held_back.until(waits, longest, Instant::now()) else { return false };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(Duration::ZERO)));
        alarm.as_mut().reset(until);
        alarm.as_mut().poll(context).is_pending()
    }

    /// Whether no reply is late for now; wakes the task when that ends.
    fn is_patient(&mut self, context: &mut Context<'_>) -> bool {
        match self.upstream.patience() {
            Patience::None => false,
            Patience::Forever => true,
            Patience::Until(end) => {
                let is_patient = end > Instant::now();
                if is_patient {
                    self.timer.as_mut().reset(end);
                    // It is set to what is ahead, so all that this does is to ask to be woken.
                    let _ = self.timer.as_mut().poll(context);
                }
                is_patient
            }
        }
    }

    /// Keeps the time while commands are under way.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Result<(), Failure> {
        let request = self.upstream.context.limits.get().request;
        if self.is_patient(context) {
            self.upstream.timed.set(false);
            return Ok(());
        }
        if !self.upstream.timed.get() {
            if self.upstream.queue.borrow().is_empty() {
                return Ok(());
            }
            self.overdue = Overdue::default();
            self.upstream.timed.set(true);
            self.timer.as_mut().reset(Instant::now() + request / TICKS);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let (answered, queued) = self.upstream.queue.borrow().progress();
            if std::mem::take(&mut self.grows) {
                // A large reply on its way is no silence: all clients of the node would lose their commands for it.
                self.overdue = Overdue::default();
            }
            if self.overdue.tick(answered, queued) {
                return Err(Failure::Late(request));
            }
            if answered == queued {
                self.upstream.timed.set(false);
                return Ok(());
            }
            self.timer.as_mut().reset(Instant::now() + request / TICKS);
        }
        Ok(())
    }
}

/// Drops the first `taken` of `filled` bytes, and sees to it that more can be read behind the rest.
fn make_room(
    buffer: &mut Vec<u8>,
    filled: &mut usize,
    taken: usize,
    bytes_max: usize,
) -> Result<(), Failure> {
    buffer.copy_within(taken..*filled, 0);
    *filled -= taken;
    if *filled == 0 && buffer.len() > READ_BYTES {
        *buffer = vec![0; READ_BYTES];
    }
    if *filled == buffer.len() {
        if buffer.len() >= bytes_max {
            return Err(Failure::ReplyTooLarge(bytes_max));
        }
        buffer.resize(buffer.len() * 2, 0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::sync::Arc;

    use ringmaster_protocol::resp::Protocol;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::hot_keys::HotKeys;
    use crate::telemetry::{NodeStatus, ThreadMetrics};
    use crate::traces::Tracer;
    use crate::upstream::{Lane, TakePart, UpstreamContext, UpstreamLimits};

    #[derive(Default)]
    struct Taken(RefCell<Vec<u8>>);

    impl TakePart for Taken {
        fn take_part(self: Rc<Self>, _index: u32, reply: &[u8]) {
            self.0.borrow_mut().extend_from_slice(reply);
        }
    }

    fn upstream() -> Rc<Upstream> {
        let limits = UpstreamLimits {
            connect: Duration::from_secs(20),
            request: Duration::from_secs(20),
            pause_bytes: 1 << 20,
            reply_bytes_max: 1 << 20,
        };
        let context = UpstreamContext {
            turn: Rc::default(),
            limits: Cell::new(limits),
            metrics: Arc::new(ThreadMetrics::default()),
            thread: 0,
            credentials: Arc::default(),
            hot_keys: HotKeys::alone(),
            tracer: Tracer::new(None),
            lines: Rc::default(),
        };
        Upstream::new(NodeStatus::for_test(), Lane::new(0, Protocol::Resp2), Rc::new(context), None)
    }

    #[tokio::test]
    async fn replies_that_came_before_a_failed_write_are_delivered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut node = listener.accept().await.unwrap().0;
        node.write_all(b"+one\r\n+two\r\n").await.unwrap();
        stream.readable().await.unwrap();
        let (upstream, taken) = (upstream(), Rc::new(Taken::default()));
        for index in 0..3 {
            let to = Rc::clone(&taken) as Rc<dyn TakePart>;
            upstream.queue.borrow_mut().push_part(to, index, b"PING\r\n", false);
        }
        upstream.broken.replace(Some(io::ErrorKind::BrokenPipe.into()));
        let failure = serve(&upstream, stream.into()).await.unwrap_err();
        assert!(matches!(failure, Failure::Lost(_)), "{failure}");
        assert_eq!(*taken.0.borrow(), b"+one\r\n+two\r\n");
    }
}
