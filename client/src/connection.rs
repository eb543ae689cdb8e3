//! One connection, its handshake done: commands out, replies in.

use std::io;

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio_util::codec::FramedRead;

use crate::{
    codec::{Decoded, ReplyCodec},
    error::Error,
    request::Outcome,
    transport::{Sink, Source},
    value::Value,
};

/// A connection that is ready for commands.
pub(crate) struct Connection {
    /// Decoded replies.
    pub(crate) replies: FramedRead<Source, ReplyCodec>,
    /// Where commands are written.
    pub(crate) sink: Sink,
}

impl Connection {
    /// Writes `bytes`, which are `count` commands, and reads until `outcomes` has as many replies. Both at once: a
    /// server that waits for us to read reads no more commands. What was read stands in `outcomes` also on failure
    /// and when the future is dropped; the connection is of no more use then.
    ///
    /// # Errors
    /// The connection is lost; of kind `InvalidData` when what came is no reply.
    pub(crate) async fn exchange(
        &mut self,
        bytes: &[u8],
        count: usize,
        outcomes: &mut Vec<Outcome>,
    ) -> io::Result<()> {
        let Connection { replies, sink } = self;
        let write = async {
            sink.write_all(bytes).await?;
            sink.flush().await
        };
        let read = async {
            while outcomes.len() < count {
                let reply = replies.next().await.ok_or(io::ErrorKind::UnexpectedEof)??;
                outcomes.extend(outcome(reply));
            }
            Ok(())
        };
        tokio::try_join!(write, read).map(drop)
    }

    /// Whether there is nothing to read, not even the end. What has something to say unasked is of no more use.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.replies.next().now_or_never().is_none()
    }
}

/// What a reply means to the command that it answers; `None` for a message that answers none.
pub(crate) fn outcome(reply: Decoded) -> Option<Outcome> {
    match reply {
        Ok(Value::Push(_)) => None,
        Ok(Value::Error(error)) => Some(Err(Error::Server(error))),
        Ok(value) => Some(Ok(value)),
        Err(text) => Some(Err(Error::Protocol(text))),
    }
}
