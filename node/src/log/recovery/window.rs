//! Reads a segment record by record.

use std::io;

use crate::log::disk::DiskFile;
use crate::log::pieces::Pieces;
use crate::log::record::{Bad, FRAME_BYTES, Framer, HEADER_BYTES, Header, MARK_BYTES, Record, needed};

/// Bytes read at once.
const PIECE_BYTES: usize = 4 << 20;

/// A segment and where in it the reading is.
pub(super) struct Window(Pieces);

impl Window {
    pub(super) fn over(file: Box<dyn DiskFile>) -> io::Result<Self> {
        Pieces::over(file, 0, PIECE_BYTES).map(Self)
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.0.size()
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> u64 {
        self.0.offset()
    }

    /// The header.
    pub(super) fn header(&mut self) -> io::Result<Result<Header, Bad>> {
        self.0.take(HEADER_BYTES).map(Header::decode)
    }

    /// The next record; `None` at the end of the file.
    pub(super) fn next(&mut self, framer: &Framer) -> io::Result<Result<Option<Record<'_>>, Bad>> {
        let left = self.size().saturating_sub(self.offset());
        if left == 0 {
            return Ok(Ok(None));
        }
        let total = match needed(self.0.look(FRAME_BYTES)?) {
            Ok(total) => total.unwrap_or(FRAME_BYTES),
            Err(bad) => return Ok(Err(bad)),
        };
        if total as u64 > left {
            return Ok(Err(Bad::CutOff));
        }
        Ok(match framer.take(self.0.take(total)?) {
            Ok(Some((record, _))) => Ok(Some(record)),
            Ok(None) => Err(Bad::CutOff),
            Err(bad) => Err(bad),
        })
    }

    /// The greatest lsn that a mark anywhere from `from` on names as durable.
    pub(super) fn greatest_mark(&mut self, framer: &Framer, from: u64) -> io::Result<Option<u64>> {
        let (mut from, mut greatest) = (from, None);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = self.0.file().read_at(&mut piece, from)?;
            greatest = greatest.max(framer.greatest_mark(&piece[..read]));
            if read < PIECE_BYTES {
                return Ok(greatest);
            }
            // A mark may lie across the pieces.
            from += (PIECE_BYTES - MARK_BYTES) as u64;
        }
    }
}
