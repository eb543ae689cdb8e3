//! The nodes as this proxy sees them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringmaster_runtime::metrics::durations::Sums;
use ringmaster_runtime::metrics::{Family, Kind};

use super::Scrape;
use crate::cluster::controller::Health;
use crate::shared::Shared;
use crate::telemetry::NodeFigures;
use crate::upstream::FailureKind;

/// One node at one address. A process that was started anew is another node to the threads, and the same here.
pub(super) struct Node {
    name: String,
    address: String,
    is_reached: bool,
    figures: Vec<Arc<NodeFigures>>,
}

/// All nodes in use.
pub(super) fn all(shared: &Shared) -> Vec<Node> {
    let mut nodes = BTreeMap::<(String, String), Node>::new();
    for status in shared.nodes.all() {
        let (name, address) = (status.name().to_owned(), status.address().to_owned());
        let node = nodes.entry((name.clone(), address.clone())).or_insert_with(|| Node {
            name,
            address,
            is_reached: false,
            figures: Vec::new(),
        });
        node.is_reached |= status.reached().is_ok();
        node.figures.extend(status.figures());
    }
    nodes.into_values().collect()
}

const FAILURES: [(&str, FailureKind); 4] = [
    ("connect", FailureKind::Connect),
    ("lost", FailureKind::Lost),
    ("late", FailureKind::Late),
    ("garbage", FailureKind::Garbage),
];

const LABELS: &[&str] = &["node", "address"];

pub(super) static FAMILIES: [Family<Scrape>; 5] = [
    Family {
        name: "ringmaster_proxy_node_reached",
        kind: Kind::Gauge,
        labels: LABELS,
        help: "1 if a thread is connected to the node.",
        collect: |scrape, samples| {
            for node in &scrape.nodes {
                samples.of(&[&node.name, &node.address], u8::from(node.is_reached));
            }
        },
    },
    Family {
        name: "ringmaster_proxy_node_health",
        kind: Kind::Gauge,
        labels: &["node", "health"],
        help: "1 for how a node of cluster.yaml stands: healthy, suspected (it does not answer this proxy) or removed \
               (most proxies suspect it); nothing while slots have one copy each.",
        collect: |scrape, samples| {
            let nodes = scrape.status.iter().flat_map(|status| &status.nodes);
            for (node, own) in nodes {
                for (health, name) in Health::ALL {
                    samples.of(&[node.as_str(), name], u8::from(*own == health));
                }
            }
        },
    },
    Family {
        name: "ringmaster_proxy_upstream_commands_total",
        kind: Kind::Counter,
        labels: LABELS,
        help: "Commands sent to the node, parts of split ones and the proxy's own included.",
        collect: |scrape, samples| {
            for node in &scrape.nodes {
                let commands: u64 = node.figures.iter().map(|figures| figures.commands.get()).sum();
                samples.of(&[&node.name, &node.address], commands);
            }
        },
    },
    Family {
        name: "ringmaster_proxy_upstream_duration_seconds",
        kind: Kind::Histogram,
        labels: LABELS,
        help: "Time from the writing of commands to a node until the last of them was answered, of one write at a \
               time on each connection.",
        collect: |scrape, samples| {
            for node in &scrape.nodes {
                let sums = Sums::of(node.figures.iter().map(|figures| &figures.round_trips));
                sums.write(&[&node.name, &node.address], samples);
            }
        },
    },
    Family {
        name: "ringmaster_proxy_upstream_failures_total",
        kind: Kind::Counter,
        labels: &["kind"],
        help: "Connections to nodes that failed: connect (not made), lost, late (no reply in time), garbage.",
        collect: |scrape, samples| {
            for (label, kind) in FAILURES {
                let failures = scrape.shared.metrics.iter().map(|metrics| metrics.failures(kind));
                samples.of(&[label], failures.sum::<u64>());
            }
        },
    },
];
