//! What the checks of a file type find: by path, all of it, not only the first.

use super::Path;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The value to mend.
    pub path: Path,
    /// Other values that the check looked at.
    pub related: Vec<Path>,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// All that the checks of one file found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Notes that the value at `path` is wrong.
    pub fn add(&mut self, path: &str, message: impl Into<String>) {
        self.add_related(path, &[], message);
    }

    /// Notes that the value at `path` does not go with the `related` ones.
    pub fn add_related(&mut self, path: &str, related: &[&str], message: impl Into<String>) {
        let related = related.iter().map(|&path| Path::from(path)).collect();
        self.0.push(Finding { path: Path::from(path), related, message: message.into() });
    }

    /// Notes a value that is out of `range`.
    pub fn range<T: PartialOrd + Display + Copy>(&mut self, path: &str, value: T, range: RangeInclusive<T>) {
        if !range.contains(&value) {
            self.add(path, format!("{value} is out of range, give {} to {}", range.start(), range.end()));
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was found, in the order of the checks.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// `checked` if nothing was found.
    ///
    /// # Errors
    /// The findings, if there are any.
    pub fn or<T>(self, checked: T) -> Result<T, Self> {
        if self.is_empty() { Ok(checked) } else { Err(self) }
    }

    /// Those that did not look at a value that was left out.
    pub(super) fn unrelated_to(self, left_out: &[Path]) -> impl Iterator<Item = Finding> {
        self.0.into_iter().filter(|finding| {
            let mut looked_at = finding.related.iter().chain([&finding.path]);
            !looked_at.any(|path| left_out.iter().any(|gone| gone.overlaps(path)))
        })
    }
}
