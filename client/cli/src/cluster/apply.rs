//! `apply`: the operator's word that a cluster.yaml is the one to follow.

use anyhow::bail;
use ringmaster_protocol::cluster_file::{ClusterFile, NodeName};
use ringmaster_proxy::cluster::standing::Standing;
use ringmaster_proxy::cluster::target;

use super::asking::Answers;
use super::{consent, deciding, plan};

/// Has the file followed, also one that was replaced by another or removes many nodes.
///
/// # Errors
/// A file with a higher version is followed, the operator says no, or no view can be decided.
pub(super) fn run(file: &ClusterFile, is_sure: bool) -> anyhow::Result<()> {
    let answers = Answers::of(file);
    let Some(view) = answers.view() else {
        bail!("no node of the file has a view: start proxies with it, and they found the cluster")
    };
    let digest = target::digest(file);
    match Standing::of(file, digest, &view, true) {
        Standing::Followed => {
            println!("View {} follows this file already.", view.epoch());
            return Ok(());
        }
        older @ Standing::Older { .. } => bail!("{older}"),
        Standing::RemovesMany { removed, of } => {
            let names: Vec<&str> = removed.iter().map(NodeName::as_str).collect();
            let names = names.join(", ");
            let warning = format!("{} of {of} nodes are removed: {names}.", removed.len());
            consent::ask(&warning, &file.cluster, is_sure)?;
        }
        Standing::New | Standing::Superseded | Standing::Ambiguous(_) => {}
    }
    print!("{}", plan::text(file, &answers)?);
    let view = deciding::decide(file, |membership| {
        membership.follow(digest);
        Ok(())
    })?;
    println!("View {} follows this file. Each proxy moves toward it as soon as it has it.", view.epoch());
    Ok(())
}
