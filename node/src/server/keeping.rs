//! What is kept over a restart: reads the log at the start, and lets the node write it from then on.
//!
//! ```text
//! lock the directory ─► listen, answer -LOADING ─► read the log ─► cut its end ─► write ─► serve
//! ```

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::shared::{Shared, random_bytes, unix_time};
use super::snapshots::{self, Snapshots};
use crate::cluster::acceptor::Acceptor;
use crate::cluster::member::Member;
use crate::config::Persistence;
use crate::log::disk::{Disk, RealDisk};
use crate::log::identity::{self, Identity};
use crate::log::journal::{Recorder, append_beside};
use crate::log::record::{Bad, Kind, Record};
use crate::log::recovery::{self, Begin, Found, RecoveryError};
use crate::log::register::Register;
use crate::log::replay::{ReplayError, Replayer, replay};
use crate::log::snapshot::{self, Loaded};
use crate::log::{Log, Settings};

/// Where a log begins: nothing else tells what came before.
const FIRST_LSN: u64 = 1;

/// Pause between two lines that tell how far the reading is.
const PROGRESS_PAUSE: Duration = Duration::from_secs(5);

/// The log of a node, once it is read.
#[derive(Default)]
pub(crate) struct Keeping {
    log: OnceLock<Arc<Log>>,
    progress: Progress,
    pub(crate) snapshots: Snapshots,
    /// Keeps other processes out of the directory.
    lock: OnceLock<Box<dyn Send + Sync>>,
}

/// How far the reading is.
#[derive(Default)]
pub(crate) struct Progress {
    /// When it began, in Unix seconds.
    pub(crate) began_seconds: AtomicU64,
    /// Bytes to be read.
    pub(crate) total_bytes: AtomicU64,
    /// Bytes read.
    pub(crate) read_bytes: AtomicU64,
}

/// A directory that is this process's own, its log not yet read.
pub(crate) struct Opened {
    disk: Arc<dyn Disk>,
    identity: Identity,
}

impl Opened {
    /// The node's part in its cluster, as its register has it.
    ///
    /// # Errors
    /// The register is damaged or lost, or of another release.
    pub(crate) fn member(&self) -> io::Result<Member> {
        let lost = |why: String| {
            let text = format!(
                "the register of this data directory cannot be read: {why}. What the node has promised to its cluster is \
                 forgotten: put the directory aside and start with an empty one, which the other members fill"
            );
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let register = Register::open(&*self.disk).map_err(|error| lost(error.to_string()))?;
        let acceptor = register.payload().map_or_else(|| Ok(Acceptor::default()), Acceptor::decode);
        let acceptor = acceptor.map_err(|error| lost(error.to_string()))?;
        Ok(Member::kept(self.identity.incarnation, self.identity.boot, register, acceptor))
    }
}

impl Keeping {
    /// The log, when it is written.
    #[inline]
    pub(crate) fn log(&self) -> Option<&Arc<Log>> {
        self.log.get()
    }

    /// How far the reading is.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }
}

/// Takes the data directory, if anything is kept; from then on commands are told that the node is loading.
///
/// # Errors
/// The directory cannot be used, or another process uses it.
pub(crate) fn open(shared: &Shared) -> io::Result<Option<Opened>> {
    if shared.config.persistence == Persistence::Off {
        return Ok(None);
    }
    let directory = &shared.config.data_dir;
    let named = |error: io::Error| {
        let why = match error.kind() {
            io::ErrorKind::WouldBlock => "another process uses it".to_owned(),
            _ => error.to_string(),
        };
        io::Error::new(error.kind(), format!("data directory {}: {why}", directory.display()))
    };
    let disk = RealDisk::at(directory).map_err(named)?;
    let _ = shared.keeping.lock.set(disk.lock().map_err(named)?);
    let identity = identity::open(&disk, random).map_err(named)?;
    shared.attention.set_loading(true);
    Ok(Some(Opened { disk: Arc::new(disk), identity }))
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    random_bytes(&mut bytes);
    u128::from_le_bytes(bytes)
}

/// Reads the log into the store, and has the store write it from then on; commands are served when this returns.
///
/// # Errors
/// The log is damaged or cannot be read; the node is not to serve then.
pub(crate) fn load(shared: &Arc<Shared>, opened: &Opened) -> io::Result<()> {
    let began = Instant::now();
    let (loaded, found) = read(shared, opened, began)?;
    recovery::cut(&*opened.disk, &found)?;
    let start_lsn = loaded.as_ref().map_or(0, |loaded| loaded.start_lsn);
    snapshot::tidy(&*opened.disk, start_lsn)?;
    let settings = Settings::new(shared.config.fsync, shared.config.threads);
    let position = (found.last_lsn().max(start_lsn.saturating_sub(1)), found.good_bytes());
    let data_id = opened.identity.data_id();
    let log = Arc::new(Log::start(Arc::clone(&opened.disk), settings, data_id, position)?);
    attach(shared, Arc::clone(&log));
    snapshots::start(shared, (&opened.disk, data_id), &log, loaded.as_ref())?;
    shared.attention.set_loading(false);
    let (records, bytes) = (found.records, found.good_bytes());
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(records, bytes, millis, "the log is read");
    Ok(())
}

fn read(shared: &Shared, opened: &Opened, began: Instant) -> io::Result<(Option<Loaded>, Found)> {
    let progress = &shared.keeping.progress;
    progress.began_seconds.store(unix_time().as_secs(), Ordering::Relaxed);
    let total_bytes = recovery::bytes(&*opened.disk)? + snapshot::bytes(&*opened.disk)?;
    progress.total_bytes.store(total_bytes, Ordering::Relaxed);
    let loaded = read_snapshot(shared, opened)?;
    let begin = loaded.as_ref().map_or(Begin::At(FIRST_LSN), Loaded::log);
    let mut told = began;
    let read = |replayer: &mut Replayer<'_>| {
        let mut visit = |record: Record<'_>| {
            progress.note(record.body.len(), &mut told);
            take(shared, replayer, record)
        };
        recovery::read(&*opened.disk, &opened.identity.data_id(), begin, &mut visit)
    };
    let read = replay(shared.engine.store(), shared.config.threads, read);
    let found = read.map_err(gap)?.map_err(unreadable)?;
    if let Some(loaded) = &loaded {
        loaded.check(&found).map_err(unreadable)?;
    }
    Ok((loaded, found))
}

fn read_snapshot(shared: &Shared, opened: &Opened) -> io::Result<Option<Loaded>> {
    let (store, threads) = (shared.engine.store(), shared.config.threads);
    let mut note = |read, _| shared.keeping.progress.read_bytes.store(read, Ordering::Relaxed);
    let loaded = snapshot::load(&*opened.disk, &opened.identity.data_id(), store, threads, &mut note);
    let loaded = loaded.map_err(unreadable)?;
    if let Some(loaded) = &loaded {
        let malformed =
            || io::Error::new(io::ErrorKind::InvalidData, format!("{}: malformed libraries", loaded.file));
        let mut libraries = loaded.libraries.iter();
        libraries.try_for_each(|record| {
            shared.scripts.libraries.replay(record).then_some(()).ok_or_else(malformed)
        })?;
        let (keys, bytes) = (loaded.keys, loaded.bytes);
        tracing::info!(file = loaded.file, keys, bytes, "the snapshot is read");
    }
    Ok(loaded)
}

fn unreadable(error: RecoveryError) -> io::Error {
    match error {
        RecoveryError::Io(error) => error,
        damaged @ RecoveryError::Damaged(_) => {
            io::Error::new(io::ErrorKind::InvalidData, damaged.to_string())
        }
    }
}

fn gap(error: ReplayError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn take(shared: &Shared, replayer: &mut Replayer<'_>, record: Record<'_>) -> Result<(), Bad> {
    match record.kind {
        Kind::Library if shared.scripts.libraries.replay(record.body) => Ok(()),
        Kind::Library => Err(Bad::Body),
        Kind::Operation | Kind::Part | Kind::Mark | Kind::Whole => replayer.operation(record),
    }
}

impl Progress {
    /// The share that is read, in thousandths.
    pub(crate) fn thousandths(&self) -> u16 {
        let (read, total) =
            (self.read_bytes.load(Ordering::Relaxed), self.total_bytes.load(Ordering::Relaxed));
        let share = (u128::from(read) * 1000).checked_div(u128::from(total)).unwrap_or(0);
        u16::try_from(share.min(1000)).unwrap_or(1000)
    }

    fn note(&self, bytes: usize, told: &mut Instant) {
        let read = self.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        // Looked at about every 64 KiB: the clock costs more than a record.
        if (read ^ (read + bytes as u64)) >> 16 != 0 && told.elapsed() >= PROGRESS_PAUSE {
            *told = Instant::now();
            let total = self.total_bytes.load(Ordering::Relaxed);
            tracing::info!(read_bytes = read, total_bytes = total, "reading the log");
        }
    }
}

/// Has everything that changes written to `log`.
fn attach(shared: &Arc<Shared>, log: Arc<Log>) {
    let of_libraries = Arc::clone(&log);
    shared.scripts.libraries.set_log(move |record| append_beside(&of_libraries, Kind::Library, record));
    shared.engine.store().set_journal(Box::new(Recorder::new(Arc::clone(&log))));
    let attention = Arc::clone(&shared.attention);
    log.status().on_refusal(move |refuses| attention.set_log_refusing(refuses));
    // Set once, here.
    let _ = shared.keeping.log.set(log);
}

/// Writes all that is not on disk yet; nothing is served any more.
pub(crate) fn close(shared: &Shared) {
    shared.keeping.snapshots.close();
    if let Some(log) = shared.keeping.log()
        && let Err(error) = log.close()
    {
        tracing::error!(%error, "the log could not be written to its end");
    }
}
