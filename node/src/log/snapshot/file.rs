//! Reads a snapshot's file block by block.

use std::io;

use super::format::{
    BLOCK_HEAD_BYTES, Framer, HEADER_BYTES, Head, Kind, PREFIX_BYTES, TRAILER_BYTES, Trailer,
};
use super::format::{block_bytes, check_header, head};
use crate::log::disk::Disk;
use crate::log::pieces::Pieces;
use crate::log::record::{Bad, DataId};
use crate::log::recovery::{Damage, RecoveryError};

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;

/// A snapshot that is read.
pub(super) struct Input {
    pieces: Pieces,
    name: String,
    trailer: Trailer,
    /// Blocks before the trailer.
    blocks: u64,
    /// Number of the next one.
    next: u64,
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
        let pieces = Pieces::over(file, HEADER_BYTES as u64, PIECE_BYTES)?;
        Ok(Self { pieces, name, trailer, blocks: head.number, next: 0 })
    }

    pub(super) fn trailer(&self) -> Trailer {
        self.trailer
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.pieces.size()
    }

    /// Where the next block begins.
    pub(super) fn offset(&self) -> u64 {
        self.pieces.offset()
    }

    /// The error that tells of damage at `offset`.
    pub(super) fn damage(&self, offset: u64, bad: Bad) -> RecoveryError {
        damage(&self.name, offset, bad)
    }

    /// The next block's head, which is unchecked but for its number, and the block. `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<(Head, &[u8])>, RecoveryError> {
        let (offset, end) = (self.offset(), self.size() - TRAILER_BYTES as u64);
        if offset == end && self.next == self.blocks {
            return Ok(None);
        }
        let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let total = self.block_bytes(left)?.map_err(|bad| self.damage(offset, bad))?;
        let number = self.next;
        self.next += 1;
        let block = self.pieces.take(total)?;
        let damaged = |bad| damage(&self.name, offset, bad);
        if block.len() < total {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let head = head(block).map_err(damaged)?;
        if head.number != number || head.kind == Kind::Trailer {
            return Err(damaged(Bad::Order { expected: number, found: head.number }));
        }
        Ok(Some((head, block)))
    }

    /// Bytes of the next block, before whose end there are `left`.
    fn block_bytes(&mut self, left: usize) -> io::Result<Result<usize, Bad>> {
        if left < BLOCK_HEAD_BYTES {
            return Ok(Err(Bad::CutOff));
        }
        let prefix = self.pieces.look(PREFIX_BYTES)?;
        if prefix.len() < PREFIX_BYTES {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let total = block_bytes(prefix);
        Ok(total.and_then(|total| if total > left { Err(Bad::CutOff) } else { Ok(total) }))
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
