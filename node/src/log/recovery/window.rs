//! Reads a segment piece by piece: a piece of some MiB, or one record if that is longer.

use std::io;

use crate::log::disk::DiskFile;
use crate::log::record::{Bad, FRAME_BYTES, Framer, HEADER_BYTES, Header, MARK_BYTES, Record, needed};

/// Bytes read at once.
const PIECE_BYTES: usize = 4 << 20;

/// A segment and where in it the reading is.
pub(super) struct Window {
    file: Box<dyn DiskFile>,
    size: u64,
    /// Place in the file of what `bytes` begin with.
    start: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl Window {
    pub(super) fn over(file: Box<dyn DiskFile>) -> io::Result<Self> {
        Ok(Self { size: file.size()?, file, start: 0, bytes: Vec::new(), at: 0 })
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    /// The header.
    pub(super) fn header(&mut self) -> io::Result<Result<Header, Bad>> {
        self.fill(HEADER_BYTES)?;
        let header = Header::decode(&self.bytes[self.at..]);
        self.at += HEADER_BYTES.min(self.bytes.len());
        Ok(header)
    }

    /// The next record; `None` at the end of the file.
    pub(super) fn next(&mut self, framer: &Framer) -> io::Result<Result<Option<Record<'_>>, Bad>> {
        if self.offset() == self.size {
            return Ok(Ok(None));
        }
        self.fill(FRAME_BYTES)?;
        let total = match needed(&self.bytes[self.at..]) {
            Ok(total) => total.unwrap_or(FRAME_BYTES),
            Err(bad) => return Ok(Err(bad)),
        };
        if total as u64 > self.size - self.offset() {
            return Ok(Err(Bad::CutOff));
        }
        self.fill(total)?;
        let from = self.at;
        self.at += total;
        Ok(match framer.take(&self.bytes[from..]) {
            Ok(Some((record, _))) => Ok(Some(record)),
            Ok(None) => Err(Bad::CutOff),
            Err(bad) => Err(bad),
        })
    }

    /// Has `count` bytes from the place on at hand, if the file has so many.
    fn fill(&mut self, count: usize) -> io::Result<()> {
        if self.bytes.len() - self.at >= count {
            return Ok(());
        }
        self.bytes.drain(..self.at);
        self.start += self.at as u64;
        self.at = 0;
        let had = self.bytes.len();
        let left = usize::try_from(self.size - self.start).unwrap_or(usize::MAX);
        self.bytes.resize(count.max(PIECE_BYTES).min(left).max(had), 0);
        let read = self.file.read_at(&mut self.bytes[had..], self.start + had as u64)?;
        self.bytes.truncate(had + read);
        Ok(())
    }

    /// The greatest lsn that a mark anywhere from `from` on names as durable.
    pub(super) fn greatest_mark(&mut self, framer: &Framer, from: u64) -> io::Result<Option<u64>> {
        let (mut from, mut greatest) = (from, None);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = self.file.read_at(&mut piece, from)?;
            greatest = greatest.max(framer.greatest_mark(&piece[..read]));
            if read < PIECE_BYTES {
                return Ok(greatest);
            }
            // A mark may lie across the pieces.
            from += (PIECE_BYTES - MARK_BYTES) as u64;
        }
    }
}
