//! Where clients of a Redis Cluster are told to reach the proxies.

use std::collections::HashSet;

use super::NodeAddress;
use crate::config::Findings;

/// Most proxies that are named.
pub const PROXIES_MAX: usize = 1024;

/// The addresses, as far as they are right.
pub(super) fn check_all(texts: &[String], findings: &mut Findings) -> Vec<NodeAddress> {
    if texts.len() > PROXIES_MAX {
        findings.add("proxies", format!("are {}, give at most {PROXIES_MAX}", texts.len()));
        return Vec::new();
    }
    let mut addresses = Vec::with_capacity(texts.len());
    let mut known = HashSet::new();
    for (at, text) in texts.iter().enumerate() {
        let path = format!("proxies[{at}]");
        match text.parse::<NodeAddress>() {
            Err(error) => findings.add(&path, format!("`{text}` {error}")),
            Ok(address) if !known.insert(address.clone()) => {
                findings.add(&path, format!("`{text}` stands here a second time"));
            }
            Ok(address) => addresses.push(address),
        }
    }
    addresses
}
