//! What others send to a client: published messages, invalidations, the lines of MONITOR.
//!
//! Whoever has something for a client puts the whole frame in and wakes the client's connection, which writes it out
//! between two replies. A client that does not read is closed when its mailbox is full: the sender never waits.

#![allow(dead_code, reason = "the first senders come with the subscriptions")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Most bytes that wait for one client; Redis's hard limit for subscribers.
pub(crate) const MAIL_BYTES_MAX: usize = 32 << 20;

/// A bounded queue of frames.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    has_mail: AtomicBool,
    bytes: AtomicUsize,
    frames: Mutex<Vec<u8>>,
}

/// The mailbox has no room for the frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Mailbox {
    /// Puts a frame in.
    pub(crate) fn put(&self, frame: &[u8]) -> Result<(), Full> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() + frame.len() > MAIL_BYTES_MAX {
            return Err(Full);
        }
        frames.extend_from_slice(frame);
        self.bytes.store(frames.len(), Ordering::Relaxed);
        self.has_mail.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether there is a frame.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.has_mail.load(Ordering::Acquire)
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Appends all frames to `out`, in the order in which they came.
    pub(crate) fn collect(&self, out: &mut Vec<u8>) {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_mail.store(false, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        if out.is_empty() {
            std::mem::swap(out, &mut frames);
        } else {
            out.append(&mut frames);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_in_order_and_only_once() {
        let (mailbox, mut out) = (Mailbox::default(), b"+OK\r\n".to_vec());
        mailbox.put(b"a").unwrap();
        mailbox.put(b"b").unwrap();
        assert!(mailbox.has_mail());
        mailbox.collect(&mut out);
        assert_eq!((out, mailbox.has_mail(), mailbox.bytes()), (b"+OK\r\nab".to_vec(), false, 0));
    }

    #[test]
    fn a_full_mailbox_refuses() {
        let mailbox = Mailbox::default();
        mailbox.put(&vec![0; MAIL_BYTES_MAX]).unwrap();
        assert_eq!(mailbox.put(b"x"), Err(Full));
        mailbox.collect(&mut Vec::new());
        assert_eq!(mailbox.put(b"x"), Ok(()));
    }
}
