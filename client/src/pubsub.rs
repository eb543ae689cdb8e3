//! What is published, as a stream of events.
//!
//! ```text
//! Subscription ──changes──► listener task ──SUBSCRIBE …──► server      a connection of its own
//!      ▲──────events──────────┘ ◄──────messages──────────┘             made anew when it is lost
//! ```

mod listener;
mod message;
mod wanted;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout_at,
};

pub use message::Message;

use crate::{
    client::Client,
    error::{Error, ServerError},
};
use listener::Listener;
use wanted::{Change, Kind};

/// Most changes of a subscription that wait to be sent.
const CHANGES_MAX: usize = 16;

/// What a subscription tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Somebody published.
    Message(Message),
    /// The connection was lost, and another is being made. What is published from here on to
    /// [`Event::Resubscribed`] is not heard: Redis keeps no message for who is away.
    Lost,
    /// There is a connection again, all that was subscribed to is subscribed to again. Read anew what the messages
    /// told of: some may be lost.
    Resubscribed,
    /// The server refuses what [`Subscription::subscribe`] and its like have asked for, or no longer lets us
    /// listen (`NOPERM`).
    Refused(ServerError),
}

/// A subscription: a [`Stream`] of [`Event`]s. Dropping it closes its connection.
///
/// It ends only when the runtime stops, or without [`Options::reconnect`](crate::Options::reconnect) after
/// [`Event::Lost`].
///
/// **Backpressure**: at most [`Options::events_max`](crate::Options::events_max) events wait for their reader.
/// Beyond, nothing more is read, and a server closes who does not read for long (`client-output-buffer-limit`);
/// that is told as [`Event::Lost`].
///
/// **Cancel safety** of all that waits for the next event: no event is lost when its future is dropped.
pub struct Subscription {
    events: mpsc::Receiver<Event>,
    changes: mpsc::Sender<Change>,
}

impl Client {
    /// `SUBSCRIBE`: hears what is published on channels of these names, from the return on.
    ///
    /// ```no_run
    /// # async fn example(client: ringmaster_client::Client) -> Result<(), ringmaster_client::Error> {
    /// use ringmaster_client::Event;
    /// let mut news = client.subscribe(["news"]).await?;
    /// while let Some(event) = news.next().await {
    ///     match event {
    ///         Event::Message(message) => println!("{:?}", message.payload),
    ///         Event::Resubscribed => println!("some news may be lost"),
    ///         Event::Lost | Event::Refused(_) => {}
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotSent`] when there is no connection, [`Error::Server`] when the server refuses (`NOPERM`),
    /// [`Error::Timeout`] when it does not answer in time.
    ///
    /// Cancel safe: dropping the future listens to nothing.
    pub async fn subscribe<N: AsRef<[u8]>>(
        &self,
        channels: impl IntoIterator<Item = N>,
    ) -> Result<Subscription, Error> {
        self.listen(Change::add(Kind::Channel, channels)).await
    }

    /// `PSUBSCRIBE`: hears what is published on channels whose names match one of these patterns.
    ///
    /// # Errors
    /// As [`Client::subscribe`]. Cancel safety: as there.
    pub async fn psubscribe<N: AsRef<[u8]>>(
        &self,
        patterns: impl IntoIterator<Item = N>,
    ) -> Result<Subscription, Error> {
        self.listen(Change::add(Kind::Pattern, patterns)).await
    }

    /// `SSUBSCRIBE`: hears what is published (`SPUBLISH`) on shard channels of these names.
    ///
    /// # Errors
    /// As [`Client::subscribe`]. Cancel safety: as there.
    pub async fn ssubscribe<N: AsRef<[u8]>>(
        &self,
        channels: impl IntoIterator<Item = N>,
    ) -> Result<Subscription, Error> {
        self.listen(Change::add(Kind::Shard, channels)).await
    }

    async fn listen(&self, first: Change) -> Result<Subscription, Error> {
        if first.is_empty() {
            return Err(Error::refused("a subscription to nothing"));
        }
        let connection = self.fresh().await?;
        let (teller, events) = mpsc::channel(self.options().events_max);
        let (changes, asked) = mpsc::channel(CHANGES_MAX);
        let (ready, is_ready) = oneshot::channel();
        let listener = Listener::new(self.clone(), teller, asked, ready);
        tokio::spawn(listener.run(connection, first));
        match timeout_at(self.limit().deadline(), is_ready).await {
            Ok(Ok(answer)) => answer.map(|()| Subscription { events, changes }),
            Ok(Err(_)) => Err(Error::NotSent(io::ErrorKind::BrokenPipe.into())),
            Err(_) => Err(Error::Timeout),
        }
    }
}

impl Subscription {
    /// Listens to more channels. It holds from when the server has read it, which this does not wait for; if the
    /// server refuses, there is an [`Event::Refused`].
    ///
    /// # Errors
    /// [`Error::NotSent`] when the subscription has ended.
    ///
    /// Cancel safe: a dropped future changes nothing.
    pub async fn subscribe<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.change(Change::add(Kind::Channel, names)).await
    }

    /// Listens to more patterns.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn psubscribe<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.change(Change::add(Kind::Pattern, names)).await
    }

    /// Listens to more shard channels.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn ssubscribe<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.change(Change::add(Kind::Shard, names)).await
    }

    /// Listens to these channels no longer. Messages that are on their way still come.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn unsubscribe<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.change(Change::remove(Kind::Channel, names)).await
    }

    /// Listens to these patterns no longer.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn punsubscribe<N: AsRef<[u8]>>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<(), Error> {
        self.change(Change::remove(Kind::Pattern, names)).await
    }

    /// Listens to these shard channels no longer.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn sunsubscribe<N: AsRef<[u8]>>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<(), Error> {
        self.change(Change::remove(Kind::Shard, names)).await
    }

    /// The next event, as of a stream; `None` when the subscription has ended.
    ///
    /// Cancel safe: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    async fn change(&self, change: Change) -> Result<(), Error> {
        if change.is_empty() {
            return Ok(());
        }
        change.command()?;
        let ended =
            |_| Error::NotSent(io::Error::new(io::ErrorKind::NotConnected, "the subscription has ended"));
        self.changes.send(change).await.map_err(ended)
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(context)
    }
}

/// Names as they go over the wire.
fn owned<N: AsRef<[u8]>>(names: impl IntoIterator<Item = N>) -> Vec<Bytes> {
    names.into_iter().map(|name| Bytes::copy_from_slice(name.as_ref())).collect()
}
