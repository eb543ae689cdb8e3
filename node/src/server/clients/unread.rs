//! Clients that let much wait: closed where a limit says so, and first of all where memory is needed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::backlog::MUCH_BYTES;
use super::{ClientHandle, Clients, lock};

/// What closing for memory came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shed {
    /// Nobody lets so much wait that closing is due.
    Nobody,
    /// A client is closing: its memory comes back when its thread has a turn.
    Closing,
    /// This client has been told to close.
    Closed {
        /// Its id.
        id: u64,
        /// Where it is.
        peer: String,
        /// Bytes that it did not read.
        bytes: usize,
    },
}

impl ClientHandle {
    /// Bytes that wait for the client to read them.
    fn unread_bytes(&self) -> usize {
        let is_writing = self.writing_since.load(Ordering::Relaxed) != 0;
        let output = if is_writing { self.figures.output_bytes() } else { 0 };
        output + self.mailbox.bytes()
    }

    /// Notes that `bytes` of replies wait since `now`, in Unix milliseconds. Returns whether that is more than may.
    pub(crate) fn note_unread(&self, bytes: usize, now: u64) -> bool {
        if self.writing_since.load(Ordering::Relaxed) == 0 {
            self.writing(now);
        }
        self.figures.note_output(bytes);
        let unread = bytes + self.mailbox.bytes();
        self.backlog.note(unread);
        self.exceeds(unread)
    }

    /// Whether `bytes` that wait are more than ever may.
    pub(crate) fn exceeds(&self, bytes: usize) -> bool {
        self.backlog.limit_of(self.is_subscriber.load(Ordering::Relaxed)).is_passed(bytes)
    }

    /// Whether more waits than may, or has for too long; to be asked about once a second.
    fn outstays(&self, now: u64) -> bool {
        let limit = self.backlog.limit_of(self.is_subscriber.load(Ordering::Relaxed));
        let unread = self.unread_bytes();
        if !limit.is_passed_softly(unread) {
            self.much_since.store(0, Ordering::Relaxed);
            return limit.is_passed(unread);
        }
        let first = self.much_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        let since = first.err().unwrap_or(now);
        limit.is_passed(unread) || now.saturating_sub(since) > limit.soft_seconds.saturating_mul(1000)
    }

    /// Closes it and throws its mail away.
    fn cast_off(&self) {
        self.mailbox.close();
        self.abort();
    }
}

impl Clients {
    /// Closes who has too much waiting at `now`, in Unix milliseconds; returns how many those are.
    pub(crate) fn close_outstaying(&self, now: u64) -> u64 {
        let open = self.handles().into_iter().filter(|handle| !handle.is_aborted());
        let outstaying = open.filter(|handle| handle.outstays(now));
        outstaying.map(|handle| handle.cast_off()).count() as u64
    }

    /// Closes the client that lets most wait, if all that let much wait keep at least `bytes_max` together.
    /// `CLIENT NO-EVICT` spares its client.
    pub(crate) fn shed(&self, bytes_max: usize) -> Shed {
        self.backlog.trust();
        let (mut total, mut largest): (usize, Option<(usize, Arc<ClientHandle>)>) = (0, None);
        for handle in self.handles() {
            let bytes = handle.unread_bytes();
            if bytes < MUCH_BYTES || lock(&handle.session).no_evict {
                continue;
            }
            if handle.is_aborted() {
                self.backlog.doubt();
                return Shed::Closing;
            }
            total += bytes;
            if largest.as_ref().is_none_or(|(most, _)| bytes > *most) {
                largest = Some((bytes, handle));
            }
        }
        let Some((bytes, handle)) = largest.filter(|_| total >= bytes_max) else { return Shed::Nobody };
        self.backlog.doubt();
        let peer = lock(&handle.session).peer_address.clone();
        handle.cast_off();
        Shed::Closed { id: handle.id, peer, bytes }
    }
}
