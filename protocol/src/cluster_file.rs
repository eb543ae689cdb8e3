//! `cluster.yaml`: which nodes there are and how they are used. One file for all proxies, edited live.
//!
//! [`ClusterFile::parse`] gives a checked value or all that is wrong with the text. Every key but the nodes has a
//! default; `configs/cluster.yaml` shows them all, and a test holds it against this module.

mod address;
mod discovery;
mod last_replica;
mod limits;
mod node;
mod proxies;
#[cfg(test)]
mod schema;
mod timeouts;
mod tls;
mod users;

pub use address::{AddressError, NodeAddress};
pub use discovery::Discovery;
pub use last_replica::LastReplicaLost;
pub use limits::Limits;
pub use node::{NODES_MAX, NameError, Node, NodeName, WEIGHT_MAX};
pub use proxies::PROXIES_MAX;
pub use timeouts::Timeouts;
pub use tls::NodeTls;
pub use users::{USERS_MAX, UserLimits, UserRules};

use std::path::PathBuf;

use crate::config::{self, ConfigErrors, Findings};
use crate::view::ENTRIES_MAX;
use node::NodeFile;
use serde::Deserialize;

/// Most copies of a slot: a chain has room for one more, so that copies can move.
pub const REPLICAS_MAX: usize = ENTRIES_MAX - 1;

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// When every entry of the chain has it.
    #[default]
    All,
    /// When the head has it: faster, and the newest writes can be lost with it.
    Head,
}

/// Which entry of a chain serves reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadFrom {
    /// The tail: never stale.
    #[default]
    Tail,
    /// Any in-sync entry: spreads the load, can be stale, or show a write that is still on its way down the chain.
    Any,
}

/// A checked cluster.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFile {
    /// Name of the cluster, for people and metrics. Default `ringmaster`.
    pub cluster: String,
    /// Number of the file, raised with each edit: of two files with a version the higher is followed. 0, the default, is
    /// none: then the later edit counts.
    pub version: u64,
    /// Copies of each slot, its head included. Range 1..=[`REPLICAS_MAX`], not above the nodes with a weight; default 1.
    pub replicas: usize,
    /// Fewest copies with which a slot takes writes. Range 1..=`replicas`, default 1.
    pub min_in_sync: usize,
    /// When a write is acknowledged. Default `all`.
    pub ack: Ack,
    /// Which entry of a chain serves reads. Default `tail`.
    pub read_from: ReadFrom,
    /// How long the data of a slot is waited for when no node that holds it answers. Default `auto`.
    pub when_last_replica_lost: LastReplicaLost,
    /// The nodes, in the order of the file: 1..=[`NODES_MAX`], at least one with a weight. None where `discovery` stands,
    /// until they are found.
    pub nodes: Vec<Node>,
    /// Where the nodes are found, in place of a list. Default: the list.
    pub discovery: Option<Discovery>,
    /// Who may do what. Default: everybody everything.
    pub users: Vec<UserRules>,
    /// The file with the secret by which the nodes know the proxies; relative to cluster.yaml. Default: none.
    pub secret_file: Option<PathBuf>,
    /// With what proxies speak TLS to the nodes. Default: they speak in the clear.
    pub tls: Option<NodeTls>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How large things may grow.
    pub limits: Limits,
    /// Where clients of a Redis Cluster are told to reach the proxies, in the order of the file: at most [`PROXIES_MAX`].
    /// Default: none; then each proxy names itself alone.
    pub proxies: Vec<NodeAddress>,
}

impl ClusterFile {
    /// Reads and checks the text of a cluster.yaml; `file` is its name in the messages.
    ///
    /// # Errors
    /// All that is wrong with it, each with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        config::load::<FileConfig, Self>(file, text)
    }
}

/// cluster.yaml as it is written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "the keys of cluster.yaml")]
struct FileConfig {
    cluster: String,
    version: u64,
    replicas: usize,
    min_in_sync: usize,
    ack: Ack,
    read_from: ReadFrom,
    when_last_replica_lost: LastReplicaLost,
    nodes: Vec<NodeFile>,
    discovery: Option<Discovery>,
    users: Vec<UserRules>,
    secret_file: Option<PathBuf>,
    tls: Option<NodeTls>,
    timeouts: Timeouts,
    limits: Limits,
    proxies: Vec<String>,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self {
            cluster: "ringmaster".to_owned(),
            version: 0,
            replicas: 1,
            min_in_sync: 1,
            ack: Ack::default(),
            read_from: ReadFrom::default(),
            when_last_replica_lost: LastReplicaLost::default(),
            nodes: Vec::new(),
            discovery: None,
            users: Vec::new(),
            secret_file: None,
            tls: None,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            proxies: Vec::new(),
        }
    }
}

impl TryFrom<FileConfig> for ClusterFile {
    type Error = Findings;

    fn try_from(file: FileConfig) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        node::check_name(&file.cluster, "cluster", &mut findings);
        let nodes = check_nodes(&file, &mut findings);
        check_replicas(&file, &mut findings);
        users::check_all(&file.users, &mut findings);
        file.timeouts.check(&mut findings);
        file.limits.check(&mut findings);
        let proxies = proxies::check_all(&file.proxies, &mut findings);
        let FileConfig { cluster, version, replicas, min_in_sync, ack, read_from, .. } = file;
        let FileConfig {
            when_last_replica_lost, discovery, users, secret_file, tls, timeouts, limits, ..
        } = file;
        findings.or(ClusterFile {
            cluster,
            version,
            replicas,
            min_in_sync,
            ack,
            read_from,
            when_last_replica_lost,
            nodes,
            discovery,
            users,
            secret_file,
            tls,
            timeouts,
            limits,
            proxies,
        })
    }
}

/// The nodes of a list; none yet where they are found by a name.
fn check_nodes(file: &FileConfig, findings: &mut Findings) -> Vec<Node> {
    let Some(discovery) = &file.discovery else { return node::check_all(&file.nodes, findings) };
    discovery.check(file.replicas, findings);
    if !file.nodes.is_empty() {
        findings.add("nodes", "stand beside `discovery`: give one of the two");
    }
    Vec::new()
}

/// More copies than nodes that may hold one can never be.
fn check_replicas(file: &FileConfig, findings: &mut Findings) {
    let holders = file.nodes.iter().filter(|node| node.may_hold_slots()).count();
    let copies = file.replicas;
    let message = match copies {
        0 => Some("0 copies would keep nothing: give at least 1".to_owned()),
        _ if copies > REPLICAS_MAX => Some(format!("{copies} is out of range, give 1 to {REPLICAS_MAX}")),
        1 => None,
        _ if file.discovery.is_some() => None,
        _ => (copies > holders).then(|| {
            format!("{copies} copies need as many nodes with a weight, there are {holders}: give at most {holders}")
        }),
    };
    if let Some(message) = message {
        findings.add_related("replicas", &["nodes"], message);
    }
    if file.min_in_sync == 0 || file.min_in_sync > copies.max(1) {
        let message =
            format!("{} is out of range, give 1 to `replicas`, which is {copies}", file.min_in_sync);
        findings.add_related("min_in_sync", &["replicas"], message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    const ONE_NODE: &str = "nodes: [{name: a, address: '127.0.0.1:6380'}]\n";

    fn parse(text: &str) -> Result<ClusterFile, ConfigErrors> {
        ClusterFile::parse("cluster.yaml", text)
    }

    fn errors(text: &str) -> Vec<String> {
        let errors = parse(text).unwrap_err();
        errors.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_shipped_file_has_every_key_at_its_default() {
        let text = include_str!("../../configs/cluster.yaml");
        let shipped = parse(text).unwrap();
        let minimal = parse(ONE_NODE).unwrap();
        assert_eq!(ClusterFile { nodes: minimal.nodes.clone(), ..shipped.clone() }, minimal);
        assert_eq!(shipped.nodes.len(), 3);
        assert!(shipped.nodes.iter().all(|node| node.weight == 1));
        let keys =
            ["cluster", "version", "replicas", "min_in_sync", "ack", "read_from", "when_last_replica_lost"];
        for key in keys.into_iter().chain(["nodes", "zone", "weight"]) {
            assert!(text.contains(&format!("{key}: ")) || text.contains(&format!("{key}:\n")), "{key}");
        }
        let keys = format!("{:?}{:?}", shipped.timeouts, shipped.limits);
        let keys = keys.split(['{', ',']).filter_map(|field| field.split_once(": "));
        assert!(text.contains("\nusers: []\n") && text.contains("\nproxies: []\n"));
        for (key, _) in keys {
            assert!(text.contains(&format!("\n  {}: ", key.trim())), "{key}");
        }
    }

    #[test]
    fn a_node_alone_is_a_cluster() {
        let file = parse(ONE_NODE).unwrap();
        assert_eq!((file.replicas, file.ack, file.read_from), (1, Ack::All, ReadFrom::Tail));
        assert_eq!(file.nodes[0].name.as_str(), "a");
        assert_eq!(file.nodes[0].address.to_string(), "127.0.0.1:6380");
        assert_eq!((file.nodes[0].weight, file.nodes[0].zone.as_str()), (1, ""));
    }

    #[test]
    fn proxies_are_named_once_each() {
        let two = parse(&format!("proxies: ['cache-a:6379', '[::1]:6379']\n{ONE_NODE}")).unwrap();
        assert_eq!(two.proxies[1].to_string(), "[::1]:6379");
        assert_eq!(
            errors(&format!("proxies: ['a:1', 'A:1', 'b']\n{ONE_NODE}")),
            [
                "1:18: proxies[1]: `A:1` stands here a second time",
                "1:25: proxies[2]: `b` has no port: give host:port, as in `cache-0:6380`"
            ]
        );
    }

    #[test]
    fn no_nodes_is_an_error_of_the_file() {
        assert_eq!(errors(""), ["1:1: nodes: is missing: give at least one {name, address}"]);
        assert_eq!(errors("nodes: []\n"), ["1:8: nodes: is missing: give at least one {name, address}"]);
    }

    #[test]
    fn there_are_at_most_as_many_copies_as_nodes_that_may_hold_one() {
        let two = "nodes: [{name: a, address: 'a:1'}, {name: b, address: 'b:1'}, {name: c, address: 'c:1', weight: 0}]\n";
        assert_eq!(parse(&format!("replicas: 2\nmin_in_sync: 2\n{two}")).unwrap().replicas, 2);
        assert_eq!(
            errors(&format!("replicas: 3\n{two}")),
            ["1:11: replicas: 3 copies need as many nodes with a weight, there are 2: give at most 2"]
        );
        assert_eq!(errors(&format!("replicas: 0\n{two}")).len(), 1);
        assert_eq!(
            errors(&format!("min_in_sync: 2\n{two}")),
            ["1:14: min_in_sync: 2 is out of range, give 1 to `replicas`, which is 1"]
        );
    }

    #[test]
    fn a_lost_slot_is_waited_for_as_long_as_the_file_says() {
        let wait = |text: &str| parse(&format!("when_last_replica_lost: {text}\n{ONE_NODE}"));
        assert_eq!(wait("never").unwrap().when_last_replica_lost, LastReplicaLost::Never);
        let minute = LastReplicaLost::After(config::Millis::seconds(60));
        assert_eq!(wait("1m").unwrap().when_last_replica_lost, minute);
        assert!(wait("soon").is_err());
    }

    #[test]
    fn all_faults_of_a_file_come_at_once() {
        let text = "\
cluster: 'my cluster'
replicas: 5
ack: most
nodes:
  - name: a
    address: 10.0.0.1:6380
  - name: a
    address: 10.0.0.1:6380
    weight: 20000
  - address: nowhere
    wieght: 1
timeouts:
  connect: 0
  drain: 1ms
limits:
  clients: 0
  request: 1gb
  pipelin: 3
";
        let found = errors(text);
        let places: Vec<&str> = found.iter().map(|line| line.split(": ").nth(1).unwrap()).collect();
        assert_eq!(
            places,
            [
                "cluster",
                "ack",
                "nodes[1].name",
                "nodes[1].address",
                "nodes[1].weight",
                "nodes[2].name",
                "nodes[2].address",
                "nodes[2].wieght",
                "timeouts.connect",
                "timeouts.drain",
                "limits.clients",
                "limits.request",
                "limits.pipelin",
            ],
            "{found:#?}"
        );
    }

    #[test]
    fn users_have_rules_and_no_passwords() {
        let hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
        let file =
            parse(&format!("users: [{{name: app, rules: 'on #{hash} ~app:* +@read'}}]\n{ONE_NODE}")).unwrap();
        assert!(file.users[0].user().unwrap().accepts(b"password"));
        for (user, said) in [
            ("{name: a, rules: 'on >secret'}", "1:26: users[0].rules: a password must not stand here"),
            ("{name: a, rules: '+nosuch'}", "1:26: users[0].rules: Error in ACL SETUSER modifier '+nosuch'"),
            ("{name: 'a b'}", "1:16: users[0].name: is empty or has spaces"),
            ("{name: a}, {name: a}", "1:27: users[1].name: `a` stands here a second time"),
        ] {
            let said_now = errors(&format!("users: [{user}]\n{ONE_NODE}"));
            assert!(said_now.len() == 1 && said_now[0].starts_with(said), "{said_now:?}");
            assert!(!said_now[0].contains("secret"));
        }
    }

    #[test]
    fn weights_all_zero_are_refused() {
        let text = ONE_NODE.replace("}", ", weight: 0}");
        assert_eq!(errors(&text), ["1:8: nodes: all weights are 0: give one node at least 1"]);
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_taken_or_refused_with_places_in_it(
            damage in proptest::collection::vec((any::<Index>(), 0usize..40, r"[\[\]{}&*!:,#a \n\t|>%@-]{0,4}"), 1..4),
        ) {
            let mut text = include_str!("../../configs/cluster.yaml").to_owned();
            for (at, length, instead) in damage {
                let start = at.index(text.len());
                text.replace_range(start..text.len().min(start + length), &instead);
            }
            if let Err(errors) = parse(&text) {
                prop_assert!(!errors.problems().is_empty());
                let lines = text.lines().count().max(1);
                prop_assert!(errors.problems().iter().all(|problem| (1..=lines).contains(&problem.line)));
            }
        }
    }
}
