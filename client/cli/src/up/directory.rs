//! Where a local cluster keeps its files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tempfile::TempDir;

/// A directory of the user, which stays, or a temporary one, which is removed with this value.
pub(super) enum Directory {
    /// Given by the user.
    Kept(PathBuf),
    /// Made for this run.
    Temporary(TempDir),
}

impl Directory {
    /// Makes `path` if it is missing, or a temporary directory without one.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn new(path: Option<&Path>) -> anyhow::Result<Directory> {
        let Some(path) = path else {
            let made = tempfile::Builder::new().prefix("ringmaster-").tempdir();
            return made.map(Directory::Temporary).context("cannot make a temporary directory");
        };
        let made = fs::create_dir_all(path).and_then(|()| fs::canonicalize(path));
        made.map(Directory::Kept).with_context(|| format!("cannot make the directory {}", path.display()))
    }

    /// The directory's path.
    pub(super) fn path(&self) -> &Path {
        match self {
            Directory::Kept(path) => path,
            Directory::Temporary(directory) => directory.path(),
        }
    }

    /// Where cluster.yaml lies.
    pub(super) fn cluster_file(&self) -> PathBuf {
        self.path().join("cluster.yaml")
    }

    /// Writes cluster.yaml, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write_cluster_file(&self, text: &str) -> io::Result<()> {
        let draft = self.path().join(".cluster.yaml.new");
        fs::write(&draft, text)?;
        fs::rename(&draft, self.cluster_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_directory_is_removed_and_a_given_one_stays() {
        let outer = tempfile::tempdir().unwrap();
        let given = outer.path().join("a/b");
        let path = Directory::new(Some(&given)).unwrap().path().to_owned();
        assert!(path.is_dir());
        let path = Directory::new(None).unwrap().path().to_owned();
        assert!(!path.exists());
    }

    #[test]
    fn the_cluster_file_replaces_the_one_before() {
        let directory = Directory::new(None).unwrap();
        directory.write_cluster_file("old").unwrap();
        directory.write_cluster_file("new").unwrap();
        assert_eq!(fs::read_to_string(directory.cluster_file()).unwrap(), "new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
