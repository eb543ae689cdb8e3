//! What is wrong with a file, for people: one line a problem, as compilers write it, so that editors can jump there.

use super::Path;
use std::fmt;

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Key that is wrong; empty for the file as a whole.
    pub path: Path,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_root() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// All that is wrong with one file, in the order of its text; never empty.
/// Displayed as one `file:line:column: path: message` a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    file: String,
    problems: Vec<Problem>,
}

impl ConfigErrors {
    /// The problems of `file`, put in the order of the text.
    pub fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self { file: file.to_owned(), problems }
    }

    /// A problem of the file as a whole: it cannot be read, it is too large.
    pub fn whole_file(file: &str, message: impl Into<String>) -> Self {
        let problem = Problem { line: 1, column: 1, path: Path::default(), message: message.into() };
        Self { file: file.to_owned(), problems: vec![problem] }
    }

    /// Name of the file, as given to the loader.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The problems, in the order of the text.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{problem}", self.file)?;
        }
        Ok(())
    }
}
