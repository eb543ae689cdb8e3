//! How far an import came, in a small file, so that another process can go on.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use super::{Mark, Tally, saved};

/// Between two writes of the file.
const SAVED_EVERY: Duration = Duration::from_secs(1);
/// The form of the file.
const FORM: u32 = 1;
/// Longest file that is read: it holds two names, a pattern and some numbers.
const BYTES_MAX: u64 = 1 << 16;

/// What an import does and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    form: u32,
    /// What is imported, without passwords.
    pub job: String,
    /// Where to go on.
    pub mark: Option<Mark>,
    /// What was done before.
    pub tally: Tally,
}

/// The file.
pub(crate) struct StateFile {
    path: PathBuf,
    saved: Instant,
    /// What it is to hold.
    pub state: State,
}

impl StateFile {
    /// Begins `job`, or goes on with it.
    ///
    /// # Errors
    /// There is an unfinished one and it is not to be gone on with, or there is none, or it is of another job.
    pub(crate) fn open(path: &Path, job: String, resume: bool) -> anyhow::Result<StateFile> {
        let name = path.display();
        let found = match fs::metadata(path) {
            Ok(about) => {
                ensure!(
                    about.len() <= BYTES_MAX,
                    "{name} is no state of an import: it has {} bytes",
                    about.len()
                );
                Some(fs::read(path).with_context(|| format!("cannot read {name}"))?)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
        };
        let state = match (found, resume) {
            (None, false) => State { form: FORM, job, mark: None, tally: Tally::default() },
            (None, true) => bail!(
                "there is nothing to resume: no file {name}; name it with --state, or leave out --resume"
            ),
            (Some(_), false) => {
                bail!(
                    "{name} is of an import that was not finished: go on with it by --resume, or remove the file"
                )
            }
            (Some(bytes), true) => read(&bytes, &job).with_context(|| format!("cannot resume by {name}"))?,
        };
        let mut file = StateFile { path: path.to_owned(), saved: Instant::now(), state };
        // Said now if it cannot be written.
        file.save()?;
        Ok(file)
    }

    /// Writes the file if that was some time ago.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn save_now_and_then(&mut self) -> anyhow::Result<()> {
        if self.saved.elapsed() >= SAVED_EVERY { self.save() } else { Ok(()) }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn save(&mut self) -> anyhow::Result<()> {
        let text = serde_json::to_vec(&self.state)?;
        self.saved = Instant::now();
        saved::replace(&self.path, &text).with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Removes the file if it can be: nothing was begun.
    pub(crate) fn forget(&self) {
        // One that stays says by itself what to do with it.
        let _ = fs::remove_file(&self.path);
    }

    /// Removes the file: the import is done.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        fs::remove_file(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

fn read(bytes: &[u8], job: &str) -> anyhow::Result<State> {
    let state: State = serde_json::from_slice(bytes).context("it is no state of an import")?;
    ensure!(state.form == FORM, "it is of another release of this tool");
    ensure!(state.job == job, "it is of another import: {}, and this is: {job}", state.job);
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_gone_on_with_only_if_that_is_said_and_it_is_the_same_job() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let open = |job: &str, resume| StateFile::open(&path, job.to_owned(), resume);
        let why = |job, resume| format!("{:#}", open(job, resume).map(drop).unwrap_err());
        assert!(why("a", true).contains("nothing to resume"));
        let mut file = open("a", false).unwrap();
        file.state.mark = Some(Mark { place: "p".into(), database: 3, at: 7 });
        file.save().unwrap();
        assert!(why("a", false).contains("--resume"));
        assert!(why("b", true).contains("another import: a"));
        let again = open("a", true).unwrap();
        assert_eq!(again.state, file.state);
        again.finish().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn half_and_hostile_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let large = "x".repeat(1 << 17);
        for bytes in ["", "{", "[]", r#"{"form":1}"#, large.as_str()] {
            fs::write(&path, bytes).unwrap();
            let error = StateFile::open(&path, "a".into(), true).map(drop).unwrap_err();
            assert!(format!("{error:#}").contains("no state of an import"), "{error:#}");
            assert_eq!(fs::read(&path).unwrap(), bytes.as_bytes(), "it is as it was");
        }
    }
}
