//! The mail that waits for one client.
//!
//! Whoever has something for a client puts it in and wakes the client's connection, which writes it out between two
//! replies. A client that does not read is closed when its mailbox is full: the sender never waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::mail::{Mail, Reader};

/// Most bytes that wait for one client where `client-output-buffer-limit` names no other bound.
pub(crate) const MAIL_BYTES_MAX: usize = 32 << 20;

/// A bounded queue of mail.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    has_mail: AtomicBool,
    bytes: AtomicUsize,
    mails: Mutex<Mails>,
}

#[derive(Debug, Default)]
struct Mails {
    queue: VecDeque<Mail>,
    /// It was full once: the client is being closed and gets nothing more.
    closed: bool,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is the first that waits: the connection must be woken.
    First,
    /// Others wait before it, so the connection knows already.
    Behind,
    /// There was no room for it. All mail is thrown away: the client has lost some and must go.
    Full,
}

impl Mailbox {
    fn mails(&self) -> MutexGuard<'_, Mails> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a mail in, if no more than `bytes_max` wait then.
    pub(crate) fn put(&self, mail: Mail, bytes_max: usize) -> Put {
        let mut mails = self.mails();
        let bytes = self.bytes.load(Ordering::Relaxed) + mail.bytes();
        if mails.closed {
            return Put::Behind;
        }
        if bytes > bytes_max {
            self.throw_away(&mut mails);
            return Put::Full;
        }
        mails.queue.push_back(mail);
        self.bytes.store(bytes, Ordering::Relaxed);
        if self.has_mail.swap(true, Ordering::AcqRel) { Put::Behind } else { Put::First }
    }

    /// Throws all mail away, and what comes from now on: the client is being closed.
    pub(crate) fn close(&self) {
        self.throw_away(&mut self.mails());
    }

    fn throw_away(&self, mails: &mut Mails) {
        *mails = Mails { queue: VecDeque::new(), closed: true };
        self.bytes.store(0, Ordering::Relaxed);
        self.has_mail.store(false, Ordering::Relaxed);
    }

    /// Whether there is mail.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.has_mail.load(Ordering::Acquire)
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Appends mail to `out` in the order in which it came, until `out` has `full_bytes` or more, or none is left.
    pub(crate) fn collect(&self, out: &mut Vec<u8>, reader: Reader, full_bytes: usize) {
        let mut mails = self.mails();
        let mut bytes = self.bytes.load(Ordering::Relaxed);
        while out.len() < full_bytes
            && let Some(mail) = mails.queue.pop_front()
        {
            bytes -= mail.bytes();
            mail.write(out, reader);
        }
        if mails.queue.is_empty() {
            mails.queue = VecDeque::new();
            self.has_mail.store(false, Ordering::Relaxed);
        }
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::resp::Protocol;

    const RESP2: Reader = Reader { protocol: Protocol::Resp2, is_subscriber: true };
    const RESP3: Reader = Reader { protocol: Protocol::Resp3, is_subscriber: true };

    #[test]
    fn mail_comes_out_in_order_and_only_once() {
        let (mailbox, mut out) = (Mailbox::default(), b"+OK\r\n".to_vec());
        assert_eq!(mailbox.put(Mail::push(&[b"a"]), MAIL_BYTES_MAX), Put::First);
        assert_eq!(mailbox.put(Mail::push(&[b"b"]), MAIL_BYTES_MAX), Put::Behind);
        assert!(mailbox.has_mail() && mailbox.bytes() > 0);
        mailbox.collect(&mut out, RESP2, 6);
        assert_eq!(out, b"+OK\r\n*1\r\n$1\r\na\r\n");
        assert!(mailbox.has_mail());
        mailbox.collect(&mut out, RESP3, usize::MAX);
        assert_eq!(out, b"+OK\r\n*1\r\n$1\r\na\r\n>1\r\n$1\r\nb\r\n");
        assert_eq!((mailbox.has_mail(), mailbox.bytes()), (false, 0));
    }

    #[test]
    fn a_full_mailbox_throws_all_away_and_takes_nothing_more() {
        let (mailbox, mut out) = (Mailbox::default(), Vec::new());
        assert_eq!(mailbox.put(Mail::push(&[b"a"]), MAIL_BYTES_MAX), Put::First);
        assert_eq!(mailbox.put(Mail::push(&[&vec![0; MAIL_BYTES_MAX]]), MAIL_BYTES_MAX), Put::Full);
        assert_eq!(mailbox.put(Mail::push(&[b"a"]), MAIL_BYTES_MAX), Put::Behind);
        mailbox.collect(&mut out, RESP3, usize::MAX);
        assert_eq!((out.len(), mailbox.bytes(), mailbox.has_mail()), (0, 0, false));
    }
}
