//! What is published, as a stream of events.
//!
//! ```text
//! Subscription ──wanted──► listener task ──SUBSCRIBE …──► server       a connection of its own
//!      ▲──────events──────────┘ ◄──────messages──────────┘             made anew when it is lost
//! ```

mod change;
mod listener;
mod message;
mod talk;
mod wanted;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::Stream;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

pub use message::Message;
pub use wanted::SUBSCRIBED_MAX;

use crate::{
    client::Client,
    error::{Error, ServerError},
};
use change::{Change, Kind};
use listener::{Listener, Shared};

/// What a subscription tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Somebody published.
    Message(Message),
    /// The connection was lost, and another is being made. What is published from here on to
    /// [`Event::Resubscribed`] is not heard: Redis keeps no message for who is away.
    Lost,
    /// There is a connection again, and all that is subscribed to is confirmed. Read anew what the messages told of:
    /// some may be lost.
    Resubscribed,
    /// The server refuses one name of what [`Subscription::subscribe`] and its like have asked for, or no longer
    /// lets us listen to it (`NOPERM`). That name is subscribed to no longer, the others are. What is refused for
    /// the moment ([`Error::is_retry_safe`]) is not told but asked for again.
    Refused(ServerError),
}

/// A subscription: a [`Stream`] of [`Event`]s. Dropping it closes its connection.
///
/// It ends only when the runtime stops, or without [`Options::reconnect`](crate::Options::reconnect) after
/// [`Event::Lost`].
///
/// **Backpressure**: at most [`Options::events_max`](crate::Options::events_max) events wait for their reader.
/// Beyond, nothing more is read, and a server closes who does not read for long (`client-output-buffer-limit`);
/// that is told as [`Event::Lost`]. It listens to [`SUBSCRIBED_MAX`] names at most.
///
/// **Cancel safety** of all that waits for the next event: no event is lost when its future is dropped.
pub struct Subscription {
    events: mpsc::Receiver<Event>,
    shared: Arc<Shared>,
}

impl Client {
    /// `SUBSCRIBE`: hears what is published on channels of these names, of all of them from the return on.
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

    /// Tried as often as the policy says when the server refuses it for the moment.
    async fn listen(&self, first: Change) -> Result<Subscription, Error> {
        if first.is_empty() {
            return Err(Error::refused("a subscription to nothing"));
        }
        let deadline = self.limit().deadline();
        for attempt in 1.. {
            let refused = match self.listen_once(&first, deadline).await {
                Err(Error::Server(error)) if Error::Server(error.clone()).is_retry_safe() => error,
                final_answer => return final_answer,
            };
            if !self.waits_for_next(attempt, deadline).await {
                return Err(Error::Server(refused));
            }
        }
        Err(Error::refused("no attempt to subscribe"))
    }

    async fn listen_once(&self, first: &Change, deadline: Instant) -> Result<Subscription, Error> {
        let shared = Arc::new(Shared::default());
        shared.with(|wanted| wanted.note(first))?;
        let connection = self.fresh(deadline).await?;
        let (teller, events) = mpsc::channel(self.options().events_max);
        let (ready, is_ready) = oneshot::channel();
        let listener = Listener::new(self.clone(), Arc::clone(&shared), teller, ready);
        tokio::spawn(listener.run(connection));
        match timeout_at(deadline, is_ready).await {
            Ok(Ok(answer)) => answer.map(|()| Subscription { events, shared }),
            Ok(Err(_)) => Err(Error::NotSent(io::ErrorKind::BrokenPipe.into())),
            Err(_) => Err(Error::Timeout),
        }
    }
}

impl Subscription {
    /// Listens to more channels. It holds from when the server has read it, which this does not wait for; if the
    /// server refuses, there is an [`Event::Refused`]. It never waits, so it may be called by who reads the events.
    ///
    /// # Errors
    /// [`Error::NotSent`] when the subscription has ended, or has [`SUBSCRIBED_MAX`] names.
    ///
    /// Cancel safe: a dropped future changes nothing.
    pub async fn subscribe<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.change(&Change::add(Kind::Channel, names))
    }

    /// Listens to more patterns.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn psubscribe<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.change(&Change::add(Kind::Pattern, names))
    }

    /// Listens to more shard channels.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn ssubscribe<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.change(&Change::add(Kind::Shard, names))
    }

    /// Listens to these channels no longer. Messages that are on their way still come.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn unsubscribe<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.change(&Change::remove(Kind::Channel, names))
    }

    /// Listens to these patterns no longer.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn punsubscribe<N: AsRef<[u8]>>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<(), Error> {
        self.change(&Change::remove(Kind::Pattern, names))
    }

    /// Listens to these shard channels no longer.
    ///
    /// # Errors
    /// As [`Subscription::subscribe`]. Cancel safety: as there.
    pub async fn sunsubscribe<N: AsRef<[u8]>>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<(), Error> {
        self.change(&Change::remove(Kind::Shard, names))
    }

    /// The next event, as of a stream; `None` when the subscription has ended.
    ///
    /// Cancel safe: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Has the listener tell the server. Never waits.
    fn change(&self, change: &Change) -> Result<(), Error> {
        if self.events.is_closed() {
            let ended = io::Error::new(io::ErrorKind::NotConnected, "the subscription has ended");
            return Err(Error::NotSent(ended));
        }
        self.shared.with(|wanted| wanted.note(change))?;
        self.shared.notify();
        Ok(())
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(context)
    }
}
