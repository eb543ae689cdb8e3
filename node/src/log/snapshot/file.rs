//! Reads a snapshot's file block by block.

use std::io;

use super::format::{
    BLOCK_HEAD_BYTES, Framer, HEADER_BYTES, Head, Kind, PREFIX_BYTES, TRAILER_BYTES, Trailer,
};
use super::format::{block_bytes, check_header, head};
use crate::log::disk::{Disk, DiskFile};
use crate::log::record::{Bad, DataId};
use crate::log::recovery::{Damage, RecoveryError};

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;

/// A snapshot that is read.
pub(super) struct Input {
    file: Box<dyn DiskFile>,
    name: String,
    size: u64,
    trailer: Trailer,
    /// Blocks before the trailer.
    blocks: u64,
    /// Number of the next one.
    next: u64,
    /// Place in the file of what `bytes` begin with.
    start: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl Input {
    /// Opens a snapshot; its header and its trailer are right.
    pub(super) fn open(
        disk: &dyn Disk,
        name: String,
        data_id: &DataId,
        start_lsn: u64,
    ) -> Result<Self, RecoveryError> {
        let file = disk.open(&name)?;
        let size = file.size()?;
        let damaged = |offset: u64, bad: Bad| damage(&name, offset, bad);
        let mut header = [0; HEADER_BYTES];
        let read = file.read_at(&mut header, 0)?;
        check_header(&header[..read], data_id, start_lsn).map_err(|bad| damaged(0, bad))?;
        let end = size.checked_sub(TRAILER_BYTES as u64).ok_or_else(|| damaged(0, Bad::CutOff))?;
        let mut last = [0; TRAILER_BYTES];
        let read = file.read_at(&mut last, end)?;
        let (head, trailer) = take_trailer(&last[..read], data_id).map_err(|bad| damaged(end, bad))?;
        let (start, bytes) = (HEADER_BYTES as u64, Vec::new());
        Ok(Self { file, size, trailer, blocks: head.number, next: 0, start, bytes, at: 0, name })
    }

    pub(super) fn trailer(&self) -> Trailer {
        self.trailer
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Where the next block begins.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    /// The error that tells of damage at `offset`.
    pub(super) fn damage(&self, offset: u64, bad: Bad) -> RecoveryError {
        damage(&self.name, offset, bad)
    }

    /// The next block's head, which is unchecked but for its number, and the block. `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<(Head, &[u8])>, RecoveryError> {
        let (offset, end) = (self.offset(), self.size - TRAILER_BYTES as u64);
        if offset == end && self.next == self.blocks {
            return Ok(None);
        }
        let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        if left < BLOCK_HEAD_BYTES {
            return Err(self.damage(offset, Bad::CutOff));
        }
        self.fill(BLOCK_HEAD_BYTES)?;
        let total = block_bytes(&self.bytes[self.at..self.at + PREFIX_BYTES]);
        let total = total.map_err(|bad| self.damage(offset, bad))?;
        if total > left {
            return Err(self.damage(offset, Bad::CutOff));
        }
        self.fill(total)?;
        let from = self.at;
        let head = head(&self.bytes[from..]).map_err(|bad| self.damage(offset, bad))?;
        if head.number != self.next || head.kind == Kind::Trailer {
            return Err(self.damage(offset, Bad::Order { expected: self.next, found: head.number }));
        }
        self.at += total;
        self.next += 1;
        Ok(Some((head, &self.bytes[from..from + total])))
    }

    /// Has `count` bytes from the place on at hand; the file has so many.
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
        if self.bytes.len() < count { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

fn take_trailer(bytes: &[u8], data_id: &DataId) -> Result<(Head, Trailer), Bad> {
    let is_whole = bytes.len() == TRAILER_BYTES && block_bytes(bytes) == Ok(TRAILER_BYTES);
    let taken = if is_whole { Framer::new(data_id).take(bytes) } else { Err(Bad::Trailer) };
    match taken {
        Ok((head, payload)) if head.kind == Kind::Trailer => Ok((head, Trailer::decode(payload)?)),
        _ => Err(Bad::Trailer),
    }
}

fn damage(name: &str, offset: u64, bad: Bad) -> RecoveryError {
    RecoveryError::Damaged(Damage { file: name.to_owned(), offset, bad })
}
