//! The handle that callers hold.

use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use crate::{
    command::Command,
    connect::connect,
    driver::Driver,
    error::Error,
    options::Options,
    pipeline::Pipeline,
    request::{Outcome, Pending, Request},
    ticket::Ticket,
    value::{FromValue, Value},
};

/// One connection, shared by any number of tasks: cloning the handle is cheap, the commands of all clones are
/// pipelined. Commands of one task that waits for each reply are applied in its order; between tasks there is
/// no order.
///
/// The connection closes when the last clone is gone and the replies that are owed have come. When it is lost,
/// the commands that were sent and not answered are [`Error::MaybeApplied`], and the next command makes a new
/// connection.
///
/// What is state of a connection is shared as well: do not `SELECT` here (use [`Options::database`]), put
/// `MULTI` … `EXEC` into one [`Pipeline`], and give blocking commands (`BLPOP`) a client of their own, because
/// all that is sent after them waits for them.
#[derive(Clone)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
    room_max_bytes: u32,
    request_timeout: Duration,
}

/// Takes a request out of the queue when its caller stops waiting.
struct WithdrawOnDrop(Ticket);

impl Drop for WithdrawOnDrop {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

impl Client {
    /// Connects to `address` (`host:port`) with the default [`Options`].
    ///
    /// # Errors
    /// [`Error::NotSent`] when there is no connection within the connect timeout.
    ///
    /// Cancel safe: dropping the future closes the connection.
    pub async fn connect(address: impl Into<String>) -> Result<Client, Error> {
        Client::connect_with(address, Options::default()).await
    }

    /// Connects to `address` (`host:port`). Needs a tokio runtime; its task lives on it.
    ///
    /// # Errors
    /// [`Error::Server`] when the server refused the handshake (e.g. `WRONGPASS`, `NOAUTH`), else as
    /// [`Client::connect`].
    ///
    /// Cancel safe: dropping the future closes the connection.
    pub async fn connect_with(address: impl Into<String>, options: Options) -> Result<Client, Error> {
        let options = Options { queue_max: options.queue_max.max(1), ..options };
        let address = address.into();
        let connection = connect(&address, &options).await?;
        let (sender, requests) = mpsc::channel(options.queue_max);
        let client = Client {
            requests: sender,
            room: Arc::new(Semaphore::new(options.queue_max_bytes as usize)),
            room_max_bytes: options.queue_max_bytes,
            request_timeout: options.request_timeout,
        };
        tokio::spawn(Driver::new(address, options, requests).run(connection));
        Ok(client)
    }

    /// Sends a command, name first, and waits for its reply.
    ///
    /// # Errors
    /// Any [`Error`]; its variant says whether the command may be sent again. `SUBSCRIBE`, `MONITOR` and the
    /// like are refused as [`Error::NotSent`]: they take over a connection.
    ///
    /// Cancel safety: dropping the future while the command waits in the queue takes it out, unsent. Once it is
    /// sent it is or will be applied, and its reply is read and dropped; the connection stays usable.
    pub async fn command<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<Value, Error> {
        self.execute(&Command::from_words(words)).await
    }

    /// As [`Client::command`], for a [`Command`] built piece by piece.
    ///
    /// # Errors
    /// As [`Client::command`].
    ///
    /// Cancel safety: as [`Client::command`].
    pub async fn execute(&self, command: &Command) -> Result<Value, Error> {
        let mut bytes = BytesMut::new();
        command.encode(&mut bytes)?;
        let outcome = self.submit(bytes.freeze(), 1).await.pop();
        outcome.unwrap_or_else(|| Err(Error::Protocol("no reply".into())))
    }

    /// A pipeline: commands that are written in one piece and answered together.
    pub fn pipeline(&self) -> Pipeline<'_> {
        Pipeline::new(self)
    }

    /// Sends `command` and converts the reply.
    pub(crate) async fn query<T: FromValue>(&self, command: Command) -> Result<T, Error> {
        self.execute(&command).await.and_then(T::from_value)
    }

    /// Queues `count` encoded commands and waits for their replies: exactly `count` outcomes.
    pub(crate) async fn submit(&self, bytes: Bytes, count: usize) -> Vec<Outcome> {
        let ticket = Ticket::default();
        let withdraw = WithdrawOnDrop(ticket.clone());
        let exchange = self.exchange(bytes, count, ticket);
        let failed = match timeout(self.request_timeout, exchange).await {
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
    async fn exchange(&self, bytes: Bytes, count: usize, ticket: Ticket) -> io::Result<Vec<Outcome>> {
        let too_large = || {
            let text = format!("{} bytes of commands, the limit is {}", bytes.len(), self.room_max_bytes);
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let share = u32::try_from(bytes.len()).ok().filter(|&share| share <= self.room_max_bytes);
        let share = share.ok_or_else(too_large)?;
        let share = self.room.clone().acquire_many_owned(share).await.map_err(|_| stopped())?;
        let (caller, outcomes) = oneshot::channel();
        let request = Request { bytes, ticket, pending: Pending::new(count, caller, share) };
        self.requests.send(request).await.map_err(|_| stopped())?;
        outcomes.await.map_err(|_| stopped())
    }
}

/// The request was dropped on its way: its connection was lost while it waited for room, or the runtime stopped.
fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the connection was lost or the runtime has stopped")
}
