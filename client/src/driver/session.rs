//! One connection from its handshake to its end: a writer and a reader that run side by side in one task.
//!
//! They must run side by side: a peer that waits for us to read its replies reads no more commands, and a
//! client that only writes then would wait for ever. Between them goes the queue of pending replies: a request
//! enters it before its bytes are written, so a reply always finds its request at the front.

mod reader;
mod writer;

use std::{io, sync::atomic::AtomicUsize};

use tokio::sync::mpsc;

use crate::{connection::Connection, error::Error, options::Options, request::Request};
use reader::Reader;
use writer::Writer;

/// How a session ended.
pub(super) enum Ended {
    /// Every client is gone and every reply was read.
    Finished,
    /// The connection was lost or given up.
    Lost {
        /// Whether the server ever answered on it.
        replied: bool,
    },
}

/// Sends `first`, then what `requests` brings, and hands out the replies.
pub(super) async fn run(
    connection: Connection,
    requests: &mut mpsc::Receiver<Request>,
    first: Option<Request>,
    options: &Options,
) -> Ended {
    let (pending, awaited) = mpsc::channel(options.queue_max);
    let written = AtomicUsize::new(0);
    let mut reader = Reader::new(connection.replies, awaited, options.request_timeout, &written);
    let writer = Writer::new(connection.sink, requests, pending, &written);
    match tokio::try_join!(reader.run(), writer.run(first)) {
        Ok(_) => Ended::Finished,
        Err(error) => {
            tracing::debug!(%error, "connection lost");
            let replied = reader.has_replied();
            fail(reader, &error);
            Ended::Lost { replied }
        }
    }
}

/// Tells everybody who waits for a reply that it is lost. Where the stream broke, the first of them learns why.
fn fail(reader: Reader<'_>, error: &io::Error) {
    let mut broken = error.kind() == io::ErrorKind::InvalidData;
    for mut pending in reader.into_pending() {
        if std::mem::take(&mut broken) {
            pending.push(Err(Error::Protocol(error.to_string())));
        }
        pending.fail(|| Error::MaybeApplied(io::Error::new(error.kind(), error.to_string())));
    }
}
