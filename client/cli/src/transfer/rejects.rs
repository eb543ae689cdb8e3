//! The keys that could not be brought, a line of JSON each, with the reason.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

/// A key that could not be brought.
#[derive(Debug)]
pub(crate) struct Reject {
    /// Its database.
    pub database: u64,
    /// Its name.
    pub key: Vec<u8>,
    /// Why.
    pub reason: String,
}

impl Reject {
    /// `{"db":0,"key":"user:1","reason":"…"}`; bytes of the name that are not printable are `\x00`.
    fn line(&self) -> String {
        let key = self.key.escape_ascii().to_string();
        serde_json::json!({"db": self.database, "key": key, "reason": self.reason}).to_string()
    }
}

/// The file; it is made with its first line, and lines are added behind those that are there.
pub(crate) struct Rejects {
    path: PathBuf,
    file: Option<File>,
}

impl Rejects {
    /// At this path.
    pub(crate) fn at(path: PathBuf) -> Rejects {
        Rejects { path, file: None }
    }

    /// Adds lines.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn add(&mut self, rejects: &[Reject]) -> anyhow::Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        let lines: String = rejects.iter().map(|reject| reject.line() + "\n").collect();
        let mut write = || {
            let file = match self.file.take() {
                Some(file) => file,
                None => OpenOptions::new().create(true).append(true).open(&self.path)?,
            };
            self.file.insert(file).write_all(lines.as_bytes())
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_any_bytes_is_one_line() {
        let reject = Reject { database: 3, key: b"a\n\xff\"".to_vec(), reason: "no \"room\"".into() };
        assert_eq!(reject.line(), r#"{"db":3,"key":"a\\n\\xff\\\"","reason":"no \"room\""}"#);
    }
}
