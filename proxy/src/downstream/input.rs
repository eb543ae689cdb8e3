//! Bytes read from a client and not executed yet.
//!
//! A client that has sent whole commands only owns no memory here: they are read into the thread's buffer and executed
//! from it. What is left of a read is kept by the client until the rest comes.

use std::io;

use ringmaster_protocol::resp::request::Resume;

use crate::output::Output;

/// Bytes read at once.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// Most that is reserved for a command at once: its length is only announced, not proven.
const RESERVE_BYTES_MAX: usize = 1 << 20;

/// A buffer that is larger than this is given back when it runs empty.
const KEEP_BYTES: usize = 4 << 10;

/// What a client keeps between two reads.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// Bytes of `bytes` that were executed.
    start: usize,
    /// Bytes that the command at the front has at least, as far as is known; 0 while it may be whole.
    needed: usize,
    /// The place in the command at the front.
    pub(super) resume: Resume,
}

impl Input {
    /// Whether nothing is kept.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes kept.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether a whole command may be kept already.
    #[inline]
    pub(super) fn may_be_whole(&self) -> bool {
        !self.is_empty() && self.len() >= self.needed
    }

    /// Reads behind what is kept; 0 is the end of the stream.
    pub(super) fn read(&mut self, output: &Output) -> io::Result<usize> {
        self.bytes.drain(..std::mem::take(&mut self.start));
        let missing = self.needed.saturating_sub(self.bytes.len());
        self.bytes.reserve(missing.clamp(READ_BYTES / 4, RESERVE_BYTES_MAX));
        output.try_read_buf(&mut self.bytes)
    }

    /// Keeps what is left of a read into the thread's buffer; the command at its front has at least `needed` bytes.
    #[inline]
    pub(super) fn keep(&mut self, rest: &[u8], needed: usize) {
        if !rest.is_empty() {
            self.bytes.extend_from_slice(rest);
            self.needed = needed;
        }
    }

    /// Takes the bytes out, to execute from them; the command at the front begins at the offset. Until they are put
    /// back, nothing is kept.
    pub(super) fn take(&mut self) -> (Vec<u8>, usize) {
        (std::mem::take(&mut self.bytes), std::mem::take(&mut self.start))
    }

    /// Puts back what [`Input::take`] took, executed up to the offset `start`; the command there has at least
    /// `needed` bytes.
    pub(super) fn put_back(&mut self, mut bytes: Vec<u8>, start: usize, needed: usize) {
        (self.start, self.needed) = (start, needed);
        if start == bytes.len() {
            self.start = 0;
            bytes.clear();
            bytes.shrink_to(KEEP_BYTES);
        }
        self.bytes = bytes;
    }

    /// Drops everything: the stream is broken, or the client leaves.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
