//! A store written as a `dump.rdb`, slot by slot under that slot's lock alone.

use std::io::{self, Write};

use ringmaster_protocol::rdb::file::FileWriter;
use ringmaster_protocol::slot::HashSlot;

use crate::command::generic::dump;
use crate::store::Store;
use crate::store::census::DATABASES;
use crate::store::entry::EntryRef;
use crate::store::value::Value;

/// What becomes of the deadlines of single fields of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// They are written, for Redis 7.4 and later.
    Kept,
    /// They are left out, for Redis 7.0 and 7.2: such fields do not expire there.
    Dropped,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exported {
    /// Keys in the file.
    pub keys: u64,
    /// Deadlines of fields that the file does not have.
    pub deadlines_dropped: u64,
    /// Slots that are done, of 16384.
    pub slots: u32,
}

/// Writes the keys that are not expired at `now` (Unix milliseconds), and the `libraries`, to `out`. `progress` hears
/// of each slot.
///
/// # Errors
/// Those of `out`.
pub fn export<W: Write>(
    store: &Store,
    libraries: &[Vec<u8>],
    fields: Fields,
    out: W,
    now: u64,
    progress: &mut dyn FnMut(&Exported),
) -> io::Result<(W, Exported)> {
    let seconds = (now / 1000).to_string();
    // Redis warns when the version is later than its own.
    let about = [("redis-ver", "7.0.15"), ("redis-bits", "64"), ("ctime", &seconds), ("aof-base", "0")];
    let mut writer = FileWriter::begin(out, &about)?;
    libraries.iter().try_for_each(|code| writer.library(code))?;
    let (mut exported, mut object) = (Exported::default(), Vec::new());
    for slot in HashSlot::all() {
        store.look(slot, |slot| {
            (0..DATABASES).flat_map(|database| slot.living(database, now)).try_for_each(|entry| {
                object.clear();
                exported.deadlines_dropped += write(entry, fields, &mut object);
                exported.keys += 1;
                writer.key(entry.database(), entry.key(), entry.deadline(), &object)
            })
        })?;
        exported.slots += 1;
        progress(&exported);
    }
    Ok((writer.finish()?, exported))
}

/// Writes the value of an entry; returns how many deadlines of its fields are left out.
fn write(entry: EntryRef<'_>, fields: Fields, object: &mut Vec<u8>) -> u64 {
    let value = entry.value();
    match value {
        Value::Hash(hash) if fields == Fields::Dropped && hash.earliest_deadline().is_some() => {
            dump::write_untimed(object, hash);
            hash.deadlines().count() as u64
        }
        _ => {
            dump::write_value(object, value);
            0
        }
    }
}
