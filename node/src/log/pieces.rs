//! Reads a file from front to back, piece by piece: a piece of some MiB, or what is asked for if that is longer.

use std::io;

use super::disk::DiskFile;

/// A file and where in it the reading is.
pub(super) struct Pieces {
    file: Box<dyn DiskFile>,
    size: u64,
    /// Bytes read at once.
    piece_bytes: usize,
    /// Place in the file of what `bytes` begin with.
    start: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl Pieces {
    /// Of `file` from the place `start` on.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn over(file: Box<dyn DiskFile>, start: u64, piece_bytes: usize) -> io::Result<Self> {
        Ok(Self { size: file.size()?, file, piece_bytes, start, bytes: Vec::new(), at: 0 })
    }

    /// The file.
    pub(super) fn file(&self) -> &dyn DiskFile {
        &*self.file
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The place in the file.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    /// What is at hand from the place on: `count` bytes or more, unless the file ends before.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn look(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.bytes.len() - self.at < count {
            self.fill(count)?;
        }
        Ok(&self.bytes[self.at..])
    }

    /// As [`Pieces::look`], no more than `count` bytes; the place moves behind them.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn take(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = self.look(count)?.len().min(count);
        let from = self.at;
        self.at += count;
        Ok(&self.bytes[from..self.at])
    }

    fn fill(&mut self, count: usize) -> io::Result<()> {
        self.bytes.drain(..self.at);
        self.start += self.at as u64;
        self.at = 0;
        let had = self.bytes.len();
        let left = usize::try_from(self.size.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.bytes.resize(count.max(self.piece_bytes).min(left).max(had), 0);
        let read = self.file.read_at(&mut self.bytes[had..], self.start + had as u64)?;
        self.bytes.truncate(had + read);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::disk::Disk;
    use crate::log::disk::faulty::FaultyDisk;

    #[test]
    fn what_is_longer_than_a_piece_and_what_lies_across_two_is_whole() {
        let disk = FaultyDisk::default();
        let bytes: Vec<u8> = (0..100).collect();
        disk.put("file", &bytes);
        let mut pieces = Pieces::over(disk.open("file").unwrap(), 5, 10).unwrap();
        assert_eq!((pieces.size(), pieces.offset()), (100, 5));
        assert_eq!(pieces.look(4).unwrap(), &bytes[5..15]);
        assert_eq!(pieces.take(7).unwrap(), &bytes[5..12]);
        assert_eq!(pieces.take(6).unwrap(), &bytes[12..18]);
        assert_eq!(pieces.take(60).unwrap(), &bytes[18..78]);
        assert_eq!(pieces.offset(), 78);
        assert_eq!(pieces.take(60).unwrap(), &bytes[78..]);
        assert!(pieces.take(1).unwrap().is_empty());
    }
}
