//! `INFO` of a proxy and its nodes as that of one server: what counts in all of them is added up, and each node has a section.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::session::info::human;

mod figures;

/// Fields of the proxy's own answer that are sums over the nodes.
const SUMS: [&str; 17] = [
    "used_memory",
    "used_memory_rss",
    "used_memory_peak",
    "used_memory_overhead",
    "used_memory_startup",
    "used_memory_dataset",
    "maxmemory",
    "rdb_changes_since_last_save",
    "expired_keys",
    "evicted_keys",
    "keyspace_hits",
    "keyspace_misses",
    "total_error_replies",
    "lazyfreed_objects",
    "lazyfree_pending_objects",
    "tracking_total_keys",
    "tracking_total_items",
];

/// Fields of which the greatest of the nodes is that of all: each of them knows all channels.
const MOST: [&str; 3] = ["pubsub_channels", "pubsub_patterns", "pubsubshard_channels"];

/// Fields that are those of the first node that tells them.
const FIRST: [&str; 1] = ["maxmemory_policy"];

/// What a node's section tells.
const TOLD: [&str; 14] = [
    "ringmaster_version",
    "run_id",
    "uptime_in_seconds",
    "connected_clients",
    "used_memory",
    "maxmemory",
    "maxmemory_policy",
    "aof_enabled",
    "instantaneous_ops_per_sec",
    "total_commands_processed",
    "keyspace_hits",
    "keyspace_misses",
    "evicted_keys",
    "expired_keys",
];

/// What is to be made one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Infos {
    /// The proxy's own reply.
    pub(crate) own: Vec<u8>,
    /// The nodes' names, in the order of the parts.
    pub(crate) names: Vec<String>,
    /// Whether a section of each node is wanted.
    pub(crate) with_nodes: bool,
    /// Nodes that hold each key.
    pub(crate) copies: u64,
}

impl Infos {
    /// The one reply; a part that is an error is a node that told nothing.
    pub(super) fn merge(&self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let own = text(&self.own)?;
        let nodes: Vec<BTreeMap<&str, &str>> =
            parts.iter().map(|part| text(part).map(fields).unwrap_or_default()).collect();
        let mut out = String::with_capacity(own.len() + 1024 * nodes.len());
        for line in own.split_terminator("\r\n") {
            self.line(&mut out, line, &nodes);
        }
        if self.with_nodes {
            for ((name, node), part) in self.names.iter().zip(&nodes).zip(parts) {
                section(&mut out, name, node);
                why_silent(&mut out, name, part);
            }
        }
        let protocol = if self.own.first() == Some(&b'=') { Protocol::Resp3 } else { Protocol::Resp2 };
        let mut reply = Vec::with_capacity(out.len() + 32);
        Reply::new(&mut reply, protocol).verbatim("txt", out.as_bytes());
        Some(reply)
    }

    /// One line of the proxy's own, as it is for all.
    fn line(&self, out: &mut String, line: &str, nodes: &[BTreeMap<&str, &str>]) {
        let name = line.split(':').next().unwrap_or_default();
        let plain = name.strip_suffix("_human").unwrap_or(name);
        // A String takes all that is written.
        let told = || nodes.iter().filter_map(|node| node.get(plain).copied());
        let numbers = || told().filter_map(|value| value.parse::<u64>().ok());
        let value = match plain {
            _ if SUMS.contains(&plain) && plain != name => Some(human(numbers().sum())),
            _ if SUMS.contains(&plain) => Some(numbers().sum::<u64>().to_string()),
            _ if MOST.contains(&plain) => Some(numbers().max().unwrap_or(0).to_string()),
            _ if FIRST.contains(&plain) => told().next().map(str::to_owned),
            _ => None,
        };
        let _ = match value {
            Some(value) => write!(out, "{name}:{value}\r\n"),
            None => write!(out, "{line}\r\n"),
        };
        figures::follow(out, line, nodes);
        if line == "# Keyspace" {
            self.databases(out, nodes);
        }
    }

    fn databases(&self, out: &mut String, nodes: &[BTreeMap<&str, &str>]) {
        let mut databases: BTreeMap<u32, [u64; 2]> = BTreeMap::new();
        for (name, value) in nodes.iter().flatten() {
            let Some(Ok(database)) = name.strip_prefix("db").map(str::parse) else { continue };
            let counts = databases.entry(database).or_default();
            for (count, key) in counts.iter_mut().zip(["keys=", "expires="]) {
                let told = value.split(',').find_map(|field| field.strip_prefix(key)?.parse::<u64>().ok());
                *count += told.unwrap_or(0);
            }
        }
        for (database, counts) in databases {
            let [keys, expires] = counts.map(|count| count.div_ceil(self.copies.max(1)));
            let _ = write!(out, "db{database}:keys={keys},expires={expires},avg_ttl=0\r\n");
        }
    }
}

/// The text of a bulk or verbatim string.
fn text(reply: &[u8]) -> Option<&str> {
    let end = reply.iter().position(|&byte| byte == b'\n')? + 1;
    let body = std::str::from_utf8(reply.get(end..reply.len().checked_sub(2)?)?).ok()?;
    match reply.first()? {
        b'$' => Some(body),
        b'=' => body.get(4..),
        _ => None,
    }
}

fn fields(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once(':')).collect()
}

fn section(out: &mut String, name: &str, node: &BTreeMap<&str, &str>) {
    let _ = write!(out, "\r\n# Node {name}\r\nnode_{name}:reached={}", u8::from(!node.is_empty()));
    for field in TOLD {
        if let Some(value) = node.get(field) {
            let _ = write!(out, ",{field}={value}");
        }
    }
    let keys = node.iter().filter(|(name, _)| name.starts_with("db"));
    let keys =
        keys.filter_map(|(_, value)| value.strip_prefix("keys=")?.split(',').next()?.parse::<u64>().ok());
    let _ = write!(out, ",keys={}\r\n", keys.sum::<u64>());
}

/// Says why a node told nothing.
fn why_silent(out: &mut String, name: &str, part: &[u8]) {
    if let Some((b'-', why)) = part.split_first() {
        let why = String::from_utf8_lossy(why.trim_ascii_end()).replace(['\r', '\n'], " ");
        let _ = write!(out, "node_{name}_error:{why}\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Vec<u8> {
        format!("${}\r\n{text}\r\n", text.len()).into_bytes()
    }

    #[test]
    fn what_nodes_count_is_added_up_and_each_has_a_section() {
        let own = bulk(
            "# Memory\r\nused_memory:0\r\nused_memory_human:0B\r\n\r\n# Stats\r\nport:1\r\n\r\n# Keyspace\r\n",
        );
        let names = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let infos = Infos { own, names, with_nodes: true, copies: 1 };
        let one = bulk(
            "# Memory\r\nused_memory:1048576\r\ndb0:keys=3,expires=1,avg_ttl=5\r\ndb2:keys=1,expires=0\r\n",
        );
        let other = bulk("# Memory\r\nused_memory:524288\r\ndb0:keys=4,expires=0,avg_ttl=0\r\n");
        let merged = infos.merge(&[&one, &other, b"-ERR gone\r\n"]).unwrap();
        let text = text(&merged).unwrap();
        assert!(
            text.starts_with(
                "# Memory\r\nused_memory:1572864\r\nused_memory_human:1.50M\r\n\r\n# Stats\r\nport:1\r\n"
            ),
            "{text}"
        );
        assert!(
            text.contains(
                "# Keyspace\r\ndb0:keys=7,expires=1,avg_ttl=0\r\ndb2:keys=1,expires=0,avg_ttl=0\r\n"
            ),
            "{text}"
        );
        assert!(text.contains("# Node a\r\nnode_a:reached=1,used_memory=1048576,keys=4\r\n"), "{text}");
        let silent = "# Node c\r\nnode_c:reached=0,keys=0\r\nnode_c_error:ERR gone\r\n";
        assert!(text.ends_with(silent), "{text}");
    }
}
