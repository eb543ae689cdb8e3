//! `/config`: which cluster.yaml this proxy has, and whether it is followed.

use std::fmt::Write as _;

use crate::cluster::target;
use crate::shared::Shared;

/// The text of the page.
pub(super) fn render(shared: &Shared) -> String {
    let topology = shared.topology.load();
    let file = topology.file();
    let digest = target::digest(file);
    let hex: String = digest.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(page, "file: {}", shared.config.cluster.display());
    let _ =
        writeln!(page, "cluster: {}\nversion: {}\nreplicas: {}", file.cluster, file.version, file.replicas);
    let _ = writeln!(page, "digest: {hex}");
    for node in &file.nodes {
        let _ = writeln!(page, "node: {} at {}, weight {}", node.name, node.address, node.weight);
    }
    let status = shared.published().map(|published| published.status());
    // What the control thread said of an earlier file says nothing of this one.
    let standing = status.filter(|status| status.config == digest).and_then(|status| status.standing.clone());
    if let Some(standing) = standing {
        let _ = writeln!(page, "followed: {}: {standing}", if standing.is_in_force() { "yes" } else { "no" });
    }
    for line in shared.reloads.last_error().iter().flat_map(|error| error.lines()) {
        let _ = writeln!(page, "refused: {line}");
    }
    page
}
