//! Writing a file.

use std::io::{self, Write};

use super::{ABOUT, DATABASE, DEADLINE_MILLIS, END, LIBRARY, MAGIC};
use crate::rdb::wire::Output;
use crate::rdb::{VERSION, crc64};

/// Writes the records of a file that Redis 7.0 and later load.
#[derive(Debug)]
pub struct FileWriter<W> {
    out: W,
    record: Vec<u8>,
    /// The database of the last key.
    database: Option<u8>,
    sum: u64,
}

impl<W: Write> FileWriter<W> {
    /// Begins a file; `about` is what it tells of itself.
    ///
    /// # Errors
    /// Those of `out`, as for all that is written here.
    pub fn begin(out: W, about: &[(&str, &str)]) -> io::Result<Self> {
        let mut writer = Self { out, record: Vec::new(), database: None, sum: 0 };
        writer.put(&[MAGIC, format!("{VERSION:04}").as_bytes()].concat())?;
        for (name, value) in about {
            writer.record(|out| {
                out.raw(&[ABOUT]);
                out.text(name.as_bytes());
                out.text(value.as_bytes());
            })?;
        }
        Ok(writer)
    }

    /// The code of a library of functions.
    ///
    /// # Errors
    /// Those of the output.
    pub fn library(&mut self, code: &[u8]) -> io::Result<()> {
        self.record(|out| {
            out.raw(&[LIBRARY]);
            out.text(code);
        })
    }

    /// A key of `database` that expires at `deadline` (Unix milliseconds). `object` is its value as
    /// [`crate::rdb::object`] writes it, its type first; an empty one is no value and is left out.
    ///
    /// # Errors
    /// Those of the output.
    pub fn key(&mut self, database: u8, key: &[u8], deadline: Option<u64>, object: &[u8]) -> io::Result<()> {
        let Some((code, body)) = object.split_first() else { return Ok(()) };
        let moves = self.database.replace(database) != Some(database);
        self.record(|out| {
            if moves {
                out.raw(&[DATABASE]);
                out.length(u64::from(database));
            }
            if let Some(deadline) = deadline {
                out.raw(&[DEADLINE_MILLIS]);
                out.raw(&deadline.to_le_bytes());
            }
            out.raw(&[*code]);
            out.text(key);
        })?;
        self.put(body)
    }

    /// Ends the file and gives the output back, flushed.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(&[END])?;
        self.out.write_all(&self.sum.to_le_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn record(&mut self, write: impl FnOnce(&mut Output<'_>)) -> io::Result<()> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        write(&mut Output::new(&mut record));
        let result = self.put(&record);
        self.record = record;
        result
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum = crc64::update(self.sum, bytes);
        self.out.write_all(bytes)
    }
}
