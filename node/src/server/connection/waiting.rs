//! A client that waits for a key: until it is served, its time is over, or it is unblocked or gone.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ringmaster_protocol::resp::reply::Reply;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::io::poll_read_buf;

use super::{Connection, Fate};
use crate::server::clients::Unblock;
use crate::server::shared::unix_millis;
use crate::waiting::Waiter;

/// Bytes that are read while the client waits: from there on its going away is seen only when it is served.
const LATE_BYTES_MAX: usize = 1 << 20;

/// Longest time that is waited at a stretch; a client that waits longer, waits again.
const STRETCH: Duration = Duration::from_secs(1 << 25);

/// What ends the waiting, or interrupts it.
enum Event {
    Served,
    /// Whoever changed the key could not serve: the client is to try.
    Called,
    TimedOut,
    Unblocked(Unblock),
    Mail,
    Gone,
}

/// What interrupts the wait of a client, whatever it waits for.
pub(super) enum Interruption {
    Mail,
    Gone,
}

impl Connection {
    /// Waits for what `waiter` wants and writes the reply.
    pub(super) async fn wait_for_key(&mut self, waiter: &Arc<Waiter>) -> io::Result<Fate> {
        self.handle.publish(&self.session);
        self.handle.begin_waiting();
        let began = self.begin_wait();
        let ended = self.await_end(waiter).await;
        self.handle.end_waiting();
        let served = waiter.leave();
        self.leave_queues(waiter).await;
        self.end_wait(began);
        let event = ended?;
        if let Some(reply) = served {
            self.output.extend_from_slice(&reply);
            return Ok(Fate::Open);
        }
        let mut reply = Reply::new(&mut self.output, self.session.protocol);
        match event {
            Event::Gone => return Ok(Fate::Close),
            Event::Unblocked(Unblock::Error) => {
                reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
            }
            _ => waiter.wish().time_over(&mut reply),
        }
        Ok(Fate::Open)
    }

    async fn await_end(&mut self, waiter: &Waiter) -> io::Result<Event> {
        // What was answered before must not wait with this one.
        self.flush().await?;
        let began = Instant::now();
        let millis = waiter.wish().timeout_millis().unwrap_or_default();
        let limit = (millis > 0).then(|| Duration::from_millis(millis));
        loop {
            let rest = limit.map_or(STRETCH, |limit| limit.saturating_sub(began.elapsed()).min(STRETCH));
            let mut alarm = pin!(sleep_until(Instant::now() + rest));
            match poll_fn(|context| self.poll_event(waiter, alarm.as_mut(), context)).await? {
                Event::Mail => self.deliver().await?,
                Event::Called => self.attempt(waiter).await,
                Event::TimedOut if limit.is_none_or(|limit| began.elapsed() < limit) => {}
                event => return Ok(event),
            }
        }
    }

    fn poll_event(
        &mut self,
        waiter: &Waiter,
        alarm: Pin<&mut Sleep>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Event>> {
        match waiter.poll(context) {
            Poll::Ready(true) => return Poll::Ready(Ok(Event::Served)),
            Poll::Ready(false) => return Poll::Ready(Ok(Event::Called)),
            Poll::Pending => {}
        }
        if let Some(unblock) = self.handle.take_unblock() {
            return Poll::Ready(Ok(Event::Unblocked(unblock)));
        }
        match self.poll_interruption(context) {
            Poll::Ready(Ok(Interruption::Mail)) => return Poll::Ready(Ok(Event::Mail)),
            Poll::Ready(Ok(Interruption::Gone)) => return Poll::Ready(Ok(Event::Gone)),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {}
        }
        alarm.poll(context).map(|()| Ok(Event::TimedOut))
    }

    /// What interrupts a wait of any kind; keeps what comes from the client meanwhile.
    pub(super) fn poll_interruption(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Interruption>> {
        if self.handle.is_finishing() {
            return Poll::Ready(Ok(Interruption::Gone));
        }
        if self.handle.mailbox.has_mail() {
            return Poll::Ready(Ok(Interruption::Mail));
        }
        match ready!(self.poll_late(context)) {
            Ok(()) => Poll::Ready(Ok(Interruption::Gone)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Ready when the client has closed its side, or is to be closed; keeps what comes from it meanwhile.
    pub(super) fn poll_leaving(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if self.handle.is_aborted() {
            return Poll::Ready(io::ErrorKind::TimedOut.into());
        }
        self.poll_late(context).map(|left| left.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()))
    }

    /// Keeps what comes from the client; ready when nothing more comes.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.late.len() < LATE_BYTES_MAX {
            match ready!(poll_read_buf(Pin::new(&mut self.stream), context, &mut self.late))? {
                0 => return Poll::Ready(Ok(())),
                read => self.worker.counters().input_bytes.add(read as u64),
            }
        }
        Poll::Pending
    }

    /// Attempts the wish with all its slots held.
    async fn attempt(&mut self, waiter: &Waiter) {
        self.now = unix_millis();
        while let Err(slot) = self.worker.shared.engine.attempt(waiter, self.moment()) {
            self.wait_for_slot(slot).await;
        }
    }

    /// Takes the client out of the queues of all its keys.
    async fn leave_queues(&mut self, waiter: &Arc<Waiter>) {
        let mut place = 0;
        loop {
            match self.worker.shared.engine.leave_queue(waiter, place) {
                Ok(true) => place += 1,
                Ok(false) => return,
                Err(slot) => self.wait_for_slot(slot).await,
            }
        }
    }
}
