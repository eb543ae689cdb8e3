//! Tree to file type, past every fault: each is noted, its value left out, and the rest read again.

use super::hint;
use super::locate::{self, Aim};
use super::{Finding, PROBLEMS_MAX, Path, Problem, Segment};
use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

/// Something wrong at a path, not yet looked up in the text.
pub(super) struct Fault {
    pub(super) path: Path,
    aim: Aim,
    message: String,
}

impl Fault {
    /// The same with its line and column.
    pub(super) fn locate(self, text: &str) -> Problem {
        let (line, column) = locate::find(text, &self.path, self.aim);
        Problem { line, column, path: self.path, message: self.message }
    }
}

impl From<Finding> for Fault {
    fn from(finding: Finding) -> Self {
        Fault { path: finding.path, aim: Aim::Value, message: finding.message }
    }
}

/// The file type without what was wrong, and what was wrong. No value if the fault could not be left out.
pub(super) fn read<F: DeserializeOwned>(mut tree: Value) -> (Option<F>, Vec<Fault>) {
    let mut faults: Vec<Fault> = Vec::new();
    while faults.len() < PROBLEMS_MAX {
        let error = match serde_path_to_error::deserialize::<_, F>(tree.clone()) {
            Ok(shaped) => return (Some(shaped), faults),
            Err(error) => error,
        };
        let fault = fault(&error);
        let mended = leave_out(&mut tree, &fault.path);
        faults.push(fault);
        if !mended {
            break;
        }
    }
    (None, faults)
}

fn fault(error: &serde_path_to_error::Error<serde_yaml::Error>) -> Fault {
    let raw = error.inner().to_string();
    let message = hint::reword(&raw);
    let aim = if raw.starts_with("unknown field") { Aim::Key } else { Aim::Value };
    Fault { path: Path::from(error.path()), aim, message }
}

/// Takes the value at `path` out of the tree. An element of a list becomes an empty mapping, so that the elements
/// after it keep their numbers; if it is one already, the list goes.
fn leave_out(tree: &mut Value, path: &Path) -> bool {
    let Some((last, parent_path)) = path.split_last() else { return false };
    let Some(parent) = descend(tree, &parent_path) else { return false };
    match last {
        Segment::Key(key) => parent.as_mapping_mut().is_some_and(|map| map.remove(key.as_str()).is_some()),
        Segment::Index(index) => {
            let Some(element) = parent.get_mut(*index) else { return false };
            let empty = Value::Mapping(Mapping::new());
            if *element == empty {
                return leave_out(tree, &parent_path);
            }
            *element = empty;
            true
        }
    }
}

fn descend<'a>(tree: &'a mut Value, path: &Path) -> Option<&'a mut Value> {
    path.segments().iter().try_fold(tree, |value, step| match step {
        Segment::Key(key) => value.get_mut(key.as_str()),
        Segment::Index(index) => value.get_mut(*index),
    })
}
