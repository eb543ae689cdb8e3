//! The task of a connection: connects, reads replies, keeps the time, and begins anew after a failure.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::failure::Failure;
use super::overdue::{Overdue, TICKS};
use super::{State, Upstream, setup};

/// First and longest pause before the next try to connect; it doubles from one to the other.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A connection that served this long was a good one: the next try comes at once.
const STEADY: Duration = Duration::from_secs(1);

/// Bytes that are read at once; the buffer grows only for a larger reply.
const READ_BYTES: usize = 64 << 10;

/// Reads before other tasks have their turn.
const READS_MAX: usize = 4;

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

async fn connect(upstream: &Upstream) -> Result<TcpStream, Failure> {
    let limit = upstream.context.limits.get().connect;
    let connected = async {
        let stream = TcpStream::connect(upstream.node.address()).await.map_err(Failure::Connect)?;
        stream.set_nodelay(true)?;
        setup::run(&stream, upstream.database, upstream.protocol).await?;
        Ok(stream)
    };
    timeout(limit, connected).await.unwrap_or(Err(Failure::ConnectTimeout(limit)))
}

/// Serves until the connection fails, or the node has left and all is answered.
async fn serve(upstream: &Rc<Upstream>, stream: TcpStream) -> Result<(), Failure> {
    upstream.stream.replace(Some(stream));
    upstream.state.set(State::Ready);
    if upstream.is_primary() {
        upstream.node.set_up(upstream.context.thread);
    }
    upstream.write()?;
    let mut connection = Connection {
        upstream: Rc::clone(upstream),
        buffer: vec![0; READ_BYTES],
        filled: 0,
        overdue: Overdue::default(),
        timer: Box::pin(sleep(Duration::ZERO)),
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
    timer: Pin<Box<Sleep>>,
}

impl Connection {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.upstream.task_is(context);
        if let Some(error) = self.upstream.broken.take() {
            return Poll::Ready(Err(error.into()));
        }
        self.poll_blocked(context)?;
        let read = self.poll_read(context)?;
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
    fn poll_blocked(&mut self, context: &mut Context<'_>) -> Result<(), Failure> {
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
            let taken = self.upstream.queue.borrow_mut().take_replies(&self.buffer[..self.filled])?;
            make_room(
                &mut self.buffer,
                &mut self.filled,
                taken,
                self.upstream.context.limits.get().reply_bytes_max,
            )?;
        }
        Ok(Poll::Ready(()))
    }

    /// Keeps the time while commands are under way.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Result<(), Failure> {
        let request = self.upstream.context.limits.get().request;
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
