//! A Unix socket to listen on: a file that must not be in the way of the next process, nor taken from a running one.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{self, PathBuf};

/// A bound listener, and its file.
pub(crate) struct Bound {
    listener: UnixListener,
    path: Path,
}

/// The file of a listener; removed when it is dropped.
pub(crate) struct Path(PathBuf);

impl Bound {
    /// Binds a listener at `path`. The file that a dead process has left there is replaced.
    ///
    /// # Errors
    /// Somebody listens there, there is another file, or the directory cannot be written.
    pub(crate) fn bind(path: &path::Path) -> io::Result<Self> {
        let is_socket = path.symlink_metadata().is_ok_and(|file| file.file_type().is_socket());
        if is_socket
            && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: Path(path.to_owned()) })
    }

    pub(super) fn split(self) -> (UnixListener, Path) {
        (self.listener, self.path)
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        // It may be gone by now: then that is what is wanted.
        drop(std::fs::remove_file(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let bound = Bound::bind(&path).unwrap();
        assert_eq!(Bound::bind(&path).err().unwrap().kind(), io::ErrorKind::AddrInUse);
        drop(bound);
        assert!(!path.exists());
        std::fs::write(&path, "precious").unwrap();
        assert!(Bound::bind(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
