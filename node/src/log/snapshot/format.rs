//! A snapshot's bytes: its header, its blocks, its trailer.
//!
//! ```text
//! header:  "RMSNP" | version u16 | data id, 16 bytes | start lsn u64 | crc u32 of what stands before
//! block:   len u32 | crc u32 | number u64 | kind u8 | flags u8 | slot u16 | raw_len u32 | payload
//! payload of a slot, LZ4:  changed | n | time | length of the next two | lineage | lsn | effects, each with its length before it
//! payload of libraries, LZ4:  the body of a record of the log
//! payload of the trailer:  keys u64 | end lsn u64
//! ```
//! Numbers are little-endian; those without a size are varints. `len` counts what follows `crc`; the CRC-32C begins with
//! the data id and goes over `len` and all after `crc`. Blocks are numbered from 0. `raw_len` counts the payload before
//! its compression.

use ringmaster_protocol::extension::History;
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Epoch, Version};

use crate::log::lineage;
use crate::log::record::{BODY_BYTES_MAX, Bad, DataId};
use crate::store::effect::encoding::varint;
use crate::store::load::Portion;
use crate::store::saving::Told;

/// What a snapshot begins with.
const MAGIC: &[u8; 5] = b"RMSNP";

/// The format that is written and read.
const FORMAT_VERSION: u16 = 1;

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 35;

/// Bytes of `len` and `crc`.
pub(super) const PREFIX_BYTES: usize = 8;

/// Bytes of a block before its payload.
pub(super) const BLOCK_HEAD_BYTES: usize = PREFIX_BYTES + 16;

/// Bytes of the trailer.
pub(super) const TRAILER_BYTES: usize = BLOCK_HEAD_BYTES + 16;

/// Longest payload before compression: one entry of the longest, beside what comes with it in one hold.
pub(super) const RAW_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;

/// Flag: the block is the first of its slot, and what came before of the slot does not count.
const BEGINS: u8 = 1;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a slot.
    Slot,
    /// A library of functions.
    Library,
    /// The end.
    Trailer,
}

impl Kind {
    fn of(number: u8) -> Option<Self> {
        [Self::Slot, Self::Library, Self::Trailer].into_iter().find(|kind| kind.number() == number)
    }

    fn number(self) -> u8 {
        match self {
            Self::Slot => 1,
            Self::Library => 2,
            Self::Trailer => 3,
        }
    }
}

/// A file's header.
pub(super) fn header(data_id: &DataId, start_lsn: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..5].copy_from_slice(MAGIC);
    bytes[5..7].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[7..23].copy_from_slice(data_id);
    bytes[23..31].copy_from_slice(&start_lsn.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..31]);
    bytes[31..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Whether `bytes` are the header of this directory's snapshot that begins with `start_lsn`.
///
/// # Errors
/// [`Bad`].
pub(super) fn check_header(bytes: &[u8], data_id: &DataId, start_lsn: u64) -> Result<(), Bad> {
    let bytes = bytes.first_chunk::<HEADER_BYTES>().ok_or(Bad::CutOff)?;
    if &bytes[..5] != MAGIC || u32_at(bytes, 31) != crc32c::crc32c(&bytes[..31]) {
        return Err(Bad::SnapshotHeader);
    }
    let version = u16::from_le_bytes([bytes[5], bytes[6]]);
    if version != FORMAT_VERSION {
        return Err(Bad::SnapshotVersion(version));
    }
    if bytes[7..23] != *data_id {
        return Err(Bad::SnapshotForeign);
    }
    let found = u64_at(bytes, 23);
    if found == start_lsn { Ok(()) } else { Err(Bad::Order { expected: start_lsn, found }) }
}

/// What a block says before its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Its number in the file.
    pub(super) number: u64,
    /// What it holds.
    pub(super) kind: Kind,
    begins: bool,
    /// The slot, 0 where it is of none.
    pub(super) slot: u16,
    /// Bytes of the payload before compression.
    pub(super) raw_len: u32,
}

/// Writes and reads the blocks of one directory's snapshots.
#[derive(Clone, Copy)]
pub(super) struct Framer {
    seed: u32,
}

impl Framer {
    pub(super) fn new(data_id: &DataId) -> Self {
        Self { seed: crc32c::crc32c(data_id) }
    }

    fn checksum(self, len: &[u8], rest: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.seed, len), rest)
    }

    /// Appends a block whose payload, before compression, is `raw`.
    fn put(self, out: &mut Vec<u8>, head: Head, raw: &[u8], payload: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        out.extend_from_slice(&[0; PREFIX_BYTES]);
        out.extend_from_slice(&head.number.to_le_bytes());
        out.extend_from_slice(&[head.kind.number(), if head.begins { BEGINS } else { 0 }]);
        out.extend_from_slice(&head.slot.to_le_bytes());
        out.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        payload(out);
        let len = ((out.len() - start - PREFIX_BYTES) as u32).to_le_bytes();
        let crc = self.checksum(&len, &out[start + PREFIX_BYTES..]);
        out[start..start + 4].copy_from_slice(&len);
        out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    }

    fn put_compressed(self, out: &mut Vec<u8>, head: Head, raw: &[u8]) {
        self.put(out, head, raw, |out| {
            let start = out.len();
            out.resize(start + lz4_flex::block::get_maximum_output_size(raw.len()), 0);
            let len = lz4_flex::block::compress_into(raw, &mut out[start..]).expect("there is room");
            out.truncate(start + len);
        });
    }

    /// Appends what was told of a slot; `raw` is scratch.
    pub(super) fn put_slot(
        self,
        out: &mut Vec<u8>,
        (number, slot): (u64, HashSlot),
        told: &Told,
        raw: &mut Vec<u8>,
    ) {
        raw.clear();
        let mut of_chains = Vec::new();
        if let Some((born, history)) = &told.lineage {
            lineage::put(&mut of_chains, *born, history);
            varint::put(&mut of_chains, told.lsn);
        }
        for number in [told.version.changed.0, told.version.n, told.time, of_chains.len() as u64] {
            varint::put(raw, number);
        }
        raw.extend_from_slice(&of_chains);
        raw.extend_from_slice(&told.effects);
        let head = Head { number, kind: Kind::Slot, begins: told.begins, slot: slot.number(), raw_len: 0 };
        self.put_compressed(out, head, raw);
    }

    /// Appends a library.
    pub(super) fn put_library(self, out: &mut Vec<u8>, number: u64, text: &[u8]) {
        let head = Head { number, kind: Kind::Library, begins: false, slot: 0, raw_len: 0 };
        self.put_compressed(out, head, text);
    }

    /// Appends the trailer.
    pub(super) fn put_trailer(self, out: &mut Vec<u8>, number: u64, trailer: Trailer) {
        let head = Head { number, kind: Kind::Trailer, begins: false, slot: 0, raw_len: 0 };
        let raw = [trailer.keys.to_le_bytes(), trailer.end_lsn.to_le_bytes()].concat();
        self.put(out, head, &raw, |out| out.extend_from_slice(&raw));
    }

    /// The head of a whole block, whose checksum is checked, and its payload.
    ///
    /// # Errors
    /// [`Bad`]. No bytes make this panic.
    pub(super) fn take(self, block: &[u8]) -> Result<(Head, &[u8]), Bad> {
        let head = head(block)?;
        if self.checksum(&block[..4], &block[PREFIX_BYTES..]) != u32_at(block, 4) {
            return Err(Bad::BlockChecksum);
        }
        Ok((head, &block[BLOCK_HEAD_BYTES..]))
    }
}

/// The head of a block, unchecked.
///
/// # Errors
/// [`Bad`]. No bytes make this panic.
pub(super) fn head(block: &[u8]) -> Result<Head, Bad> {
    if block.len() < BLOCK_HEAD_BYTES {
        return Err(Bad::CutOff);
    }
    let kind = Kind::of(block[16]).ok_or(Bad::BlockKind(block[16]))?;
    let slot = u16::from_le_bytes([block[18], block[19]]);
    let begins = block[17] == BEGINS;
    Ok(Head { number: u64_at(block, 8), kind, begins, slot, raw_len: u32_at(block, 20) })
}

/// Bytes of the block that begins with these [`PREFIX_BYTES`].
///
/// # Errors
/// [`Bad::Length`].
pub(super) fn block_bytes(prefix: &[u8]) -> Result<usize, Bad> {
    let len = u32_at(prefix, 0);
    let longest = lz4_flex::block::get_maximum_output_size(RAW_BYTES_MAX);
    let allowed = BLOCK_HEAD_BYTES..=BLOCK_HEAD_BYTES + longest;
    let bytes = (len as usize).saturating_add(PREFIX_BYTES);
    if allowed.contains(&bytes) { Ok(bytes) } else { Err(Bad::Length(len)) }
}

/// The payload as it was before compression; it replaces `raw`.
///
/// # Errors
/// [`Bad::Body`]. No bytes make this panic.
pub(super) fn decompress(head: &Head, payload: &[u8], raw: &mut Vec<u8>) -> Result<(), Bad> {
    let len = head.raw_len as usize;
    if len > RAW_BYTES_MAX {
        return Err(Bad::Body);
    }
    raw.resize(len, 0);
    let written = lz4_flex::block::decompress_into(payload, raw).map_err(|_| Bad::Body)?;
    if written == len { Ok(()) } else { Err(Bad::Body) }
}

/// What the payload of a slot's block, decompressed, tells.
///
/// # Errors
/// [`Bad::Body`].
pub(super) fn portion<'a>(head: &Head, mut raw: &'a [u8]) -> Result<(HashSlot, Portion<'a>), Bad> {
    let slot = HashSlot::new(head.slot).ok_or(Bad::Body)?;
    let mut number = || varint::take(&mut raw).map_err(|_| Bad::Body);
    let (changed, n, time, lineage) = (number()?, number()?, number()?, number()?);
    let lineage = usize::try_from(lineage).map_err(|_| Bad::Body)?;
    let effects = raw.get(lineage..).ok_or(Bad::Body)?;
    let version = Version { changed: Epoch(changed), n };
    Ok((slot, Portion { begins: head.begins, version, time, effects }))
}

/// What an entry of chains has beside its content: when it started empty, its history, and up to which record of the log
/// that is. `None` where the slot is none, or the block not its first.
///
/// # Errors
/// [`Bad::Body`].
pub(super) fn of_chains(mut raw: &[u8]) -> Result<Option<(Epoch, History, u64)>, Bad> {
    let mut number = || varint::take(&mut raw).map_err(|_| Bad::Body);
    let (changed, n, _, len) = (number()?, number()?, number()?, number()?);
    let mut rest = usize::try_from(len).ok().and_then(|len| raw.get(..len)).ok_or(Bad::Body)?;
    if rest.is_empty() {
        return Ok(None);
    }
    let (born, history) = lineage::take(&mut rest, Version { changed: Epoch(changed), n })?;
    let lsn = varint::take(&mut rest).map_err(|_| Bad::Body)?;
    if rest.is_empty() { Ok(Some((born, history, lsn))) } else { Err(Bad::Body) }
}

/// What the end of a snapshot says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trailer {
    /// Keys in all blocks of slots, those included that do not count because their slot began anew.
    pub(super) keys: u64,
    /// The log's last record when the last slot was told: a log that ends earlier does not belong to it. 0 if the log
    /// begins anew with the start lsn, and nothing before belongs to it.
    pub(super) end_lsn: u64,
}

impl Trailer {
    /// What the payload says.
    ///
    /// # Errors
    /// [`Bad::Body`].
    pub(super) fn decode(payload: &[u8]) -> Result<Self, Bad> {
        let payload = payload.first_chunk::<16>().ok_or(Bad::Body)?;
        Ok(Self { keys: u64_at(payload, 0), end_lsn: u64_at(payload, 8) })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
