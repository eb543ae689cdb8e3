//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The name under which a file is written before it is whole.
pub(crate) fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

/// Gives a file that was written [`aside`] and synced its name, durably.
///
/// # Errors
/// Those of the file system.
pub(crate) fn settle(path: &Path) -> io::Result<()> {
    fs::rename(aside(path), path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Replaces a file by one with these bytes, durably. The old one stays until the new one is whole.
///
/// # Errors
/// Those of the file system; then the old file is as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let write = || {
        let mut file = File::create(aside(path))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        settle(path)
    };
    write().inspect_err(|_| drop(fs::remove_file(aside(path))))
}
