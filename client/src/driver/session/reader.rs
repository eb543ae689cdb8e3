//! From the socket to the callers: each reply goes to the request at the front.

use std::{io, time::Duration};

use futures_util::StreamExt as _;
use tokio::{
    sync::mpsc::Receiver,
    time::{MissedTickBehavior, interval},
};
use tokio_util::codec::FramedRead;

use crate::{
    codec::{Decoded, ReplyCodec},
    connection::outcome,
    request::Pending,
    transport::Source,
};

/// A silent peer is looked at this often within the longest silence.
const LOOKS: u32 = 4;

pub(super) struct Reader {
    replies: FramedRead<Source, ReplyCodec>,
    pending: Receiver<Pending>,
    front: Option<Pending>,
    silence_max: Duration,
    replied: bool,
    watch: Watch,
}

/// Sees that bytes come in while replies are owed.
#[derive(Default)]
struct Watch {
    progress: bool,
    buffered: usize,
    silent_looks: u32,
}

impl Reader {
    /// A peer that owes replies and sends nothing for `silence_max` is given up.
    pub(super) fn new(
        replies: FramedRead<Source, ReplyCodec>,
        pending: Receiver<Pending>,
        silence_max: Duration,
    ) -> Reader {
        Reader { replies, pending, front: None, silence_max, replied: false, watch: Watch::default() }
    }

    /// Whether a reply ever came.
    pub(super) fn has_replied(&self) -> bool {
        self.replied
    }

    /// Ends when the writer has ended and all replies are in; or with the error that ends the connection.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        let mut look = interval((self.silence_max / LOOKS).max(Duration::from_millis(1)));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Replies first: they free memory and callers. The end of the stream also shows here.
                biased;
                reply = self.replies.next() => {
                    let reply = reply.ok_or(io::ErrorKind::UnexpectedEof)??;
                    self.answer(reply)?;
                }
                next = self.pending.recv(), if self.front.is_none() => match next {
                    Some(pending) => self.front = Some(pending),
                    None => return Ok(()),
                },
                _ = look.tick() => self.look()?,
            }
        }
    }

    /// Gives `reply` to the request at the front.
    fn answer(&mut self, reply: Decoded) -> io::Result<()> {
        let Some(outcome) = outcome(reply) else { return Ok(()) };
        let Some(mut pending) = self.front.take().or_else(|| self.pending.try_recv().ok()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply that no command asked for"));
        };
        (self.replied, self.watch.progress) = (true, true);
        pending.push(outcome);
        if pending.is_complete() {
            pending.finish();
        } else {
            self.front = Some(pending);
        }
        Ok(())
    }

    /// One look at a peer that may be silent.
    fn look(&mut self) -> io::Result<()> {
        let buffered = self.replies.read_buffer().len();
        if self.watch.is_silent_too_long(self.front.is_some(), buffered) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server owes replies and is silent"));
        }
        Ok(())
    }

    /// All requests that have no full reply yet, in order.
    pub(super) fn into_pending(mut self) -> impl Iterator<Item = Pending> {
        self.pending.close();
        let rest = std::iter::from_fn(move || self.pending.try_recv().ok());
        self.front.into_iter().chain(rest)
    }
}

impl Watch {
    /// `owes`: a request waits at the front. `buffered`: bytes of a reply that is not whole yet.
    fn is_silent_too_long(&mut self, owes: bool, buffered: usize) -> bool {
        let progress = std::mem::take(&mut self.progress) || buffered != self.buffered || !owes;
        self.buffered = buffered;
        self.silent_looks = if progress { 0 } else { self.silent_looks + 1 };
        self.silent_looks > LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_owes_nothing_or_sends_a_byte_is_not_silent() {
        let mut watch = Watch::default();
        assert!((0..100).all(|_| !watch.is_silent_too_long(false, 0)));
        assert!((1..100).all(|buffered| !watch.is_silent_too_long(true, buffered)));
    }

    #[test]
    fn a_peer_that_owes_and_sends_nothing_is_given_up_after_all_looks() {
        let mut watch = Watch::default();
        assert!((0..LOOKS).all(|_| !watch.is_silent_too_long(true, 0)));
        assert!(watch.is_silent_too_long(true, 0));
    }
}
