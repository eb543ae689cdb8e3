//! From the socket to the callers: each reply goes to the request at the front.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::StreamExt as _;
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, MissedTickBehavior, interval},
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

pub(super) struct Reader<'a> {
    replies: FramedRead<Source, ReplyCodec>,
    pending: Receiver<Pending>,
    front: Option<Pending>,
    silence_max: Duration,
    replied: bool,
    written: &'a AtomicUsize,
    watch: Watch,
}

/// Sees that bytes come in or go out while replies are owed.
#[derive(Default)]
struct Watch {
    progress: bool,
    buffered: usize,
    written: usize,
    silent_looks: u32,
}

impl<'a> Reader<'a> {
    /// A peer that owes replies and neither sends nor takes a byte for `silence_max` is given up, as soon as who
    /// waits for the next reply has no more time. `written` counts the bytes that it takes.
    pub(super) fn new(
        replies: FramedRead<Source, ReplyCodec>,
        pending: Receiver<Pending>,
        silence_max: Duration,
        written: &'a AtomicUsize,
    ) -> Reader<'a> {
        let watch = Watch::default();
        Reader { replies, pending, front: None, silence_max, replied: false, written, watch }
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
        let bytes = (self.replies.read_buffer().len(), self.written.load(Ordering::Relaxed));
        let now = Instant::now();
        let is_silent = self.watch.is_silent_too_long(self.front.is_some(), bytes);
        // Who gave a command more time than others get, waits for it and not for the silence to end.
        if is_silent && !self.front.as_ref().is_some_and(|front| front.is_awaited(now)) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server owes replies and is silent"));
        }
        Ok(())
    }

    /// All requests that have no full reply yet, in order.
    pub(super) fn into_pending(mut self) -> impl Iterator<Item = Pending> + use<'a> {
        self.pending.close();
        let rest = std::iter::from_fn(move || self.pending.try_recv().ok());
        self.front.into_iter().chain(rest)
    }
}

impl Watch {
    /// `owes`: a request waits at the front. Bytes of a reply that is not whole yet, and bytes that were written.
    fn is_silent_too_long(&mut self, owes: bool, (buffered, written): (usize, usize)) -> bool {
        let moves = (buffered, written) != (self.buffered, self.written);
        let progress = std::mem::take(&mut self.progress) || moves || !owes;
        (self.buffered, self.written) = (buffered, written);
        self.silent_looks = if progress { 0 } else { self.silent_looks.saturating_add(1) };
        self.silent_looks > LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_owes_nothing_or_sends_or_takes_a_byte_is_not_silent() {
        let mut watch = Watch::default();
        assert!((0..100).all(|_| !watch.is_silent_too_long(false, (0, 0))));
        assert!((1..100).all(|buffered| !watch.is_silent_too_long(true, (buffered, 0))));
        assert!((1..100).all(|written| !watch.is_silent_too_long(true, (0, written))));
    }

    #[test]
    fn a_peer_that_owes_and_sends_nothing_is_given_up_after_all_looks() {
        let mut watch = Watch::default();
        assert!((0..LOOKS).all(|_| !watch.is_silent_too_long(true, (0, 0))));
        assert!(watch.is_silent_too_long(true, (0, 0)));
    }
}
