//! The cluster.yaml of a local cluster.

use std::{fmt::Write as _, net::SocketAddr};

use ringmaster_protocol::{cluster_file::ClusterFile, config::ConfigErrors};

const HEAD: &str = "\
# Written by `ringmaster up`, and written anew at its next start. Edit it while the cluster runs: the proxies follow
# at once. Every key is explained in configs/cluster.yaml.
cluster: local
";

/// The text for `nodes`, checked as a proxy will check it.
///
/// # Errors
/// What cannot be, e.g. more copies than there may be, with its line.
pub(super) fn text(replicas: u16, nodes: &[SocketAddr]) -> Result<String, ConfigErrors> {
    let mut text = format!("{HEAD}replicas: {replicas}\nnodes:\n");
    for (number, address) in (1..).zip(nodes) {
        // Formats into memory, which cannot fail.
        let _ = writeln!(text, "  - name: node-{number}\n    address: {address}");
    }
    ClusterFile::parse("cluster.yaml", &text).map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: u16) -> Vec<SocketAddr> {
        (1..=count).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect()
    }

    #[test]
    fn the_file_names_every_node() {
        let file = ClusterFile::parse("cluster.yaml", &text(1, &nodes(3)).unwrap()).unwrap();
        let names: Vec<_> = file.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["node-1", "node-2", "node-3"]);
        assert_eq!(file.nodes[2].address.port(), 3);
    }

    #[test]
    fn more_copies_than_nodes_are_refused() {
        assert!(text(3, &nodes(3)).is_ok());
        assert!(text(4, &nodes(3)).unwrap_err().to_string().contains("there are 3"));
    }
}
