//! Members of the view that are not found any more: who stays, and who goes.
//!
//! A node that a name server does not name may be gone for good, restart, or be about to be named again. So a name server adds
//! nodes and removes none: one goes when an operator has drained it *and* it is named no more. That also keeps a proxy that
//! starts while a node restarts from moving that node's slots.

use std::borrow::Cow;

use ringmaster_protocol::cluster_file::{ClusterFile, Node};
use ringmaster_protocol::view::{Member, View, Word};

/// The file with the members of the view that it does not name and that nobody has drained, where its nodes are found;
/// else as it is.
pub(super) fn with_members<'f>(file: &'f ClusterFile, view: Option<&View>) -> Cow<'f, ClusterFile> {
    let Some(view) = view.filter(|_| file.discovery.is_some()) else { return Cow::Borrowed(file) };
    let is_kept = |member: &&Member| {
        member.word != Word::Drain && file.nodes.iter().all(|node| node.name != member.name)
    };
    let mut with = file.clone();
    with.nodes.extend(view.members().iter().filter(is_kept).map(node));
    Cow::Owned(with)
}

fn node(member: &Member) -> Node {
    let Member { name, address, zone, weight, .. } = member.clone();
    Node { name, address, zone, weight }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::target::digest;
    use crate::cluster::testing::{file, view};

    fn found(names: &[&str]) -> ClusterFile {
        let text = "replicas: 2\ndiscovery: {dns: nodes}\n";
        let discovered = ClusterFile::parse("cluster.yaml", text).unwrap();
        ClusterFile { discovery: discovered.discovery, ..file(names, 2) }
    }

    fn names(file: &ClusterFile) -> Vec<&str> {
        file.nodes.iter().map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn a_member_that_is_not_named_for_a_moment_stays() {
        let (all, view) = (found(&["a", "b", "c"]), view(&["a", "b", "c"], 2));
        let less = found(&["a", "c"]);
        let kept = with_members(&less, Some(&view));
        assert_eq!(names(&kept), ["a", "c", "b"]);
        assert_eq!(digest(&kept), digest(&all), "nothing has changed");
        assert_eq!(names(&with_members(&less, None)), ["a", "c"]);
    }

    #[test]
    fn a_node_goes_when_it_was_drained_and_is_not_named_any_more() {
        let mut parts = view(&["a", "b", "c"], 2).parts();
        parts.members[1].word = Word::Drain;
        let view = View::new(parts).unwrap();
        assert_eq!(names(&with_members(&found(&["a", "c"]), Some(&view))), ["a", "c"]);
        assert_eq!(names(&with_members(&found(&["a", "b", "c"]), Some(&view))), ["a", "b", "c"]);
    }

    #[test]
    fn a_new_node_is_added_and_a_list_is_left_alone() {
        let view = view(&["a", "b", "c"], 2);
        assert_eq!(names(&with_members(&found(&["a", "b", "c", "d"]), Some(&view))).len(), 4);
        assert_eq!(names(&with_members(&file(&["a", "c"], 2), Some(&view))), ["a", "c"]);
    }
}
