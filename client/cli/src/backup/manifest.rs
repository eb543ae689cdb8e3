//! What a backup consists of: `manifest.json`, written anew when a part is whole.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::transfer::files;
use crate::transfer::progress::{Progress, Total};
use crate::transfer::stop::Stop;
use crate::transfer::writer::{Written, hex};
use crate::transfer::{Mark, Tally, saved};

/// The form of the file.
const FORM: u32 = 1;
/// Longest file that is read: a million parts.
const BYTES_MAX: u64 = 256 << 20;
/// Its name.
const NAME: &str = "manifest.json";

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The form of this file.
    pub form: u32,
    /// Name of the cluster, by its cluster.yaml; without one the address that was asked.
    pub cluster: String,
    /// The address that was asked.
    pub server: String,
    /// What it said that it is.
    pub server_version: String,
    /// Version of the tool that wrote the backup.
    pub tool_version: String,
    /// When it was begun, in Unix milliseconds.
    pub begun_unix_millis: u64,
    /// When it was whole; until then it cannot be restored.
    pub ended_unix_millis: Option<u64>,
    /// The copy of the cluster.yaml.
    pub cluster_file: Option<Copied>,
    /// Its parts, in the order of their writing.
    pub parts: Vec<Part>,
    /// What is in the parts.
    pub tally: Tally,
    /// Where to go on while it is not whole.
    pub mark: Option<Mark>,
}

/// A file beside the parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Copied {
    /// Its name.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// A part: a file of Redis's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its name.
    pub file: String,
    /// Its keys.
    pub keys: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

impl Manifest {
    /// Of a backup that begins.
    pub(crate) fn begin(server: String, server_version: String, now: u64) -> Manifest {
        Manifest {
            form: FORM,
            cluster: server.clone(),
            server,
            server_version,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            begun_unix_millis: now,
            ended_unix_millis: None,
            cluster_file: None,
            parts: Vec::new(),
            tally: Tally::default(),
            mark: None,
        }
    }

    /// The manifest in `directory`, `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(crate) fn find(directory: &Path) -> anyhow::Result<Option<Manifest>> {
        let path = directory.join(NAME);
        let name = path.display();
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
            Ok(about) => ensure!(about.len() <= BYTES_MAX, "{name} is no manifest of a backup"),
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {name}"))?;
        let manifest: Manifest =
            serde_json::from_slice(&bytes).with_context(|| format!("{name} is no manifest of a backup"))?;
        ensure!(manifest.form == FORM, "{name} is of another release of this tool");
        let files = manifest.parts.iter().map(|part| &part.file);
        let files = files.chain(manifest.cluster_file.iter().map(|copied| &copied.file));
        for file in files {
            let is_plain = Path::new(file).file_name().is_some_and(|name| name == file.as_str());
            ensure!(is_plain, "{name} names the file {file:?}, which is not beside it");
        }
        Ok(Some(manifest))
    }

    /// The manifest of a backup that is whole.
    ///
    /// # Errors
    /// There is none, or it is not whole.
    pub(crate) fn whole(directory: &Path) -> anyhow::Result<Manifest> {
        let name = directory.display();
        match Manifest::find(directory)? {
            None => bail!("{name} is no backup: it has no {NAME}"),
            Some(manifest) if manifest.ended_unix_millis.is_none() => {
                bail!("the backup in {name} was not finished: go on with `ringmaster backup {name} --resume`")
            }
            Some(manifest) => Ok(manifest),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// It cannot be written; the one before is as it was.
    pub(crate) fn save(&self, directory: &Path) -> anyhow::Result<()> {
        let path = directory.join(NAME);
        let text = serde_json::to_vec_pretty(self)?;
        saved::replace(&path, &text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Paths of the parts.
    pub(crate) fn paths(&self, directory: &Path) -> Vec<PathBuf> {
        self.parts.iter().map(|part| directory.join(&part.file)).collect()
    }

    /// Adds a part that was written.
    pub(crate) fn add(&mut self, file: String, written: Written) {
        let Written { keys, bytes, sha256 } = written;
        self.parts.push(Part { file, keys, bytes, sha256 });
    }

    /// Reads all parts and compares them with what is said of them here.
    ///
    /// # Errors
    /// A part is not there, is damaged, or is another.
    pub(crate) fn verify(&self, directory: &Path, stop: &Stop) -> anyhow::Result<()> {
        let mut progress = Progress::begin(Total::Bytes(files::size(&self.paths(directory))));
        let mut before = 0;
        let mut verify = || -> anyhow::Result<()> {
            for part in &self.parts {
                let tell = &mut |position| progress.tell(&Tally::default(), before + position);
                part.verify(&directory.join(&part.file), stop, tell)?;
                before += part.bytes;
            }
            Ok(())
        };
        let verified = verify();
        progress.end();
        verified?;
        if let Some(copied) = &self.cluster_file {
            let path = directory.join(&copied.file);
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            ensure!(
                hex(&Sha256::digest(&bytes)) == copied.sha256,
                "{} is not what was backed up",
                path.display()
            );
        }
        Ok(())
    }
}

/// A file, and the sum of what was read of it.
struct Summed {
    file: File,
    sum: Sha256,
}

impl Read for Summed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.sum.update(&into[..count]);
        Ok(count)
    }
}

impl Part {
    fn verify(&self, path: &Path, stop: &Stop, tell: &mut dyn FnMut(u64)) -> anyhow::Result<()> {
        let name = path.display();
        let mut summed = Summed { file: files::open(path)?, sum: Sha256::new() };
        let bytes = summed.file.metadata().with_context(|| format!("cannot read {name}"))?.len();
        ensure!(bytes == self.bytes, "{name} has {bytes} bytes, and {} when it was backed up", self.bytes);
        let contents = files::check(path, &mut summed, stop, tell)?;
        let sum = hex(&summed.sum.finalize());
        ensure!(sum == self.sha256, "{name} is not what was backed up: its SHA-256 is {sum}");
        ensure!(
            contents.keys == self.keys,
            "{name} has {} keys, and {} when it was backed up",
            contents.keys,
            self.keys
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_manifest_or_names_files_elsewhere_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let why = || format!("{:#}", Manifest::whole(directory.path()).unwrap_err());
        assert!(why().contains("no backup"));
        for text in ["", "{}", "[1]"] {
            fs::write(directory.path().join(NAME), text).unwrap();
            assert!(why().contains("no manifest"), "{}", why());
        }
        let mut manifest = Manifest::begin("a:1".into(), "redis 7".into(), 5);
        manifest.save(directory.path()).unwrap();
        assert!(why().contains("--resume"));
        manifest.ended_unix_millis = Some(6);
        manifest.save(directory.path()).unwrap();
        assert_eq!(Manifest::whole(directory.path()).unwrap(), manifest);
        for file in ["../x", "/etc/passwd", "", "a/b"] {
            let written = Written { keys: 0, bytes: 0, sha256: String::new() };
            let mut hostile = manifest.clone();
            hostile.add(file.to_owned(), written);
            hostile.save(directory.path()).unwrap();
            assert!(why().contains("not beside it"), "{file}");
        }
    }
}
