//! Where a process has the secret of its cluster from, and how it follows a change.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ringmaster_protocol::secret::{SECRETS_BYTES_MAX, Secrets};

/// The environment variable that may hold the secret.
pub const SECRET_VARIABLE: &str = "RINGMASTER_SECRET";

/// Where the secrets are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecretSource {
    /// Nowhere: there is none.
    #[default]
    None,
    /// In a file, one a line; read anew when it changes.
    File(PathBuf),
    /// Here, for as long as the process runs.
    Given(Secrets),
}

impl SecretSource {
    /// What the environment variable [`SECRET_VARIABLE`] gives, or nothing.
    ///
    /// # Errors
    /// It holds no secret.
    pub fn of_environment() -> Result<Self, String> {
        let Some(text) = std::env::var_os(SECRET_VARIABLE) else { return Ok(Self::None) };
        let secrets = Secrets::parse(text.as_encoded_bytes());
        secrets.map(Self::Given).map_err(|error| format!("{SECRET_VARIABLE} {error}"))
    }

    /// Whether there is to be a secret.
    #[must_use]
    pub fn is_some(&self) -> bool {
        *self != Self::None
    }

    /// The secrets as they are now.
    ///
    /// # Errors
    /// The file cannot be read, or holds no secrets; nothing of its content is told.
    pub fn read(&self) -> Result<Secrets, String> {
        match self {
            Self::None => Ok(Secrets::default()),
            Self::Given(secrets) => Ok(secrets.clone()),
            Self::File(path) => {
                read_file(path).map_err(|why| format!("secret file {} {why}", path.display()))
            }
        }
    }
}

fn read_file(path: &Path) -> Result<Secrets, String> {
    let mut text = Vec::new();
    let limit = SECRETS_BYTES_MAX as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut text));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    Secrets::parse(&text).map_err(|error| error.to_string())
}

/// The secrets of a process, as they were when they were last found in order.
#[derive(Debug, Default)]
pub struct SecretKeeper {
    /// What they are, for the log; empty for the cluster's.
    what: &'static str,
    current: ArcSwap<Secrets>,
    /// What is wrong now, told once.
    fault: Mutex<Option<String>>,
}

impl SecretKeeper {
    /// Those of `source`.
    ///
    /// # Errors
    /// As [`SecretSource::read`].
    pub fn new(source: &SecretSource) -> Result<Self, String> {
        Self::of("", source)
    }

    /// Those of `source`, which are `what`.
    ///
    /// # Errors
    /// As [`SecretSource::read`].
    pub fn of(what: &'static str, source: &SecretSource) -> Result<Self, String> {
        Ok(Self { what, current: ArcSwap::from_pointee(source.read()?), fault: Mutex::default() })
    }

    fn what(&self) -> &'static str {
        if self.what.is_empty() { "cluster's secret" } else { self.what }
    }

    /// The secrets now.
    #[must_use]
    pub fn current(&self) -> Arc<Secrets> {
        self.current.load_full()
    }

    /// These from now on, which were read before.
    pub fn adopt(&self, secrets: Secrets) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if secrets != **self.current.load() {
            self.current.store(Arc::new(secrets));
            tracing::info!("the {} was changed", self.what());
        }
    }

    /// Looks whether they have changed. What cannot be taken over changes nothing, and is logged once. Returns whether
    /// they are others now.
    pub fn refresh(&self, source: &SecretSource) -> bool {
        let found = source.read();
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(secrets) => {
                *fault = None;
                let has_changed = secrets != **self.current.load();
                if has_changed {
                    self.current.store(Arc::new(secrets));
                    tracing::info!("the {} was changed", self.what());
                }
                has_changed
            }
            Err(why) => {
                if fault.as_ref() != Some(&why) {
                    tracing::error!(fault = why, "the {} stays as it was", self.what());
                }
                *fault = Some(why);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_followed_and_a_bad_one_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let source = SecretSource::File(path.clone());
        assert!(SecretKeeper::new(&source).unwrap_err().contains("cannot be read"));
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        let keeper = SecretKeeper::new(&source).unwrap();
        assert!(!keeper.refresh(&source));
        std::fs::write(&path, "short").unwrap();
        assert!(!keeper.refresh(&source) && !keeper.current().is_empty());
        std::fs::write(&path, "fedcba9876543210\n0123456789abcdef").unwrap();
        assert!(keeper.refresh(&source) && !keeper.refresh(&source));
    }
}
