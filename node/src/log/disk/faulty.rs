//! A disk in memory that can lose power and fail: for tests and for the simulation of a cluster.
//!
//! It keeps what was written and what is durable apart. When power is lost, each sector that was not synced is the
//! old one, the new one or torn between them; a file that grew has any length up to the written one; names that were
//! not synced are the old or the new ones, each for itself. All choices come from a seed.

mod power;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};

/// What a disk writes at once.
pub const SECTOR_BYTES: usize = 512;

/// What is about to be done, as the hook sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Bytes are written to a file.
    Write {
        /// How many.
        bytes: usize,
    },
    /// A file is synced.
    Sync,
    /// A file is created, renamed, cut or removed.
    Change,
    /// The directory is synced.
    SyncDir,
}

/// What the hook makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Do,
    /// It fails with this error of the operating system, and nothing of it is done.
    Fail(i32),
    /// Only so many bytes of a write are done, then it fails with this error.
    Short(usize, i32),
    /// Power is lost: a write may be found in part after it, and nothing works any more until [`FaultyDisk::restart`].
    LosePower,
}

/// Error of the operating system: no space is left.
pub const ENOSPC: i32 = 28;
/// Error of the operating system: the device failed.
pub const EIO: i32 = 5;

/// Asked before each deed, whose number since the start comes first. It may block: then the disk is slow.
pub type Hook = Arc<dyn Fn(u64, &Deed) -> Verdict + Send + Sync>;

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    hook: Option<Hook>,
    deeds: u64,
    /// Starts so far; handles of earlier ones are dead.
    start: u64,
    powerless: bool,
    locked: bool,
}

#[derive(Clone, Default)]
struct Content {
    written: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that may differ.
    dirty: BTreeSet<usize>,
    /// Sectors of a sync that failed: they look written, and no later sync brings them to the disk.
    forsaken: BTreeSet<usize>,
}

impl FaultyDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `hook` before each deed from now on; `None` asks nobody.
    pub fn set_hook(&self, hook: Option<Hook>) {
        self.state().hook = hook;
    }

    /// How many deeds there were.
    #[must_use]
    pub fn deeds(&self) -> u64 {
        self.state().deeds
    }

    /// Whether power was lost.
    #[must_use]
    pub fn is_powerless(&self) -> bool {
        self.state().powerless
    }

    /// Power comes back after a loss, or is lost now and comes back. What was not synced is decided by `seed`.
    pub fn restart(&self, seed: u64) {
        let mut state = self.state();
        power::lose(&mut state, seed);
        state.start += 1;
        (state.powerless, state.locked, state.hook) = (false, false, None);
    }

    /// The process is killed and started again: all that was written is there.
    pub fn kill(&self) {
        let mut state = self.state();
        state.start += 1;
        state.locked = false;
    }

    /// The bytes of a file.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|file| state.files[*file].written.clone())
    }

    /// Makes these the bytes of a file, durably: damage done from outside.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let file = state.files.len();
        state.files.push(Content::settled(bytes.to_vec()));
        state.names.insert(name.to_owned(), file);
        state.durable_names.insert(name.to_owned(), file);
    }

    /// Asks the hook. It may block, so the state is not held meanwhile.
    fn ask(&self, deed: &Deed) -> io::Result<Verdict> {
        let (hook, number) = {
            let mut state = self.state();
            state.deeds += 1;
            (state.hook.clone(), state.deeds)
        };
        let verdict = hook.map_or(Verdict::Do, |hook| hook(number, deed));
        let mut state = self.state();
        if state.powerless {
            return Err(lost());
        }
        state.powerless = verdict == Verdict::LosePower;
        Ok(verdict)
    }

    /// Asks the hook for a deed that is done or not.
    fn may(&self, deed: &Deed) -> io::Result<MutexGuard<'_, State>> {
        match self.ask(deed)? {
            Verdict::Do => Ok(self.state()),
            Verdict::Fail(error) | Verdict::Short(_, error) => Err(io::Error::from_raw_os_error(error)),
            Verdict::LosePower => Err(lost()),
        }
    }

    fn handle(&self, file: usize, start: u64) -> Box<dyn DiskFile> {
        Box::new(Handle { disk: self.clone(), file, start })
    }
}

fn lost() -> io::Error {
    io::Error::other("power was lost")
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for FaultyDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.may(&Deed::Change)?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(Content::default());
        state.names.insert(name.to_owned(), file);
        Ok(self.handle(file, state.start))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.state();
        let file = state.names.get(name).ok_or_else(missing)?;
        Ok(self.handle(*file, state.start))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.may(&Deed::Change)?;
        let file = state.names.remove(from).ok_or_else(missing)?;
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.may(&Deed::Change)?;
        state.names.remove(name).map(drop).ok_or_else(missing)
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.may(&Deed::SyncDir)?;
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        let mut state = self.state();
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Lock { disk: self.clone(), start: state.start }))
    }
}

struct Lock {
    disk: FaultyDisk,
    start: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.start == self.start {
            state.locked = false;
        }
    }
}

struct Handle {
    disk: FaultyDisk,
    file: usize,
    start: u64,
}

impl Handle {
    /// Acts on the content, if the process that opened the file still lives.
    fn with<R>(&self, state: &mut State, act: impl FnOnce(&mut Content) -> R) -> io::Result<R> {
        if state.start != self.start {
            return Err(lost());
        }
        Ok(act(&mut state.files[self.file]))
    }
}

impl DiskFile for Handle {
    fn size(&self) -> io::Result<u64> {
        self.with(&mut self.disk.state(), |content| content.written.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(&mut self.disk.state(), |content| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.written.len());
            let count = bytes.len().min(content.written.len() - from);
            bytes[..count].copy_from_slice(&content.written[from..from + count]);
            count
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let verdict = self.disk.ask(&Deed::Write { bytes: bytes.len() })?;
        let (count, error) = match verdict {
            Verdict::Do => (bytes.len(), None),
            Verdict::Fail(error) => (0, Some(io::Error::from_raw_os_error(error))),
            Verdict::Short(count, error) => {
                (count.min(bytes.len()), Some(io::Error::from_raw_os_error(error)))
            }
            Verdict::LosePower => (bytes.len(), Some(lost())),
        };
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.with(&mut self.disk.state(), |content| content.write(&bytes[..count], offset))?;
        error.map_or(Ok(()), Err)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let mut state = self.disk.may(&Deed::Change)?;
        let size = usize::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.with(&mut state, |content| content.cut(size))
    }

    fn sync(&self) -> io::Result<()> {
        let verdict = self.disk.ask(&Deed::Sync)?;
        let mut state = self.disk.state();
        match verdict {
            Verdict::Do => self.with(&mut state, Content::sync),
            Verdict::Fail(error) | Verdict::Short(_, error) => {
                self.with(&mut state, Content::fail_sync)?;
                Err(io::Error::from_raw_os_error(error))
            }
            Verdict::LosePower => Err(lost()),
        }
    }
}

impl Content {
    /// Bytes that are all on the disk.
    fn settled(bytes: Vec<u8>) -> Self {
        Self { written: bytes.clone(), durable: bytes, ..Self::default() }
    }

    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if bytes.is_empty() {
            return;
        }
        if self.written.len() < end {
            self.written.resize(end, 0);
        }
        self.written[offset..end].copy_from_slice(bytes);
        self.touch(offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }

    fn cut(&mut self, size: usize) {
        let longest = self.written.len().max(size);
        self.written.resize(size, 0);
        self.touch(size / SECTOR_BYTES..longest.div_ceil(SECTOR_BYTES));
    }

    fn touch(&mut self, sectors: std::ops::Range<usize>) {
        self.forsaken.retain(|sector| !sectors.contains(sector));
        self.dirty.extend(sectors);
    }

    fn sync(&mut self) {
        let before = std::mem::replace(&mut self.durable, self.written.clone());
        for sector in &self.forsaken {
            let start = (sector * SECTOR_BYTES).min(self.durable.len());
            let end = (start + SECTOR_BYTES).min(self.durable.len());
            for at in start..end {
                self.durable[at] = before.get(at).copied().unwrap_or(0);
            }
        }
        self.dirty.clear();
    }

    /// As Linux does it: the pages count as clean afterwards.
    fn fail_sync(&mut self) {
        self.forsaken.append(&mut self.dirty);
    }
}

#[cfg(test)]
mod tests;
