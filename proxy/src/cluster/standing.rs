//! Whether a cluster.yaml is followed, and if not, why.
//!
//! Proxies see an edit at different times, and some start with an old file. What counts is in the view: the digest that
//! is followed, and those that were replaced.

use std::fmt;

use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_protocol::view::{ConfigDigest, View};

/// How a cluster.yaml stands to a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The view follows it.
    Followed,
    /// It is new: the view is to follow it.
    New,
    /// It was replaced by another.
    Superseded,
    /// One with a higher version is followed.
    Older {
        /// Its version, 0 for none.
        own: u64,
        /// That of the file that is followed.
        followed: u64,
    },
    /// One of the same version that says something else is followed.
    Ambiguous(u64),
    /// Several nodes, more than a third of all, would go at once: an operator has to say so.
    RemovesMany {
        /// The nodes that would go.
        removed: Vec<NodeName>,
        /// How many there are that hold slots.
        of: usize,
    },
}

impl Standing {
    /// How the file with this digest stands to the view. `is_put_back`: it was replaced, and an edit put it back here.
    #[must_use]
    pub fn of(file: &ClusterFile, digest: ConfigDigest, view: &View, is_put_back: bool) -> Self {
        let (own, followed) = (digest.version(), view.config().version());
        if digest == view.config() {
            return Self::Followed;
        }
        if own < followed {
            return Self::Older { own, followed };
        }
        // Nodes that are found come without an edit of the file.
        if own == followed && own > 0 && file.discovery.is_none() {
            return Self::Ambiguous(own);
        }
        if own == followed && view.superseded().contains(&digest) && !is_put_back {
            return Self::Superseded;
        }
        let holders = view.members().iter().filter(|member| member.weight > 0);
        let is_listed = |name: &NodeName| file.nodes.iter().any(|node| node.name == *name);
        let of = holders.clone().count();
        let removed: Vec<NodeName> =
            holders.map(|member| &member.name).filter(|name| !is_listed(name)).cloned().collect();
        if removed.len() > 1 && removed.len() * 3 > of {
            Self::RemovesMany { removed, of }
        } else {
            Self::New
        }
    }

    /// Whether the view follows the file, or is to.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        matches!(self, Self::Followed | Self::New)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Followed => f.write_str("the cluster.yaml is followed"),
            Self::New => f.write_str("the cluster.yaml is new and will be followed"),
            Self::Superseded => f.write_str(
                "the cluster.yaml is older than the one that is followed: bring it up to date, or go back to it with \
                 `ringmaster cluster apply`",
            ),
            Self::Older { own, followed } => write!(
                f,
                "the cluster.yaml has version {own} and is ignored, version {followed} is followed: bring it up to date, or \
                 give it a higher version"
            ),
            Self::Ambiguous(version) => write!(
                f,
                "the cluster.yaml has version {version} as the one that is followed has, but says something else: give it a \
                 higher version"
            ),
            Self::RemovesMany { removed, of } => {
                let names: Vec<&str> = removed.iter().map(NodeName::as_str).collect();
                write!(
                    f,
                    "the cluster.yaml removes {} of {of} nodes ({}), more than a third, and is not followed: if that is \
                     meant, run `ringmaster cluster apply` with it",
                    removed.len(),
                    names.join(", ")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::digest;
    use super::super::testing::{file, view};
    use super::*;

    /// How a file stands to a view of nodes a to d that follows `followed` and has replaced `before`.
    fn standing(
        file: &ClusterFile,
        followed: &ClusterFile,
        before: &[&ClusterFile],
        put_back: bool,
    ) -> Standing {
        let mut parts = view(&["a", "b", "c", "d"], 2).parts();
        parts.config = digest(followed);
        parts.superseded = before.iter().map(|file| digest(file)).collect();
        Standing::of(file, digest(file), &View::new(parts).unwrap(), put_back)
    }

    fn with_version(nodes: &[&str], version: u64) -> ClusterFile {
        ClusterFile { version, ..file(nodes, 2) }
    }

    #[test]
    fn an_edit_is_new_and_the_file_before_it_is_superseded_unless_it_is_put_back() {
        let (four, three) = (file(&["a", "b", "c", "d"], 2), file(&["a", "b", "c"], 2));
        assert_eq!(standing(&four, &four, &[], false), Standing::Followed);
        assert_eq!(standing(&three, &four, &[], false), Standing::New);
        assert_eq!(standing(&three, &four, &[&three], false), Standing::Superseded);
        assert_eq!(standing(&three, &four, &[&three], true), Standing::New);
    }

    #[test]
    fn the_higher_version_wins_and_two_of_one_version_are_an_error() {
        let all = ["a", "b", "c", "d"];
        let (third, fourth) = (with_version(&all, 3), with_version(&all, 4));
        assert_eq!(standing(&fourth, &third, &[&fourth], false), Standing::New);
        assert_eq!(standing(&third, &fourth, &[], true), Standing::Older { own: 3, followed: 4 });
        assert_eq!(standing(&file(&all, 2), &third, &[], true), Standing::Older { own: 0, followed: 3 });
        let other = standing(&with_version(&["a", "b", "c"], 4), &fourth, &[], true);
        assert_eq!(other, Standing::Ambiguous(4));
        assert!(other.to_string().contains("give it a higher version"), "{other}");
    }

    #[test]
    fn nodes_that_are_found_need_no_higher_version() {
        let text = "version: 4\nreplicas: 2\ndiscovery: {dns: nodes}\n";
        let found = |nodes: &[&str]| {
            let discovery = ClusterFile::parse("cluster.yaml", text).unwrap().discovery;
            ClusterFile { discovery, ..with_version(nodes, 4) }
        };
        let (four, five) = (found(&["a", "b", "c", "d"]), found(&["a", "b", "c", "d", "e"]));
        assert_eq!(standing(&five, &four, &[], false), Standing::New);
        assert_eq!(standing(&four, &five, &[&four], false), Standing::Superseded);
    }

    #[test]
    fn more_than_a_third_of_the_nodes_do_not_go_without_a_word() {
        let four = file(&["a", "b", "c", "d"], 2);
        assert_eq!(standing(&file(&["a", "b", "c", "e"], 2), &four, &[], false), Standing::New);
        let two = file(&["a", "b"], 1);
        let mut parts = view(&["a", "b"], 1).parts();
        parts.config = digest(&two);
        let (one, view) = (file(&["a"], 1), View::new(parts).unwrap());
        assert_eq!(
            Standing::of(&one, digest(&one), &view, false),
            Standing::New,
            "one node alone may always go"
        );
        let many = standing(&file(&["a", "b"], 2), &four, &[], false);
        assert!(!many.is_in_force());
        let text = many.to_string();
        assert!(text.contains("removes 2 of 4 nodes (c, d)") && text.contains("cluster apply"), "{text}");
    }
}
