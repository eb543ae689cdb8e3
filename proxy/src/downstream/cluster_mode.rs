//! `CLUSTER` and its kin for clients that speak to a Redis Cluster: this proxy is all of it.
//!
//! Such a client asks who serves which slot and sends each command there. It is told that one master, at the address that it
//! is connected to, serves all of them, so it sends everything here; what is behind is none of its business. Clients that
//! know several proxies share themselves among them.

use std::fmt::Write as _;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use crate::shared::Shared;

/// Where a cluster's nodes would speak to each other: Redis's rule.
const BUS_PORT_ABOVE: u32 = 10_000;

/// The only master, as a client sees it.
struct Master<'a> {
    host: &'a str,
    port: u16,
    id: &'a str,
}

impl<'a> Master<'a> {
    /// At `address`, host and port, where a client is connected.
    fn at(address: &'a str, shared: &'a Shared) -> Self {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self { host, port: port.parse().unwrap_or_else(|_| shared.port()), id: &shared.run_id }
    }

    /// Its line in `CLUSTER NODES`, without the end.
    fn line(&self, epoch: u64) -> String {
        let Self { host, port, id } = self;
        let bus = u32::from(*port) + BUS_PORT_ABOVE;
        format!("{id} {host}:{port}@{bus} myself,master - 0 0 {epoch} connected 0-{}", SLOT_COUNT - 1)
    }
}

/// Answers a command of cluster-mode clients; false if it is none. `address` is where the client is connected.
pub(super) fn answer(
    spec: &Spec,
    args: Args<'_>,
    (shared, address): (&Shared, &str),
    reply: &mut Reply<'_>,
) -> bool {
    let master = Master::at(address, shared);
    match spec.name {
        "readonly" | "readwrite" | "asking" => reply.ok(),
        "cluster|keyslot" => reply.int(i64::from(HashSlot::of(&args[2]).number())),
        "cluster|myid" => reply.bulk(master.id.as_bytes()),
        "cluster|info" => reply.verbatim("txt", info(shared).as_bytes()),
        "cluster|nodes" => reply.verbatim("txt", format!("{}\n", master.line(epoch(shared))).as_bytes()),
        "cluster|slots" => slots(&master, reply),
        "cluster|shards" => shards(&master, reply),
        "cluster|links" => reply.array(0),
        "cluster|replicas" | "cluster|slaves" => {
            of_node(&args[2], &master, reply, |reply| reply.array(0));
        }
        "cluster|count-failure-reports" => of_node(&args[2], &master, reply, |reply| reply.int(0)),
        _ => return false,
    }
    true
}

/// An answer about the node `id`, which is to be the one that there is.
fn of_node(id: &[u8], master: &Master<'_>, reply: &mut Reply<'_>, answer: impl FnOnce(&mut Reply<'_>)) {
    if id.eq_ignore_ascii_case(master.id.as_bytes()) {
        return answer(reply);
    }
    reply.error_bytes(&[b"ERR Unknown node ", id].concat());
}

fn epoch(shared: &Shared) -> u64 {
    let published = shared.published.as_ref().map(|published| published.status().epoch.0);
    published.unwrap_or_else(|| shared.topology.load().epoch().0)
}

fn info(shared: &Shared) -> String {
    let lost = shared.published.as_ref().map_or(0, |published| match published.view() {
        Some(_) => published.status().progress.slots_lost,
        None => SLOT_COUNT as u64,
    });
    let (state, epoch) = (if lost == 0 { "ok" } else { "fail" }, epoch(shared));
    let mut text = format!("cluster_state:{state}\r\ncluster_slots_assigned:{SLOT_COUNT}\r\n");
    let numbers = [
        ("slots_ok", SLOT_COUNT as u64 - lost),
        ("slots_pfail", 0),
        ("slots_fail", lost),
        ("known_nodes", 1),
        ("size", 1),
        ("current_epoch", epoch),
        ("my_epoch", epoch),
        ("stats_messages_sent", 0),
        ("stats_messages_received", 0),
        ("total_cluster_links_exceeding_buffer_limit", 0),
    ];
    for (name, number) in numbers {
        let prefix = if name.starts_with("total_") { "" } else { "cluster_" };
        // A String takes all.
        let _ = write!(text, "{prefix}{name}:{number}\r\n");
    }
    text
}

/// `CLUSTER SLOTS`: one range.
fn slots(master: &Master<'_>, reply: &mut Reply<'_>) {
    reply.array(1);
    reply.array(3);
    reply.int(0);
    reply.count(SLOT_COUNT - 1);
    reply.array(4);
    reply.bulk(master.host.as_bytes());
    reply.int(i64::from(master.port));
    reply.bulk(master.id.as_bytes());
    reply.array(0);
}

/// `CLUSTER SHARDS`: one shard with one node.
fn shards(master: &Master<'_>, reply: &mut Reply<'_>) {
    reply.array(1);
    reply.map(2);
    reply.bulk(b"slots");
    reply.array(2);
    reply.int(0);
    reply.count(SLOT_COUNT - 1);
    reply.bulk(b"nodes");
    reply.array(1);
    reply.map(7);
    let texts = [("id", master.id), ("ip", master.host), ("endpoint", master.host), ("role", "master")];
    for (name, text) in texts.into_iter().chain([("health", "online")]) {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    reply.bulk(b"port");
    reply.int(i64::from(master.port));
    reply.bulk(b"replication-offset");
    reply.int(0);
}
