//! How much may wait for clients to read it: Redis's `client-output-buffer-limit`, and a mark that somebody lets much
//! wait, so that a full node need not look at all clients to know that nobody does.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::server::mailbox::MAIL_BYTES_MAX;

/// From so many unread bytes on a client may be closed in order to make room.
pub(crate) const MUCH_BYTES: usize = 1 << 20;

/// Redis's fixed part of a client's output buffer, which its limits do not count.
const UNCOUNTED_BYTES: usize = 16 << 10;

/// The classes of clients, in Redis's order. There are no replicas; theirs is kept for those who set it.
pub(crate) const CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

/// The limits of one class of clients. 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// A client is closed at once when more bytes wait.
    pub(crate) hard_bytes: usize,
    /// A client is closed when more bytes wait for [`Limit::soft_seconds`].
    pub(crate) soft_bytes: usize,
    /// See [`Limit::soft_bytes`].
    pub(crate) soft_seconds: u64,
}

/// Redis's defaults.
const DEFAULTS: [Limit; 3] = [
    Limit { hard_bytes: 0, soft_bytes: 0, soft_seconds: 0 },
    Limit { hard_bytes: 256 << 20, soft_bytes: 64 << 20, soft_seconds: 60 },
    Limit { hard_bytes: 32 << 20, soft_bytes: 8 << 20, soft_seconds: 60 },
];

#[derive(Debug)]
struct Shared {
    hard_bytes: AtomicUsize,
    soft_bytes: AtomicUsize,
    soft_seconds: AtomicU64,
}

/// What all clients of a node share.
#[derive(Debug)]
pub(crate) struct Backlog {
    classes: [Shared; 3],
    much: AtomicBool,
}

impl Default for Backlog {
    fn default() -> Self {
        let shared = |limit: Limit| Shared {
            hard_bytes: AtomicUsize::new(limit.hard_bytes),
            soft_bytes: AtomicUsize::new(limit.soft_bytes),
            soft_seconds: AtomicU64::new(limit.soft_seconds),
        };
        Self { classes: DEFAULTS.map(shared), much: AtomicBool::new(false) }
    }
}

impl Backlog {
    /// The limits of the class at `place` of [`CLASSES`].
    pub(crate) fn limit(&self, place: usize) -> Limit {
        let class = &self.classes[place];
        Limit {
            hard_bytes: class.hard_bytes.load(Ordering::Relaxed),
            soft_bytes: class.soft_bytes.load(Ordering::Relaxed),
            soft_seconds: class.soft_seconds.load(Ordering::Relaxed),
        }
    }

    /// Changes them.
    pub(crate) fn set_limit(&self, place: usize, limit: Limit) {
        let class = &self.classes[place];
        class.hard_bytes.store(limit.hard_bytes, Ordering::Relaxed);
        class.soft_bytes.store(limit.soft_bytes, Ordering::Relaxed);
        class.soft_seconds.store(limit.soft_seconds, Ordering::Relaxed);
    }

    /// The limits of a client.
    pub(super) fn limit_of(&self, is_subscriber: bool) -> Limit {
        self.limit(if is_subscriber { 2 } else { 0 })
    }

    /// Most bytes of mail that may wait. Where Redis sets no bound there is one all the same.
    pub(super) fn mail_bytes_max(&self, is_subscriber: bool) -> usize {
        match self.limit_of(is_subscriber).hard_bytes {
            0 => MAIL_BYTES_MAX,
            bytes => bytes,
        }
    }

    /// Notes that `bytes` wait for a client.
    pub(super) fn note(&self, bytes: usize) {
        if bytes >= MUCH_BYTES {
            self.much.store(true, Ordering::Relaxed);
        }
    }

    /// Makes the next look at the mark find it.
    pub(crate) fn doubt(&self) {
        self.much.store(true, Ordering::Relaxed);
    }

    /// Whether much may wait for somebody.
    pub(crate) fn may_be_much(&self) -> bool {
        self.much.load(Ordering::Relaxed)
    }

    /// Takes the mark away, before a look at all clients.
    pub(super) fn trust(&self) {
        self.much.store(false, Ordering::Relaxed);
    }
}

impl Limit {
    /// Whether more bytes wait than ever may.
    pub(super) fn is_passed(self, bytes: usize) -> bool {
        self.hard_bytes > 0 && bytes.saturating_sub(UNCOUNTED_BYTES) > self.hard_bytes
    }

    /// Whether more bytes wait than may for some time.
    pub(super) fn is_passed_softly(self, bytes: usize) -> bool {
        self.soft_bytes > 0 && bytes.saturating_sub(UNCOUNTED_BYTES) > self.soft_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_redis_and_no_limit_is_passed_by_what_it_does_not_count() {
        let backlog = Backlog::default();
        assert!(!backlog.limit_of(false).is_passed(usize::MAX));
        let subscriber = backlog.limit_of(true);
        assert!(!subscriber.is_passed((32 << 20) + UNCOUNTED_BYTES) && subscriber.is_passed(33 << 20));
        assert!(subscriber.is_passed_softly(9 << 20) && !subscriber.is_passed_softly(8 << 20));
        assert_eq!(backlog.mail_bytes_max(false), MAIL_BYTES_MAX);
        backlog.set_limit(0, Limit { hard_bytes: 7, soft_bytes: 0, soft_seconds: 0 });
        assert_eq!((backlog.mail_bytes_max(false), backlog.mail_bytes_max(true)), (7, 32 << 20));
    }

    #[test]
    fn the_mark_tells_of_much_only() {
        let backlog = Backlog::default();
        backlog.note(MUCH_BYTES - 1);
        assert!(!backlog.may_be_much());
        backlog.note(MUCH_BYTES);
        assert!(backlog.may_be_much());
        backlog.trust();
        assert!(!backlog.may_be_much());
    }
}
