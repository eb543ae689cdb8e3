//! The task behind a subscription: keeps a connection, tells what comes over it, makes it anew.
//!
//! One loop does everything that may have to wait, so that nothing waits for anything else: a reader that takes no
//! events holds up neither changes nor the end, a server that reads nothing holds up neither messages nor the end.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::BytesMut;
use futures_util::StreamExt as _;
use tokio::{
    io::AsyncWriteExt as _,
    sync::{Notify, mpsc, oneshot},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};

use super::{
    Event,
    message::Heard,
    talk::{LOOKS, Talk},
    wanted::Wanted,
};
use crate::{
    backoff::Backoff, client::Client, connect::connect, connection::Connection, error::Error, transport::Sink,
};

/// Most events that wait while a subscription is made: of its first names, until the last one is confirmed.
const TOLD_EARLY_MAX: usize = 1024;

/// What a subscription and its listener share.
#[derive(Default)]
pub(super) struct Shared {
    wanted: Mutex<Wanted>,
    changed: Notify,
}

impl Shared {
    /// Looks at what is wanted, or changes it; the listener sees it then.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Wanted) -> T) -> T {
        look(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the listener look at what is wanted.
    pub(super) fn notify(&self) {
        self.changed.notify_one();
    }
}

/// Why a connection is listened to no longer.
enum Ended {
    /// The subscription was dropped, or refused when it was made.
    Unwanted,
    /// It was lost.
    Lost(io::Error),
}

/// See the module.
pub(super) struct Listener {
    client: Client,
    shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    /// Waits until all of the subscription is confirmed.
    ready: Option<oneshot::Sender<Result<(), Error>>>,
    talk: Talk,
}

impl Listener {
    pub(super) fn new(
        client: Client,
        shared: Arc<Shared>,
        events: mpsc::Sender<Event>,
        ready: oneshot::Sender<Result<(), Error>>,
    ) -> Listener {
        let options = client.options();
        let talk = Talk::new(Backoff::new(options.backoff_min, options.backoff_max));
        Listener { client, shared, events, ready: Some(ready), talk }
    }

    /// Listens, until the subscription is dropped or may not go on.
    pub(super) async fn run(mut self, connection: Connection) {
        let mut next = Some(connection);
        while let Some(connection) = next {
            match self.listen(connection).await {
                Ended::Unwanted => return,
                Ended::Lost(error) if self.ready.is_some() => return self.answer(Err(Error::NotSent(error))),
                Ended::Lost(error) => tracing::debug!(%error, "subscribed connection lost"),
            }
            // Once for each gap, also when several connections are lost in it.
            let is_told = !self.talk.is_settled() || self.events.send(Event::Lost).await.is_ok();
            if !is_told || !self.client.options().reconnect {
                return;
            }
            next = self.reconnect().await;
            self.talk = self.shared.with(|wanted| self.talk.begin(wanted));
        }
    }

    /// Another connection; `None` when nobody wants one any more. Tried until then, and always after a wait: there
    /// are servers that accept and close.
    async fn reconnect(&mut self) -> Option<Connection> {
        let options = Arc::clone(self.client.options());
        loop {
            self.talk.backoff.failed_with_others(Instant::now());
            let attempt = async {
                sleep_until(self.talk.backoff.next_attempt()).await;
                connect(&self.client.next().address, &options).await
            };
            tokio::select! {
                // The end first: there may be no server for ever.
                biased;
                () = self.events.closed() => return None,
                connected = attempt => match connected {
                    Ok(connection) => return Some(connection),
                    Err(error) => tracing::debug!(%error, "no connection for a subscription"),
                },
            }
        }
    }

    /// Asks for all that is wanted, and tells what comes until `connection` ends.
    async fn listen(&mut self, mut connection: Connection) -> Ended {
        match self.hear(&mut connection).await {
            Ok(()) => Ended::Unwanted,
            Err(error) => Ended::Lost(error),
        }
    }

    /// Ends well when the subscription was dropped or refused.
    async fn hear(&mut self, connection: &mut Connection) -> io::Result<()> {
        let mut look = looks(self.client.options().request_timeout);
        let (mut unflushed, mut buffered) = (false, 0);
        loop {
            if !self.answers_first() {
                return Ok(());
            }
            let now = Instant::now();
            self.shared.with(|wanted| self.talk.ask(wanted, now)).map_err(io::Error::other)?;
            unflushed |= !self.talk.out.is_empty();
            // What waits to be told holds up what else there is to hear, and nothing more.
            let tells = !self.talk.told.is_empty();
            // Who makes the subscription cannot take events yet, and waits for what comes behind them.
            let hears = !tells || self.ready.is_some() && self.talk.told.len() < TOLD_EARLY_MAX;
            tokio::select! {
                // What is rare first: messages may come without end.
                biased;
                () = self.events.closed() => return Ok(()),
                () = self.shared.changed.notified() => {}
                () = retry(self.talk.retry_at()) => {}
                room = self.events.reserve(), if tells => match room.map(|room| (room, self.talk.told.pop_front())) {
                    Ok((room, Some(event))) => room.send(event),
                    _ => return Ok(()),
                },
                written = write(&mut connection.sink, &mut self.talk.out), if unflushed => {
                    unflushed = written?;
                    self.talk.wrote();
                }
                _ = look.tick(), if hears => {
                    let before = std::mem::replace(&mut buffered, connection.replies.read_buffer().len());
                    if before != buffered {
                        self.talk.heard_something();
                    }
                    self.talk.look()?;
                }
                heard = connection.replies.next(), if hears => {
                    let heard = heard.ok_or(io::ErrorKind::UnexpectedEof)??;
                    let heard = heard.map_err(Error::Protocol).and_then(Heard::of);
                    let heard = heard.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                    self.shared.with(|wanted| self.talk.hear(heard, wanted, now));
                }
            }
        }
    }

    /// Answers who makes the subscription, once it is known how that went; false when it is refused.
    fn answers_first(&mut self) -> bool {
        let end = |event: &Event| matches!(event, Event::Resubscribed | Event::Refused(_));
        if self.ready.is_none() || !self.talk.told.iter().any(end) {
            return true;
        }
        let at = self.talk.told.iter().position(end).unwrap_or_default();
        match self.talk.told.remove(at) {
            Some(Event::Refused(error)) => {
                self.answer(Err(Error::Server(error)));
                false
            }
            _ => {
                self.answer(Ok(()));
                true
            }
        }
    }

    fn answer(&mut self, answer: Result<(), Error>) {
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(answer);
        }
    }
}

/// When a server is looked at that may be silent for so long.
fn looks(longest_silence: Duration) -> Interval {
    let between = (longest_silence / LOOKS).max(Duration::from_millis(1));
    let mut look = interval_at(Instant::now() + between, between);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look
}

/// Until `at`; for ever without one.
async fn retry(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Writes some of `out`; when there is nothing left, what TLS holds back. False when all is written. Cancel safe.
async fn write(sink: &mut Sink, out: &mut BytesMut) -> io::Result<bool> {
    if out.is_empty() {
        return sink.flush().await.map(|()| false);
    }
    match sink.write_buf(out).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        _ => Ok(true),
    }
}
