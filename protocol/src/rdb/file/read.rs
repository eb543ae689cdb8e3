//! Reading a file from any source of bytes.

use std::io::Read;

use super::record::{Place, Step};
use super::{HEADER_BYTES, MAGIC, Record, SUM_BYTES, VERSION_WITH_SUM};
use crate::rdb::wire::Input;
use crate::rdb::{RdbError, VERSION_READ_MAX, crc64};

/// Bytes of the first read; each one that was too short for a record doubles it.
const READ_BYTES: usize = 1 << 20;

/// Why a file cannot be read, and where.
#[derive(Debug, thiserror::Error)]
#[error("at byte {offset}: {flaw}")]
pub struct FileError {
    /// Where the record begins that is wrong, from 0 on.
    pub offset: u64,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// It does not begin as one.
    #[error("this is no RDB file: it does not begin with REDIS and four digits")]
    Magic,
    /// A later Redis wrote it.
    #[error("version {0} is not known here; up to {VERSION_READ_MAX} can be read")]
    Version(u16),
    /// It ends before its end.
    #[error("the file ends too early")]
    Short,
    /// A record breaks a rule.
    #[error("{0}")]
    Record(RdbError),
    /// Its checksum is not that of its bytes.
    #[error("the checksum is wrong: the file was damaged after it was written")]
    Checksum,
    /// Something follows its end.
    #[error("bytes follow the end of the file's data")]
    Trailing,
    /// The source failed.
    #[error(transparent)]
    Source(std::io::Error),
}

/// Reads the records of a file one after the other.
#[derive(Debug)]
pub struct FileReader<R> {
    source: R,
    buffer: Vec<u8>,
    /// Bytes at the beginning of the buffer that are done with.
    taken: usize,
    /// Where the buffer begins in the file.
    offset: u64,
    ended: bool,
    /// The version, once the header was read.
    version: Option<u16>,
    place: Place,
    sum: u64,
}

impl<R: Read> FileReader<R> {
    /// Reads from the beginning of a file.
    pub fn new(source: R) -> Self {
        let (buffer, place) = Default::default();
        Self { source, buffer, taken: 0, offset: 0, ended: false, version: None, place, sum: 0 }
    }

    /// Bytes of the file that were read and done with.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.offset + self.taken as u64
    }

    /// Hands the next record to `visit`; false at the end, when the checksum was right.
    ///
    /// # Errors
    /// [`FileError`], final. What was handed out before is to be thrown away: only the end of a file says that it is
    /// whole.
    pub fn next(&mut self, visit: impl FnOnce(Record<'_>)) -> Result<bool, FileError> {
        if self.version.is_none() {
            self.header()?;
        }
        let mut place = self.place.clone();
        loop {
            let mut input = Input::new(&self.buffer[self.taken..]);
            let before = input.rest().len();
            let step = place.step(&mut input);
            let taken = before - input.rest().len();
            match step {
                Err(RdbError::Short) => {
                    place = self.place.clone();
                    self.fill()?;
                    continue;
                }
                Err(error) => return Err(self.error(Flaw::Record(error))),
                Ok(Step::Record(record)) => {
                    visit(record);
                    self.place = place;
                    self.take(taken);
                    return Ok(true);
                }
                Ok(Step::Noted) => self.take(taken),
                Ok(Step::End) => {
                    self.take(taken);
                    return self.end().map(|()| false);
                }
            }
            self.place = place.clone();
        }
    }

    fn header(&mut self) -> Result<(), FileError> {
        while self.buffer.len() < HEADER_BYTES {
            if MAGIC.iter().zip(&self.buffer).any(|(magic, byte)| magic != byte) {
                return Err(self.error(Flaw::Magic));
            }
            self.fill()?;
        }
        let digits = self.buffer[..HEADER_BYTES].strip_prefix(MAGIC);
        let version = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        match version {
            None => Err(self.error(Flaw::Magic)),
            Some(version) if !(1..=VERSION_READ_MAX).contains(&version) => {
                Err(self.error(Flaw::Version(version)))
            }
            Some(version) => {
                self.version = Some(version);
                self.take(HEADER_BYTES);
                Ok(())
            }
        }
    }

    /// Checks the checksum, and that nothing follows.
    fn end(&mut self) -> Result<(), FileError> {
        if self.version >= Some(VERSION_WITH_SUM) {
            while self.buffer.len() - self.taken < SUM_BYTES {
                self.fill()?;
            }
            let mut kept = [0; SUM_BYTES];
            kept.copy_from_slice(&self.buffer[self.taken..][..SUM_BYTES]);
            // Whoever wrote a zero has not kept one.
            if ![0, self.sum].contains(&u64::from_le_bytes(kept)) {
                return Err(self.error(Flaw::Checksum));
            }
            self.taken += SUM_BYTES;
        }
        let more = self.taken < self.buffer.len() || matches!(self.read_more(), Ok(true));
        if more { Err(self.error(Flaw::Trailing)) } else { Ok(()) }
    }

    fn take(&mut self, bytes: usize) {
        self.sum = crc64::update(self.sum, &self.buffer[self.taken..][..bytes]);
        self.taken += bytes;
    }

    /// Drops what is done with and reads more, at least as much as is left.
    fn fill(&mut self) -> Result<(), FileError> {
        match self.read_more() {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.error(Flaw::Short)),
            Err(error) => Err(self.error(Flaw::Source(error))),
        }
    }

    /// Whether the source had more.
    fn read_more(&mut self) -> std::io::Result<bool> {
        self.buffer.drain(..self.taken);
        self.offset += self.taken as u64;
        self.taken = 0;
        if self.ended {
            return Ok(false);
        }
        let wanted = self.buffer.len().max(READ_BYTES);
        let read = self.source.by_ref().take(wanted as u64).read_to_end(&mut self.buffer)?;
        self.ended = read < wanted;
        Ok(read > 0)
    }

    fn error(&self, flaw: Flaw) -> FileError {
        FileError { offset: self.position(), flaw }
    }
}
