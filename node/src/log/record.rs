//! A segment's bytes: its header, and the frame of a record.
//!
//! ```text
//! header: "RMWAL" | version u16 | data id, 16 bytes | first lsn u64 | crc u32 of what stands before
//! record: len u32 | crc u32 | lsn u64 | kind u8 | body      len counts lsn, kind and body
//! ```
//! Numbers are little-endian. A record's CRC-32C begins with the data id and goes over `len` and all after `crc`, so
//! that bytes of another log, or of one that a value holds, are no records of this one.

/// What a segment begins with.
const MAGIC: &[u8; 5] = b"RMWAL";

/// The format that is written and read.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 35;

/// Bytes of `len` and `crc`.
const PREFIX_BYTES: usize = 8;

/// Bytes of a record with an empty body.
pub const FRAME_BYTES: usize = PREFIX_BYTES + LEN_MIN;

/// Bytes of lsn and kind.
const LEN_MIN: usize = 9;

/// Longest body of one record: one value of the longest and its key. A longer operation is written in parts.
pub const BODY_BYTES_MAX: usize = (512 << 20) + (64 << 10);

/// Bytes of a mark.
pub const MARK_BYTES: usize = FRAME_BYTES + 8;

/// What a record tells. The numbers are part of the format; 5 to 7 are kept free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An operation, or its last part.
    Operation,
    /// A part of the operation that follows.
    Part,
    /// All records up to the lsn that it names are durable. It takes no lsn: it has that of the record before it.
    Mark,
    /// A slot's content was replaced by another, or by none.
    Whole,
    /// A library of functions was loaded, deleted or all were.
    Library,
}

impl Kind {
    const ALL: [(Self, u8); 5] =
        [(Self::Operation, 1), (Self::Part, 2), (Self::Mark, 3), (Self::Whole, 4), (Self::Library, 8)];

    fn number(self) -> u8 {
        match self {
            Self::Operation => 1,
            Self::Part => 2,
            Self::Mark => 3,
            Self::Whole => 4,
            Self::Library => 8,
        }
    }

    fn of(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, of)| *of == number).map(|(kind, _)| *kind)
    }
}

/// The name of a data directory's history, drawn when the directory is made.
pub type DataId = [u8; 16];

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose log it is.
    pub data_id: DataId,
    /// Lsn of its first record.
    pub first_lsn: u64,
}

impl Header {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..5].copy_from_slice(MAGIC);
        bytes[5..7].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[7..23].copy_from_slice(&self.data_id);
        bytes[23..31].copy_from_slice(&self.first_lsn.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..31]);
        bytes[31..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header that `bytes` begin with.
    ///
    /// # Errors
    /// [`Bad`]. A version that is not known is one, too.
    pub fn decode(bytes: &[u8]) -> Result<Self, Bad> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>().ok_or(Bad::CutOff)?;
        if &bytes[..5] != MAGIC || u32_at(bytes, 31) != crc32c::crc32c(&bytes[..31]) {
            return Err(Bad::Header);
        }
        let version = u16::from_le_bytes([bytes[5], bytes[6]]);
        if version != FORMAT_VERSION {
            return Err(Bad::Version(version));
        }
        let mut data_id = DataId::default();
        data_id.copy_from_slice(&bytes[7..23]);
        Ok(Self { data_id, first_lsn: u64_at(bytes, 23) })
    }
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    /// They end before it does.
    #[error("the file ends within a record")]
    CutOff,
    /// No record has this length.
    #[error("a record has the impossible length {0}")]
    Length(u32),
    /// The checksum is of other bytes.
    #[error("a record's checksum does not match")]
    Checksum,
    /// A kind that this version does not know.
    #[error("a record has the unknown kind {0}")]
    Kind(u8),
    /// It is not the one that follows.
    #[error("record {expected} is expected, and {found} found")]
    Order {
        /// The lsn that follows.
        expected: u64,
        /// The lsn that is there.
        found: u64,
    },
    /// A header that is none.
    #[error("the segment's header is damaged")]
    Header,
    /// A format that this version does not know.
    #[error("the segment has format version {0}, which this release does not read")]
    Version(u16),
    /// A header of another directory's log.
    #[error("the segment belongs to the log of another data directory")]
    Foreign,
    /// A body that is none.
    #[error("a record's body is malformed")]
    Body,
    /// An operation is missing.
    #[error("slot {slot} has version {has}, and record {lsn} goes on with {next}: operations are missing")]
    Gap {
        /// The record's number.
        lsn: u64,
        /// The slot.
        slot: u16,
        /// The slot's version before it.
        has: u64,
        /// Its version after it.
        next: u64,
    },
    /// A snapshot's header that is none.
    #[error("the snapshot's header is damaged")]
    SnapshotHeader,
    /// A snapshot of a format that this version does not know.
    #[error("the snapshot has format version {0}, which this release does not read")]
    SnapshotVersion(u16),
    /// A snapshot of another directory.
    #[error("the snapshot belongs to another data directory")]
    SnapshotForeign,
    /// A block of a snapshot is not what was written.
    #[error("a block's checksum does not match")]
    BlockChecksum,
    /// A kind of block that this version does not know.
    #[error("a block has the unknown kind {0}")]
    BlockKind(u8),
    /// A snapshot does not end as one does.
    #[error("the snapshot's end is missing or damaged")]
    Trailer,
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number.
    pub lsn: u64,
    /// What it tells.
    pub kind: Kind,
    /// What follows from the kind.
    pub body: &'a [u8],
}

/// Writes and reads the frames of one log.
#[derive(Clone, Copy, Debug)]
pub struct Framer {
    /// Checksum of the data id.
    seed: u32,
}

impl Framer {
    /// Of the log with this id.
    #[must_use]
    pub fn new(data_id: &DataId) -> Self {
        Self { seed: crc32c::crc32c(data_id) }
    }

    /// Appends a record whose body, of at most [`BODY_BYTES_MAX`], is what `body` appends.
    #[inline]
    pub fn put(&self, out: &mut Vec<u8>, lsn: u64, kind: Kind, body: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_BYTES]);
        body(out);
        self.finish(&mut out[start..], lsn, kind);
    }

    /// Makes a record of `frame`: room of [`FRAME_BYTES`] and a body behind it, of at most [`BODY_BYTES_MAX`].
    #[inline]
    pub(super) fn finish(&self, frame: &mut [u8], lsn: u64, kind: Kind) {
        let len = u32::try_from(frame.len() - PREFIX_BYTES).expect("a body is bounded").to_le_bytes();
        frame[8..16].copy_from_slice(&lsn.to_le_bytes());
        frame[16] = kind.number();
        // The length stands for a moment where the checksum will, so that what that is of lies in one piece.
        frame[4..8].copy_from_slice(&len);
        let crc = crc32c::crc32c_append(self.seed, &frame[4..]);
        frame[..4].copy_from_slice(&len);
        frame[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    /// Appends a mark behind the record `last`: all up to `durable` is durable.
    pub fn put_mark(&self, out: &mut Vec<u8>, last: u64, durable: u64) {
        self.put(out, last, Kind::Mark, |out| out.extend_from_slice(&durable.to_le_bytes()));
    }

    #[inline]
    fn checksum(&self, len: [u8; 4], rest: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.seed, &len), rest)
    }

    /// The record that `bytes` begin with, and its length; `None` needs more bytes than these, see [`needed`].
    ///
    /// # Errors
    /// [`Bad`]: there is no record. No bytes make this panic.
    pub fn take<'a>(&self, bytes: &'a [u8]) -> Result<Option<(Record<'a>, usize)>, Bad> {
        let Some(total) = needed(bytes)? else { return Ok(None) };
        let Some(frame) = bytes.get(..total) else { return Ok(None) };
        let (prefix, rest) = frame.split_at(PREFIX_BYTES);
        let len = [prefix[0], prefix[1], prefix[2], prefix[3]];
        if self.checksum(len, rest) != u32_at(prefix, 4) {
            return Err(Bad::Checksum);
        }
        let kind = Kind::of(rest[8]).ok_or(Bad::Kind(rest[8]))?;
        Ok(Some((Record { lsn: u64_at(rest, 0), kind, body: &rest[LEN_MIN..] }, total)))
    }

    /// The greatest lsn that a mark anywhere in `bytes` names as durable.
    #[must_use]
    pub fn greatest_mark(&self, bytes: &[u8]) -> Option<u64> {
        let len = ((MARK_BYTES - PREFIX_BYTES) as u32).to_le_bytes();
        let places = bytes.windows(MARK_BYTES).filter(|bytes| bytes[..4] == len);
        let marks = places.filter_map(|bytes| self.take(bytes).ok().flatten());
        marks.filter_map(|(record, _)| marked(&record)).max()
    }
}

/// Bytes of the record that `bytes` begin with; `None` when they are too few to tell.
///
/// # Errors
/// [`Bad::Length`].
pub fn needed(bytes: &[u8]) -> Result<Option<usize>, Bad> {
    let Some(len) = bytes.first_chunk().map(|len| u32::from_le_bytes(*len)) else { return Ok(None) };
    let size = len as usize;
    if !(LEN_MIN..=LEN_MIN + BODY_BYTES_MAX).contains(&size) {
        return Err(Bad::Length(len));
    }
    Ok(Some(PREFIX_BYTES + size))
}

/// The lsn that a mark names as durable; `None` if the record is no mark.
#[must_use]
pub fn marked(record: &Record<'_>) -> Option<u64> {
    let body: &[u8; 8] = record.body.try_into().ok()?;
    (record.kind == Kind::Mark).then_some(u64::from_le_bytes(*body))
}

/// The lsn of the record that `frame` begins with, which was made by [`Framer::put`], and its length.
#[inline]
pub(super) fn own(frame: &[u8]) -> (u64, usize) {
    (u64_at(frame, PREFIX_BYTES), PREFIX_BYTES + u32_at(frame, 0) as usize)
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[inline]
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed() -> (Framer, Vec<u8>) {
        let framer = Framer::new(&[7; 16]);
        let mut out = Vec::new();
        framer.put(&mut out, 42, Kind::Operation, |out| out.extend_from_slice(b"body"));
        (framer, out)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let (framer, out) = framed();
        let record = Record { lsn: 42, kind: Kind::Operation, body: b"body" };
        assert_eq!(framer.take(&out), Ok(Some((record, out.len()))));
        assert_eq!(own(&out), (42, out.len()));
    }

    #[test]
    fn each_flipped_bit_and_each_cut_is_noticed() {
        let (framer, out) = framed();
        for cut in 0..out.len() {
            assert_eq!(framer.take(&out[..cut]), Ok(None));
        }
        for bit in 0..out.len() * 8 {
            let mut bytes = out.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(framer.take(&bytes), Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn records_of_another_log_are_none() {
        let (_, out) = framed();
        assert_eq!(Framer::new(&[8; 16]).take(&out), Err(Bad::Checksum));
        assert_eq!(Framer::new(&[8; 16]).take(&[0; 40]), Err(Bad::Length(0)));
    }

    #[test]
    fn a_mark_is_found_among_garbage() {
        let (framer, mut out) = framed();
        framer.put_mark(&mut out, 42, 41);
        out[3] = 9;
        assert_eq!(framer.greatest_mark(&out), Some(41));
        assert_eq!(framer.greatest_mark(&out[..out.len() - 1]), None);
    }

    #[test]
    fn each_flipped_bit_of_a_header_is_noticed() {
        let header = Header { data_id: [3; 16], first_lsn: 9 };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(header));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&bytes).is_err(), "bit {bit}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(0u8.., 0..200), id: DataId) {
            let framer = Framer::new(&id);
            let _ = (Header::decode(&bytes), framer.take(&bytes), framer.greatest_mark(&bytes));
            let _ = crate::log::operation::parts(&bytes).map(|parts| parts.iter().all(|part| part.effects().is_ok()));
            let mut out = Vec::new();
            framer.put(&mut out, 9, Kind::Part, |out| out.extend_from_slice(&bytes));
            proptest::prop_assert_eq!(framer.take(&out), Ok(Some((Record { lsn: 9, kind: Kind::Part, body: &bytes }, out.len()))));
        }
    }
}
