//! Nodes that are found by the domain name system, in place of a list.
//!
//! ```yaml
//! discovery: {dns: ringmaster-node, port: 6380, at_least: 3}
//! ```
//! What is asked for are SRV records, since these alone name each node: a node is its name, and addresses change.

use std::net::SocketAddr;

use serde::Deserialize;

use super::{NODES_MAX, NodeAddress};
use crate::config::Findings;

/// The service whose SRV records are asked for where `dns` names none.
const SERVICE: &str = "_redis._tcp.";

/// Where nodes are found. Each SRV record is a node: the first label of its target is the name, target and port the address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "where nodes are found: {dns, port, at_least, server}")]
pub struct Discovery {
    /// The name that has the SRV records, `_service._tcp.` in front or not: then that is `_redis._tcp.`
    #[serde(default)]
    pub dns: String,
    /// Only records of this port count. Default: all of them.
    #[serde(default)]
    pub port: Option<u16>,
    /// An answer with fewer nodes is taken for a wrong one. More than half of the nodes that a new cluster is to have, so
    /// that two proxies never found two of them. Range `replicas`..=1000, default 3.
    #[serde(default = "at_least")]
    pub at_least: usize,
    /// The name server. Default: those of the machine.
    #[serde(default)]
    pub server: Option<SocketAddr>,
}

fn at_least() -> usize {
    3
}

impl Discovery {
    /// The name whose SRV records are asked for.
    #[must_use]
    pub fn record_name(&self) -> String {
        let service = if self.dns.starts_with('_') { "" } else { SERVICE };
        format!("{service}{}", self.dns)
    }

    pub(super) fn check(&self, replicas: usize, findings: &mut Findings) {
        // A name in it is one of a host, but for the length that `_redis._tcp.` takes.
        if self.dns.is_empty() {
            findings.add("discovery.dns", "is missing: give the name of the nodes' service");
        } else if format!("{}:1", self.record_name()).parse::<NodeAddress>().is_err() {
            let message = format!("`{}` is no name: give that of the nodes' service", self.dns);
            findings.add("discovery.dns", message);
        }
        if self.port == Some(0) {
            findings.add("discovery.port", "0 is no port: give 1 to 65535");
        }
        if replicas < 2 {
            let message = "finds nodes that come and go, which needs copies: give `replicas` 2 or more, or list the `nodes`";
            findings.add_related("discovery", &["replicas"], message.to_owned());
        } else if !(replicas..=NODES_MAX).contains(&self.at_least) {
            let message = format!(
                "{} is out of range, give `replicas`, which is {replicas}, to {NODES_MAX}",
                self.at_least
            );
            findings.add_related("discovery.at_least", &["replicas"], message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClusterFile;

    fn file(text: &str) -> Result<ClusterFile, Vec<String>> {
        ClusterFile::parse("cluster.yaml", text)
            .map_err(|errors| errors.problems().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_file_has_no_nodes_until_they_are_found() {
        let file = file("replicas: 2\ndiscovery: {dns: nodes, port: 6380}\n").unwrap();
        let discovery = file.discovery.unwrap();
        assert!(file.nodes.is_empty());
        assert_eq!((discovery.record_name().as_str(), discovery.at_least), ("_redis._tcp.nodes", 3));
        let named = super::Discovery { dns: "_db._tcp.x.".to_owned(), ..discovery };
        assert_eq!(named.record_name(), "_db._tcp.x.");
    }

    #[test]
    fn faults_are_told_with_their_places() {
        let cases = [
            ("discovery: {dns: nodes}\n", "1:12: discovery: finds nodes that come and go"),
            ("replicas: 2\ndiscovery: {dns: 'a b'}\n", "2:18: discovery.dns: `a b` is no name"),
            ("replicas: 2\ndiscovery: {dns: a, port: 0}\n", "2:27: discovery.port: 0 is no port"),
            (
                "replicas: 2\ndiscovery: {dns: a, at_least: 1}\n",
                "2:31: discovery.at_least: 1 is out of range",
            ),
            ("replicas: 2\ndiscovery: {port: 1}\n", "2:12: discovery.dns: is missing"),
            (
                "replicas: 2\ndiscovery: {dns: a}\nnodes: [{name: a, address: 'a:1'}, {name: b, address: 'b:1'}]\n",
                "3:8: nodes: stand beside `discovery`",
            ),
        ];
        for (text, said) in cases {
            let found = file(text).unwrap_err();
            assert!(found.len() == 1 && found[0].starts_with(said), "{text}: {found:?}");
        }
    }
}
