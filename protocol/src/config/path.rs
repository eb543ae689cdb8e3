//! Where in a file a value stands: `nodes[2].address`.

use std::fmt;

/// One step down from a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// To the value of a key.
    Key(String),
    /// To an element of a list, from 0.
    Index(usize),
}

/// The steps from the root of a file to a value; no steps name the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Segment>);

impl Path {
    /// Whether this is the file as a whole.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps, from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The last step, and the path of the value that it starts from; `None` at the root.
    pub fn split_last(&self) -> Option<(&Segment, Path)> {
        let (last, parent) = self.0.split_last()?;
        Some((last, Path(parent.to_vec())))
    }

    /// Whether one of the two values is the other or stands in it.
    pub fn overlaps(&self, other: &Path) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a == b)
    }
}

/// Reads the written form. Keys of our files have neither dots nor brackets.
impl From<&str> for Path {
    fn from(written: &str) -> Self {
        let steps = written.split(['.', '[']).filter(|step| !step.is_empty());
        Path(steps.map(segment).collect())
    }
}

fn segment(step: &str) -> Segment {
    match step.strip_suffix(']').and_then(|index| index.parse().ok()) {
        Some(index) => Segment::Index(index),
        None => Segment::Key(step.to_owned()),
    }
}

impl From<&serde_path_to_error::Path> for Path {
    fn from(path: &serde_path_to_error::Path) -> Self {
        use serde_path_to_error::Segment as Theirs;
        let steps = path.iter().map_while(|step| match step {
            Theirs::Seq { index } => Some(Segment::Index(*index)),
            Theirs::Map { key } => Some(Segment::Key(key.clone())),
            Theirs::Enum { .. } | Theirs::Unknown => None,
        });
        Path(steps.collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if at == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_reads_back() {
        for written in ["", "nodes", "nodes[0].address", "a[1][2].b.c"] {
            assert_eq!(Path::from(written).to_string(), written);
        }
    }

    #[test]
    fn a_value_overlaps_with_what_is_in_it_and_around_it() {
        let node = Path::from("nodes[1]");
        assert!(node.overlaps(&Path::from("nodes")));
        assert!(node.overlaps(&Path::from("nodes[1].name")));
        assert!(!node.overlaps(&Path::from("nodes[2].name")));
    }
}
