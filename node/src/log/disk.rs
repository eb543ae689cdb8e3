//! What the log asks of a disk: one directory, files in it by name. The real one, and for tests one that loses power.

pub mod faulty;
mod real;

use std::io;

pub use real::RealDisk;

/// A directory. Names are plain file names.
pub trait Disk: Send + Sync {
    /// Names of the files in it, in no order.
    ///
    /// # Errors
    /// What the operating system says; so of all methods here.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a file for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if there is one.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name; a file of that name is gone then. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// As above.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// As above.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes durable what was created, renamed and removed.
    ///
    /// # Errors
    /// As above; what is durable is not known then.
    fn sync_dir(&self) -> io::Result<()>;

    /// Keeps other processes out of the directory as long as the result lives.
    ///
    /// # Errors
    /// `WouldBlock` if another process has it.
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>>;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// What the operating system says; so of all methods here.
    fn size(&self) -> io::Result<u64>;

    /// Reads from `offset` on; fewer bytes than asked for only at the end of the file.
    ///
    /// # Errors
    /// As above.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` from `offset` on.
    ///
    /// # Errors
    /// As above; any part of it may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file to `size` bytes.
    ///
    /// # Errors
    /// As above.
    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Makes durable what was written and cut before.
    ///
    /// # Errors
    /// As above; what is durable is not known then, and another call that succeeds tells nothing of it.
    fn sync(&self) -> io::Result<()>;
}

/// A whole file, of which at most `bytes_max` are read.
///
/// # Errors
/// `FileTooLarge` when it is longer; else as the disk says.
pub fn read_whole(disk: &dyn Disk, name: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
    let file = disk.open(name)?;
    let size = usize::try_from(file.size()?).ok().filter(|size| *size <= bytes_max);
    let mut bytes = vec![0; size.ok_or(io::ErrorKind::FileTooLarge)?];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Puts a file in place whole: after a power loss it is there with all its bytes, or what was there before is.
///
/// # Errors
/// As the disk says; what was there before is still there, or the new file is.
pub fn replace_whole(disk: &dyn Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    let aside = format!("{name}.new");
    match disk.remove(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&aside)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&aside, name)?;
    disk.sync_dir()
}
