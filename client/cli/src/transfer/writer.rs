//! A file of Redis's form that is there when it is whole: no key twice, its checksum known.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use ringmaster_protocol::rdb::dump::{self, Checked};
use ringmaster_protocol::rdb::file::FileWriter;
use ringmaster_protocol::rdb::object::{self, Element, Kind};
use ringmaster_protocol::rdb::wire::Output;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_128;

use super::{Item, now_millis, saved};

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What becomes of the deadlines of single fields of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// They are written, for Redis 7.4 and later and for Ringmaster.
    Kept,
    /// They are left out, for Redis 7.0 and 7.2.
    Dropped,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Keys.
    pub keys: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Its SHA-256, as `sha256sum` writes it.
    pub sha256: String,
}

/// What became of a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is in the file.
    Yes,
    /// It was in the file: SCAN may tell a key twice, and Redis does not load a file that does.
    Before,
    /// It is none that can be in a file.
    No(&'static str),
}

/// A file that is being written.
pub(crate) struct Writer {
    path: PathBuf,
    /// `None` when it was finished.
    file: Option<FileWriter<BufWriter<Summed>>>,
    seen: HashSet<u128>,
    fields: Fields,
    /// Deadlines of fields that the file does not have.
    pub(crate) dropped: u64,
    object: Vec<u8>,
}

/// A file and the sum of what was written to it.
#[derive(Debug)]
struct Summed {
    file: File,
    sum: Sha256,
    bytes: u64,
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.sum.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Begins a file beside the one that is to have the name; that one stays until this one is whole.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn begin(path: &Path, fields: Fields) -> io::Result<Writer> {
        let file = File::create(saved::aside(path))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, Summed { file, sum: Sha256::new(), bytes: 0 });
        let seconds = (now_millis() / 1000).to_string();
        // Redis warns when the version is later than its own.
        let about = [("redis-ver", "7.0.15"), ("redis-bits", "64"), ("ctime", &seconds), ("aof-base", "0")];
        let file = Some(FileWriter::begin(file, &about)?);
        let (seen, object) = (HashSet::new(), Vec::new());
        Ok(Writer { path: path.to_owned(), file, seen, fields, dropped: 0, object })
    }

    fn file(&mut self) -> io::Result<&mut FileWriter<BufWriter<Summed>>> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the file was finished"))
    }

    /// Adds a library of functions.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn library(&mut self, text: &[u8]) -> io::Result<()> {
        self.file()?.library(text)
    }

    /// Adds a key.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn add(&mut self, database: u64, item: &Item) -> io::Result<Added> {
        let Ok(number) = u8::try_from(database) else { return Ok(Added::No("a database above 255")) };
        let Some(object) = dump::open(&item.payload) else {
            return Ok(Added::No("a value of a version that is not known here, or a wrong checksum"));
        };
        let Ok(checked) = Checked::new(object) else {
            return Ok(Added::No("a value of a form that is not known here, such as those of modules"));
        };
        let name = [&[number], &item.key[..]].concat();
        if !self.seen.insert(xxh3_128(&name)) {
            return Ok(Added::Before);
        }
        self.object.clear();
        if self.fields == Fields::Dropped && checked.kind() == Kind::Hash {
            self.dropped += untimed(&checked, &mut self.object);
        }
        let mut own = std::mem::take(&mut self.object);
        let object = if own.is_empty() { object } else { &own };
        let added = self.file()?.key(number, &item.key, item.deadline, object);
        own.clear();
        self.object = own;
        added.map(|()| Added::Yes)
    }

    /// Keys that it has.
    pub(crate) fn keys(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Ends the file: it is durable, and has its name.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn finish(&mut self) -> io::Result<Written> {
        let file = self.file.take().ok_or_else(|| io::Error::other("the file was finished"))?;
        let finished =
            file.finish().and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
        let settled = finished.and_then(|summed| {
            summed.file.sync_all()?;
            saved::settle(&self.path)?;
            Ok(summed)
        });
        let summed = settled.inspect_err(|_| drop(fs::remove_file(saved::aside(&self.path))))?;
        let sha256 = hex(&summed.sum.finalize());
        Ok(Written { keys: self.keys(), bytes: summed.bytes, sha256 })
    }
}

/// What was not finished is taken away.
impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            drop(file);
            // Where it is gone already there is nothing to take away.
            let _ = fs::remove_file(saved::aside(&self.path));
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a hash whose fields expire as one whose fields do not, and says how many did; writes nothing if none does.
fn untimed(hash: &Checked<'_>, object: &mut Vec<u8>) -> u64 {
    let (mut fields, mut timed) = (Vec::new(), 0);
    hash.for_each(|element| {
        if let Element::Field { name, value, deadline } = element {
            timed += u64::from(deadline.is_some());
            fields.push((name.to_vec(), value.to_vec()));
        }
    });
    if timed > 0 {
        object::hash(&mut Output::new(object), fields.len(), fields.into_iter(), false);
    }
    timed
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn item(key: &'static str, text: &[u8]) -> Item {
        let mut payload = Vec::new();
        object::string(&mut Output::new(&mut payload), text);
        dump::seal(&mut payload);
        Item { key: Bytes::from_static(key.as_bytes()), deadline: None, payload: payload.into() }
    }

    #[test]
    fn a_file_is_there_when_it_is_whole_and_has_no_key_twice() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f.rdb");
        let mut writer = Writer::begin(&path, Fields::Kept).unwrap();
        assert_eq!(writer.add(0, &item("k", b"v")).unwrap(), Added::Yes);
        assert_eq!(writer.add(0, &item("k", b"w")).unwrap(), Added::Before);
        assert_eq!(writer.add(1, &item("k", b"v")).unwrap(), Added::Yes);
        let damaged = Item { payload: Bytes::from_static(b"damaged payload"), ..item("x", b"") };
        assert!(matches!(writer.add(0, &damaged).unwrap(), Added::No(_)));
        assert!(!path.exists());
        let written = writer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!((written.keys, written.bytes), (2, bytes.len() as u64));
        assert_eq!(written.sha256, hex(&Sha256::digest(&bytes)));
    }

    #[test]
    fn what_is_not_finished_is_taken_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f.rdb");
        fs::write(&path, "old").unwrap();
        let mut writer = Writer::begin(&path, Fields::Kept).unwrap();
        writer.add(0, &item("k", b"v")).unwrap();
        drop(writer);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
