//! From the records of an answer to nodes.

use std::collections::BTreeMap;

use ringmaster_protocol::cluster_file::{Discovery, NODES_MAX, Node, NodeAddress, NodeName};

/// What a SRV record says, as far as it counts here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The host, with a dot at its end or not.
    pub(super) target: String,
    pub(super) port: u16,
}

#[cfg(test)]
impl Record {
    pub(super) fn new(target: &str, port: u16) -> Self {
        Self { target: target.to_owned(), port }
    }
}

/// The nodes of an answer, in the order of their names.
///
/// # Errors
/// The answer is none that can be followed: too few or too many nodes, two of one name, or no name at all.
pub(super) fn nodes_of(records: &[Record], discovery: &Discovery) -> Result<Vec<Node>, String> {
    let mut nodes = BTreeMap::<NodeName, NodeAddress>::new();
    for record in records.iter().filter(|record| discovery.port.is_none_or(|port| port == record.port)) {
        let (name, address) = named(record)?;
        match nodes.get(&name) {
            Some(other) if *other != address => {
                return Err(format!("two nodes are called {name}: {other} and {address}"));
            }
            _ => nodes.insert(name, address),
        };
        if nodes.len() > NODES_MAX {
            return Err(format!("an answer has more than {NODES_MAX} nodes"));
        }
    }
    if nodes.len() < discovery.at_least {
        return Err(format!(
            "an answer has {} nodes, fewer than `at_least`, which is {}",
            nodes.len(),
            discovery.at_least
        ));
    }
    let node = |(name, address)| Node { name, address, zone: String::new(), weight: 1 };
    Ok(nodes.into_iter().map(node).collect())
}

/// The node of a record. Its address keeps the name of the host: whoever connects looks up where that is by then.
fn named(record: &Record) -> Result<(NodeName, NodeAddress), String> {
    let host = record.target.strip_suffix('.').unwrap_or(&record.target).to_ascii_lowercase();
    let label = host.split('.').next().unwrap_or_default();
    let name = label.parse().map_err(|error| format!("the target `{host}` is no node: `{label}` {error}"))?;
    let address = format!("{host}:{}", record.port);
    let address = address.parse().map_err(|error| format!("the target `{address}` {error}"))?;
    Ok((name, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(records: &[(&str, u16)], port: Option<u16>, at_least: usize) -> Result<Vec<String>, String> {
        let records: Vec<Record> = records.iter().map(|(target, port)| Record::new(target, *port)).collect();
        let discovery = Discovery { dns: "n".to_owned(), port, at_least, server: None };
        let nodes = nodes_of(&records, &discovery)?;
        Ok(nodes.iter().map(|node| format!("{} {}", node.name, node.address)).collect())
    }

    #[test]
    fn a_node_has_the_first_label_of_its_target_for_a_name() {
        let records = [("Node-1.nodes.svc.", 6380), ("node-0.nodes.svc.", 6380), ("node-0.nodes.svc.", 6380)];
        let named = ["node-0 node-0.nodes.svc:6380", "node-1 node-1.nodes.svc:6380"];
        assert_eq!(found(&records, None, 2).unwrap(), named);
    }

    #[test]
    fn records_of_other_ports_are_left_out() {
        let records = [("a.n.", 6380), ("a.n.", 9380)];
        assert_eq!(found(&records, Some(6380), 1).unwrap(), ["a a.n:6380"]);
        assert!(found(&records, None, 1).unwrap_err().contains("two nodes are called a"));
    }

    #[test]
    fn an_answer_that_is_empty_too_small_or_nonsense_is_refused() {
        assert!(found(&[], None, 1).unwrap_err().contains("has 0 nodes"));
        assert!(found(&[("a.", 1)], None, 2).unwrap_err().contains("fewer than `at_least`, which is 2"));
        assert!(found(&[(".", 1)], None, 1).unwrap_err().contains("is no node"));
        assert!(found(&[("a b.n.", 1)], None, 1).unwrap_err().contains("is no node"));
        assert!(found(&[("a.n.", 0)], None, 1).unwrap_err().contains("has no port"));
        let many: Vec<Record> = (0..=NODES_MAX).map(|at| Record::new(&format!("n{at}.x"), 1)).collect();
        let discovery = Discovery { dns: "n".to_owned(), port: None, at_least: 1, server: None };
        assert!(nodes_of(&many, &discovery).unwrap_err().contains("more than 1000"));
    }
}
