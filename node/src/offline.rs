//! A data directory that no node uses: its data go to a `dump.rdb`, or those of a `dump.rdb` come in.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::dump_file::{self, Exported, Fields, ImportError, Imported};
use crate::log::disk::{Disk, RealDisk};
use crate::log::record::{Bad, DataId, Kind, Record};
use crate::log::recovery::{self, Begin, Found, RecoveryError};
use crate::log::register::Register;
use crate::log::replay::{ReplayError, replay};
use crate::log::snapshot::{self, Pace, Position, SnapshotError, Source};
use crate::log::{identity, snapshot::Loaded};
use crate::script::learn::learn;
use crate::script::library::Libraries;
use crate::server::random_bytes;
use crate::store::Store;

/// Bytes of a `dump.rdb` that are read or written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Why a directory was not exported or nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// A file or the directory cannot be used; a directory that a node uses is one.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What is in the directory is damaged.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// What is in the directory does not fit together.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The directory is a member's: what its slots hold is decided by its cluster.
    #[error(
        "the directory belongs to a member of a cluster: write the keys through a proxy, or import into an empty one"
    )]
    Member,
    /// The `dump.rdb` cannot be read to its end; the directory is as it was.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A library of functions in it cannot be taken; the directory is as it was.
    #[error("a library of functions: {0}")]
    Libraries(String),
    /// The data could not be written; the directory is as it was.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// All data of a directory.
struct Data {
    store: Store,
    libraries: Libraries,
    found: Found,
    last_lsn: u64,
}

impl Position for Data {
    fn last_lsn(&self) -> u64 {
        self.last_lsn
    }

    fn wait_written(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

fn read(disk: &dyn Disk, data_id: &DataId) -> Result<Data, OfflineError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (store, libraries) = (Store::new(None), Libraries::default());
    let loaded = snapshot::load(disk, data_id, &store, threads, &mut |_, _| {})?;
    // Without one the log is read from its first record.
    let Loaded { start_lsn, libraries: records, .. } =
        loaded.clone().unwrap_or(Loaded { start_lsn: 1, ..Loaded::default() });
    let begin = loaded.as_ref().map_or(Begin::At(1), Loaded::log);
    if let Some(record) = records.iter().find(|record| !libraries.replay(record)) {
        let why = format!("malformed libraries of {} bytes in the snapshot", record.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, why).into());
    }
    // What is read is not written to: an unfinished end is left for the node's next start to cut.
    let found = replay(&store, threads, |replayer| {
        recovery::read(disk, data_id, begin, &mut |record: Record<'_>| match record.kind {
            Kind::Library if libraries.replay(record.body) => Ok(()),
            Kind::Library => Err(Bad::Body),
            _ => replayer.operation(record),
        })
    })??;
    loaded.map_or(Ok(()), |loaded| loaded.check(&found))?;
    let last_lsn = found.last_lsn().max(start_lsn - 1);
    Ok(Data { store, libraries, found, last_lsn })
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    random_bytes(&mut bytes);
    u128::from_le_bytes(bytes)
}

fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Writes the data of `directory` to `file`, which is replaced whole when all of it is durable. The directory is only
/// read. `progress` hears of each slot.
///
/// # Errors
/// [`OfflineError`]; `file` is as it was.
pub fn export(
    directory: &Path,
    file: &Path,
    fields: Fields,
    progress: &mut dyn FnMut(&Exported),
) -> Result<Exported, OfflineError> {
    let disk = RealDisk::existing(directory)?;
    let _lock = disk.lock()?;
    let data = read(&disk, &identity::data_id(&disk)?)?;
    let texts: Vec<Vec<u8>> = data.libraries.all().iter().map(|library| library.text.clone()).collect();
    let mut aside = file.as_os_str().to_owned();
    aside.push(".tmp");
    let out = BufWriter::with_capacity(BUFFER_BYTES, File::create(&aside)?);
    let (mut out, exported) = dump_file::export(&data.store, &texts, fields, out, now_millis(), progress)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    fs::rename(&aside, file)?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(exported)
}

/// Puts the keys of the `dump.rdb` `file` into `directory`, beside those that it holds; a key of the same name is
/// replaced, and so is a library of functions. The directory is made if it is not there, and changes only when all is
/// durable.
///
/// # Errors
/// [`OfflineError`]; the directory holds what it held.
pub fn import(
    directory: &Path,
    file: &Path,
    progress: &mut dyn FnMut(&Imported),
) -> Result<Imported, OfflineError> {
    let source = BufReader::with_capacity(BUFFER_BYTES, File::open(file)?);
    let disk = RealDisk::at(directory)?;
    let _lock = disk.lock()?;
    let data_id = identity::open(&disk, random)?.data_id();
    if Register::open(&disk)?.payload().is_some() {
        return Err(OfflineError::Member);
    }
    let data = read(&disk, &data_id)?;
    recovery::cut(&disk, &data.found)?;
    let imported = dump_file::import(&data.store, source, now_millis(), progress)?;
    let libraries = imported.libraries.iter().map(|text| learn(text));
    let libraries = libraries.collect::<Result<_, _>>().map_err(OfflineError::Libraries)?;
    data.libraries.put(libraries, true, false).map_err(OfflineError::Libraries)?;
    let taken = snapshot::take(&Source {
        store: &data.store,
        disk: &disk,
        data_id,
        log: &data,
        libraries: &|| vec![data.libraries.whole()],
        pace: Pace::Full,
        stop: &AtomicBool::new(false),
        keys_done: &AtomicU64::new(0),
    })?;
    snapshot::tidy(&disk, taken.start_lsn)?;
    Ok(imported)
}
