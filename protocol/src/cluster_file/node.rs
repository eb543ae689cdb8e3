//! The nodes of a cluster.yaml.

use super::NodeAddress;
use crate::config::Findings;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Most nodes of one cluster.
pub const NODES_MAX: usize = 1000;

/// Greatest weight of a node.
pub const WEIGHT_MAX: u32 = 10_000;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// Name of a node: 1..=63 letters, digits, `.`, `_` or `-`, the first a letter or digit. The ring places slots by it,
/// so a node keeps its slots when its address changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(String);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_name = starts_well && text.len() <= NAME_BYTES_MAX && text.bytes().all(is_ours);
        if is_name { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

/// A text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no name: give 1 to 63 letters, digits, `.`, `_` or `-`, the first a letter or digit")]
pub struct NameError;

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, unique in the file.
    pub name: NodeName,
    /// Where it listens, unique in the file.
    pub address: NodeAddress,
    /// Where it stands, as in "eu-1a"; empty if not given. Copies of a slot go to different zones where they can.
    pub zone: String,
    /// Its share of the slots relative to the other nodes, 0..=[`WEIGHT_MAX`], default 1. At 0 it holds none.
    pub weight: u32,
}

/// A node as it is written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a node as in {name: a, address: 'a:6380'}")]
pub(super) struct NodeFile {
    name: Option<String>,
    address: Option<String>,
    zone: String,
    weight: u32,
}

impl Default for NodeFile {
    fn default() -> Self {
        Self { name: None, address: None, zone: String::new(), weight: 1 }
    }
}

impl NodeFile {
    pub(super) fn may_hold_slots(&self) -> bool {
        self.weight > 0
    }
}

/// The nodes, as far as they are right.
pub(super) fn check_all(files: &[NodeFile], findings: &mut Findings) -> Vec<Node> {
    match files.len() {
        0 => findings.add("nodes", "is missing: give at least one {name, address}"),
        1..=NODES_MAX => {}
        count => findings.add("nodes", format!("has {count} nodes, at most {NODES_MAX} are taken")),
    }
    if !files.is_empty() && !files.iter().any(NodeFile::may_hold_slots) {
        findings.add("nodes", "all weights are 0: give one node at least 1");
    }
    let mut nodes = Vec::with_capacity(files.len());
    let (mut names, mut addresses) = (FirstUses::default(), FirstUses::default());
    for (at, file) in files.iter().enumerate() {
        let path = |key: &str| format!("nodes[{at}].{key}");
        let name = given::<NodeName>(file.name.as_deref(), &path("name"), findings);
        let address = given::<NodeAddress>(file.address.as_deref(), &path("address"), findings);
        if !file.zone.is_empty() {
            check_name(&file.zone, &path("zone"), findings);
        }
        findings.range(&path("weight"), file.weight, 0..=WEIGHT_MAX);
        names.note(name.as_ref(), at, "name", findings);
        addresses.note(address.as_ref(), at, "address", findings);
        if let (Some(name), Some(address)) = (name, address) {
            nodes.push(Node { name, address, zone: file.zone.clone(), weight: file.weight });
        }
    }
    nodes
}

/// The value, if it is there and right; else a finding.
fn given<T>(text: Option<&str>, path: &str, findings: &mut Findings) -> Option<T>
where
    T: FromStr<Err: fmt::Display>,
{
    let Some(text) = text else {
        findings.add(path, "is missing");
        return None;
    };
    text.parse().map_err(|error: T::Err| findings.add(path, format!("`{text}` {error}"))).ok()
}

/// Names of clusters and zones have the letters of a node's name.
pub(super) fn check_name(text: &str, path: &str, findings: &mut Findings) {
    given::<NodeName>(Some(text), path, findings);
}

/// By value, the number of the node that used it first.
#[derive(Default)]
struct FirstUses(HashMap<String, usize>);

impl FirstUses {
    fn note(&mut self, value: Option<&impl fmt::Display>, at: usize, key: &str, findings: &mut Findings) {
        let Some(value) = value else { return };
        let first = *self.0.entry(value.to_string()).or_insert(at);
        if first != at {
            let (path, other) = (format!("nodes[{at}].{key}"), format!("nodes[{first}].{key}"));
            findings.add_related(&path, &[&other], format!("`{value}` is the {key} of nodes[{first}] too"));
        }
    }
}
