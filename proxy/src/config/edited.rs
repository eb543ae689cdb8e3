//! What an edit of a cluster.yaml changes, in a line for the audit log: nodes by name, all else by the keys. No values: a user's
//! rules are nobody else's.

use ringmaster_protocol::cluster_file::{ClusterFile, Node};

/// In words; the file differs from what it was.
pub(super) fn edited(before: &ClusterFile, after: &ClusterFile) -> String {
    let mut words = nodes(&before.nodes, &after.nodes);
    words.extend(
        keys(before, after).into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned()),
    );
    words.join(", ")
}

fn nodes(before: &[Node], after: &[Node]) -> Vec<String> {
    let named = |nodes: &[Node], of: &Node| nodes.iter().find(|node| node.name == of.name).cloned();
    let gone = before
        .iter()
        .filter(|node| named(after, node).is_none())
        .map(|node| format!("without {}", node.name));
    let others = after.iter().filter_map(|node| match named(before, node) {
        None => Some(format!("with {}", node.name)),
        Some(earlier) => (earlier != *node).then(|| format!("{} changed", node.name)),
    });
    gone.chain(others).collect()
}

/// The keys but `nodes`, and whether they differ.
fn keys(before: &ClusterFile, after: &ClusterFile) -> [(&'static str, bool); 14] {
    let ClusterFile {
        cluster,
        version,
        replicas,
        min_in_sync,
        ack,
        read_from,
        when_last_replica_lost,
        nodes: _,
        discovery,
        users,
        secret_file,
        tls,
        timeouts,
        limits,
        proxies,
    } = after;
    [
        ("cluster", *cluster != before.cluster),
        ("version", *version != before.version),
        ("replicas", *replicas != before.replicas),
        ("min_in_sync", *min_in_sync != before.min_in_sync),
        ("ack", *ack != before.ack),
        ("read_from", *read_from != before.read_from),
        ("when_last_replica_lost", *when_last_replica_lost != before.when_last_replica_lost),
        ("discovery", *discovery != before.discovery),
        ("users", *users != before.users),
        ("secret_file", *secret_file != before.secret_file),
        ("tls", *tls != before.tls),
        ("timeouts", *timeouts != before.timeouts),
        ("limits", *limits != before.limits),
        ("proxies", *proxies != before.proxies),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ClusterFile {
        ClusterFile::parse("cluster.yaml", text).unwrap()
    }

    #[test]
    fn nodes_are_named_and_values_are_not_told() {
        let before = file("nodes: [{name: a, address: 'a:1'}, {name: b, address: 'b:1'}]\n");
        let hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
        let after = file(&format!(
            "version: 2\nnodes: [{{name: b, address: 'b:2'}}, {{name: c, address: 'c:1'}}]\n\
             users: [{{name: app, rules: 'on #{hash} ~* +@all'}}]\ntimeouts: {{request: 3s}}\n"
        ));
        assert_eq!(edited(&before, &after), "without a, b changed, with c, version, users, timeouts");
        assert_eq!(edited(&before, &before), "");
    }
}
