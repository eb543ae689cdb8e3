//! A `dump.rdb` read into a store, key by key, through the same door as every change.

use std::io::Read;

use ringmaster_protocol::rdb::dump::Checked;
use ringmaster_protocol::rdb::file::{FileError, FileReader, Record};

use crate::command::generic::restore;
use crate::store::Store;
use crate::store::census::DATABASES;
use crate::store::key::Key;
use crate::store::keyspace::{Keyspace, Moment};

/// What was read.
#[derive(Debug, Default)]
pub struct Imported {
    /// Keys that are in the store now; one that was there has been replaced.
    pub keys: u64,
    /// Keys left out because they had expired.
    pub expired: u64,
    /// The texts of the libraries of functions, which are for the caller to take in.
    pub libraries: Vec<Vec<u8>>,
    /// Bytes of the file that were read.
    pub bytes: u64,
}

/// Why a file was not read to its end. What came before is in the store.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is damaged, is none, or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key is in a database that a node does not have.
    #[error("key {key:?} is in database {database}; a node has the databases 0 to {}", DATABASES - 1)]
    Database {
        /// The key, printable.
        key: String,
        /// Its database.
        database: u64,
    },
    /// A value has a form that is not kept here.
    #[error("key {key:?} holds a stream of a form that is not supported")]
    Value {
        /// The key, printable.
        key: String,
    },
}

/// Reads all of `source` into `store`, whose slots nobody else holds for long; `now` is the clock in Unix
/// milliseconds. `progress` hears of what was read every some thousand keys.
///
/// # Errors
/// [`ImportError`].
pub fn import<R: Read>(
    store: &Store,
    source: R,
    now: u64,
    progress: &mut dyn FnMut(&Imported),
) -> Result<Imported, ImportError> {
    const KEYS_BETWEEN: u64 = 4096;
    let (mut reader, mut imported) = (FileReader::new(source), Imported::default());
    let mut result = Ok(());
    while reader.next(|record| result = take(store, now, record, &mut imported))? {
        std::mem::replace(&mut result, Ok(()))?;
        imported.bytes = reader.position();
        if (imported.keys + imported.expired).is_multiple_of(KEYS_BETWEEN) {
            progress(&imported);
        }
    }
    imported.bytes = reader.position();
    progress(&imported);
    Ok(imported)
}

fn take(store: &Store, now: u64, record: Record<'_>, imported: &mut Imported) -> Result<(), ImportError> {
    match record {
        Record::About { .. } => {}
        Record::Library(code) => imported.libraries.push(code.to_vec()),
        Record::Key { deadline: Some(deadline), .. } if deadline <= now => imported.expired += 1,
        Record::Key { database, key, deadline, value } => {
            let name = || key.escape_ascii().to_string();
            let known = u8::try_from(database).ok().filter(|database| *database < DATABASES);
            let known = known.ok_or_else(|| ImportError::Database { key: name(), database })?;
            if !restore::is_supported(&value) {
                return Err(ImportError::Value { key: name() });
            }
            put(store, Moment { now, database: known, ..Moment::default() }, &key, &value, deadline);
            imported.keys += 1;
        }
    }
    Ok(())
}

fn put(store: &Store, moment: Moment, key: &[u8], value: &Checked<'_>, deadline: Option<u64>) {
    let keys = [Key::new(key, moment.database)];
    loop {
        if let Ok(mut keyspace) = Keyspace::lock(store, &keys, moment) {
            return restore::replace(&mut keyspace, keys[0], value, deadline);
        }
        std::thread::yield_now();
    }
}
