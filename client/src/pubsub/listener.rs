//! The task behind a subscription: keeps a connection, tells what comes over it, makes it anew.

use std::{io, time::Duration};

use bytes::BytesMut;
use futures_util::StreamExt as _;
use tokio::{
    io::AsyncWriteExt as _,
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use super::{
    Event,
    message::Heard,
    wanted::{Change, Wanted},
};
use crate::{
    client::Client, command::Command, connect::connect, connection::Connection, error::Error, retry::jittered,
};

/// A silent server is asked this often within the longest silence whether it is still there.
const LOOKS: u32 = 4;

/// Why a connection is listened to no longer.
enum Ended {
    /// The subscription was dropped.
    Unwanted,
    /// It was lost.
    Lost(io::Error),
}

/// See the module.
pub(super) struct Listener {
    client: Client,
    events: mpsc::Sender<Event>,
    changes: mpsc::Receiver<Change>,
    wanted: Wanted,
    /// Waits for the answer to the first change.
    ready: Option<oneshot::Sender<Result<(), Error>>>,
    longest_silence: Duration,
}

impl Listener {
    pub(super) fn new(
        client: Client,
        events: mpsc::Sender<Event>,
        changes: mpsc::Receiver<Change>,
        ready: oneshot::Sender<Result<(), Error>>,
    ) -> Listener {
        let longest_silence = client.options().request_timeout;
        Listener { client, events, changes, wanted: Wanted::default(), ready: Some(ready), longest_silence }
    }

    /// Listens, until the subscription is dropped or may not go on.
    pub(super) async fn run(mut self, connection: Connection, first: Change) {
        self.wanted.note(&first);
        let mut next = Some(connection);
        while let Some(connection) = next {
            match self.listen(connection).await {
                Ended::Unwanted => return,
                Ended::Lost(error) if self.ready.is_some() => return self.answer(Err(Error::NotSent(error))),
                Ended::Lost(error) => tracing::debug!(%error, "subscribed connection lost"),
            }
            if self.events.send(Event::Lost).await.is_err() || !self.client.options().reconnect {
                return;
            }
            next = self.reconnect().await;
        }
    }

    /// Another connection; `None` when nobody wants one any more. Tried until then.
    async fn reconnect(&mut self) -> Option<Connection> {
        let options = self.client.options().clone();
        let mut wait = options.backoff_min;
        loop {
            tokio::select! {
                // The end first: there may be no server for ever.
                biased;
                () = self.events.closed() => return None,
                connected = connect(&self.client.next().address, &options) => match connected {
                    Ok(connection) => return Some(connection),
                    Err(error) => tracing::debug!(%error, "no connection for a subscription"),
                },
            }
            tokio::select! {
                () = self.events.closed() => return None,
                () = sleep(wait / 2 + jittered(wait / 2)) => wait = (wait * 2).min(options.backoff_max),
            }
        }
    }

    /// Asks for all that is wanted, and tells what comes until `connection` ends.
    async fn listen(&mut self, mut connection: Connection) -> Ended {
        let mut out = BytesMut::new();
        for change in self.wanted.changes() {
            // Those that cannot be sent were refused when they were asked for.
            out.extend(change.command().map(BytesMut::freeze));
        }
        match self.hear(&mut connection, out).await {
            Ok(()) => Ended::Unwanted,
            Err(error) => Ended::Lost(error),
        }
    }

    /// Ends well when the subscription was dropped.
    async fn hear(&mut self, connection: &mut Connection, first: BytesMut) -> io::Result<()> {
        write(connection, &first).await?;
        let between = (self.longest_silence / LOOKS).max(Duration::from_millis(1));
        let mut look = interval_at(Instant::now() + between, between);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut silent_looks, mut confirmed) = (0, false);
        loop {
            tokio::select! {
                // What is rare first: messages may come without end.
                biased;
                () = self.events.closed() => return Ok(()),
                Some(change) = self.changes.recv() => {
                    self.wanted.note(&change);
                    if let Ok(bytes) = change.command() {
                        write(connection, &bytes).await?;
                    }
                }
                _ = look.tick() => {
                    silent_looks += 1;
                    match silent_looks {
                        0..=1 => {}
                        2..=LOOKS => self.ping(connection).await?,
                        _ => return Err(io::ErrorKind::TimedOut.into()),
                    }
                }
                heard = connection.replies.next() => {
                    let heard = heard.ok_or(io::ErrorKind::UnexpectedEof)??;
                    let heard = heard.map_err(Error::Protocol).and_then(Heard::of);
                    let heard = heard.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                    silent_looks = 0;
                    let is_first = !std::mem::replace(&mut confirmed, true);
                    if !self.tell(heard, is_first).await {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// A server that is there answers, also who is subscribed.
    async fn ping(&self, connection: &mut Connection) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        Command::new("PING").encode(&mut bytes).map_err(io::Error::other)?;
        write(connection, &bytes).await
    }

    /// Tells the subscription; false when it was dropped. The first thing that comes over a connection says whether
    /// the server lets us listen.
    async fn tell(&mut self, heard: Heard, is_first: bool) -> bool {
        let event = match heard {
            Heard::Refused(error) if self.ready.is_some() => {
                self.answer(Err(Error::Server(error)));
                return false;
            }
            Heard::Refused(error) => Event::Refused(error),
            Heard::Confirmed if self.ready.is_some() => {
                self.answer(Ok(()));
                return true;
            }
            Heard::Confirmed if is_first => Event::Resubscribed,
            Heard::Confirmed => return true,
            Heard::Message(message) => Event::Message(message),
        };
        self.events.send(event).await.is_ok()
    }

    /// Answers who made the subscription.
    fn answer(&mut self, answer: Result<(), Error>) {
        if let Some(ready) = self.ready.take() {
            let _ = ready.send(answer);
        }
    }
}

async fn write(connection: &mut Connection, bytes: &[u8]) -> io::Result<()> {
    connection.sink.write_all(bytes).await?;
    connection.sink.flush().await
}
