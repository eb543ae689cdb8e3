//! The cluster files that come with the compose file and the Kubernetes base are files that a proxy takes.

use ringmaster_protocol::cluster_file::ClusterFile;
use std::fs;
use std::path::Path;

/// Reads a shipped cluster file, given relative to the top of the workspace.
fn shipped(path: &str) -> ClusterFile {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = fs::read_to_string(&full).unwrap_or_else(|e| panic!("{path}: {e}"));
    ClusterFile::parse(path, &text).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_compose_file_ships_a_good_cluster_file() {
    assert_eq!(shipped("docker/cluster/cluster.yaml").nodes.len(), 3);
}

#[test]
fn the_kubernetes_base_ships_a_good_cluster_file() {
    assert_eq!(shipped("k8s/base/cluster.yaml").nodes.len(), 3);
}
