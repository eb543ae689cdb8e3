//! One server, and the connection to it that all commands share.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    address::Address,
    driver::Driver,
    error::Error,
    options::Options,
    request::{Outcome, Pending, Request},
    ticket::Ticket,
};

/// The way to a server.
pub(crate) struct Endpoint {
    /// Where it listens.
    pub(crate) address: Address,
    requests: mpsc::Sender<Request>,
    room: Room,
    connected: Arc<AtomicBool>,
}

/// Bytes that may wait.
struct Room {
    bytes: Arc<Semaphore>,
    max: u32,
}

/// Takes a request out of the queue when its caller stops waiting.
struct WithdrawOnDrop(Ticket);

impl Drop for WithdrawOnDrop {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

impl Endpoint {
    /// The way to `address`, and the driver that has to run for it. An `eager` one makes a lost connection anew by
    /// itself, another one when a command asks for it.
    pub(crate) fn new(address: Address, options: Arc<Options>, eager: bool) -> (Endpoint, Driver) {
        let (sender, requests) = mpsc::channel(options.queue_max.max(1));
        let connected = Arc::new(AtomicBool::new(false));
        let max = options.queue_max_bytes;
        let endpoint = Endpoint {
            address: address.clone(),
            requests: sender,
            room: Room { bytes: Arc::new(Semaphore::new(max as usize)), max },
            connected: Arc::clone(&connected),
        };
        (endpoint, Driver::new(address, options, requests, connected, eager))
    }

    /// Whether there is a connection now, as far as we know.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// Queues `count` encoded commands and waits for their replies, until `deadline`: exactly `count` outcomes.
    pub(crate) async fn submit(&self, bytes: Bytes, count: usize, deadline: Instant) -> Vec<Outcome> {
        let ticket = Ticket::default();
        let withdraw = WithdrawOnDrop(ticket.clone());
        let exchange = self.exchange(bytes, count, ticket, deadline);
        let failed = match timeout_at(deadline, exchange).await {
            Ok(Ok(outcomes)) => return outcomes,
            Ok(Err(error)) => error,
            Err(_) if withdraw.0.withdraw() => {
                io::Error::new(io::ErrorKind::TimedOut, "timed out in the queue")
            }
            Err(_) => return (0..count).map(|_| Err(Error::Timeout)).collect(),
        };
        let sent = withdraw.0.is_sent();
        let copy = || io::Error::new(failed.kind(), failed.to_string());
        (0..count)
            .map(|_| Err(if sent { Error::MaybeApplied(copy()) } else { Error::NotSent(copy()) }))
            .collect()
    }

    /// Waits for room, for a place in the queue, for the replies.
    async fn exchange(
        &self,
        bytes: Bytes,
        count: usize,
        ticket: Ticket,
        deadline: Instant,
    ) -> io::Result<Vec<Outcome>> {
        let too_large = || {
            let text = format!("{} bytes of commands, the limit is {}", bytes.len(), self.room.max);
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let share = u32::try_from(bytes.len()).ok().filter(|&share| share <= self.room.max);
        let share = share.ok_or_else(too_large)?;
        let share = Arc::clone(&self.room.bytes).acquire_many_owned(share).await.map_err(|_| stopped())?;
        let (caller, outcomes) = oneshot::channel();
        let request = Request { bytes, ticket, pending: Pending::new(count, caller, deadline, share) };
        self.requests.send(request).await.map_err(|_| stopped())?;
        outcomes.await.map_err(|_| stopped())
    }
}

/// The request was dropped on its way: its connection was lost while it waited for room, or the runtime stopped.
fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the connection was lost or the runtime has stopped")
}
