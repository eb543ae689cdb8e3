//! `CLUSTER` and its kin for clients that speak to a Redis Cluster: this proxy serves all of it.
//!
//! Such a client asks who serves which slot and sends each command there. It is told that one master, at the address that it
//! is connected to, serves all of them, so it sends everything here; what is behind is none of its business. The other
//! proxies, as far as `proxies` in cluster.yaml names them, are that master's replicas: each of them says the same of
//! itself, so a client that loses one finds its master in another, and clients share themselves among them.

use std::fmt::Write as _;

use ringmaster_protocol::cluster_file::NodeAddress;
use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::resp::reply::Reply;
use ringmaster_protocol::slot::{HashSlot, SLOT_COUNT};

use crate::shared::Shared;

/// Where a cluster's nodes would speak to each other: Redis's rule.
const BUS_PORT_ABOVE: u32 = 10_000;

/// A proxy, as a client sees it.
#[derive(Debug, PartialEq, Eq)]
struct Member {
    host: String,
    port: u16,
    id: String,
}

impl Member {
    /// One that the cluster.yaml names: the same to all proxies.
    fn named(address: &NodeAddress) -> Self {
        let id = id_of(&address.to_string());
        Self { host: address.host().to_owned(), port: address.port(), id }
    }

    fn place(&self) -> String {
        let Self { host, port, .. } = self;
        format!("{host}:{port}@{}", u32::from(*port) + BUS_PORT_ABOVE)
    }
}

/// 40 hexadecimal digits that an address always gets: three rounds of FNV-1a.
fn id_of(address: &str) -> String {
    let round = |number: u8| {
        let bytes = std::iter::once(number).chain(address.bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    };
    let mut id: String = (0..3).map(|number| format!("{:016x}", round(number))).collect();
    id.truncate(40);
    id
}

/// The proxies, as a client sees them: the only master, and those that would take its place.
struct Proxies {
    master: Member,
    replicas: Vec<Member>,
}

impl Proxies {
    /// As seen at `address`, host and port, where a client is connected.
    fn at(address: &str, shared: &Shared) -> Self {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().unwrap_or_else(|_| shared.port());
        let topology = shared.topology.load();
        let named = topology.file().proxies.iter().map(Member::named);
        let (own, replicas): (Vec<_>, _) = named.partition(|of| (&*of.host, of.port) == (host, port));
        let unnamed = || Member { host: host.to_owned(), port, id: shared.run_id.clone() };
        Self { master: own.into_iter().next().unwrap_or_else(unnamed), replicas }
    }

    /// The lines of `CLUSTER NODES`, the master's first.
    fn lines(&self, epoch: u64) -> impl Iterator<Item = String> {
        let Member { id: master, .. } = &self.master;
        let all = SLOT_COUNT - 1;
        let first = format!("{master} {} myself,master - 0 0 {epoch} connected 0-{all}", self.master.place());
        let replica =
            move |of: &Member| format!("{} {} slave {master} 0 0 {epoch} connected", of.id, of.place());
        std::iter::once(first).chain(self.replicas.iter().map(replica))
    }

    /// An answer about the node `id`, which is to be one of them; told whether it is the master.
    fn of_node(&self, id: &[u8], reply: &mut Reply<'_>, answer: impl FnOnce(bool, &mut Reply<'_>)) {
        let is = |member: &Member| id.eq_ignore_ascii_case(member.id.as_bytes());
        match (is(&self.master), self.replicas.iter().any(is)) {
            (false, false) => reply.error_bytes(&[b"ERR Unknown node ", id].concat()),
            (is_master, _) => answer(is_master, reply),
        }
    }
}

/// Answers a command of cluster-mode clients; false if it is none. `address` is where the client is connected.
pub(super) fn answer(
    spec: &Spec,
    args: Args<'_>,
    (shared, address): (&Shared, &str),
    reply: &mut Reply<'_>,
) -> bool {
    match spec.name {
        "readonly" | "readwrite" | "asking" => reply.ok(),
        "cluster|keyslot" => reply.int(i64::from(HashSlot::of(&args[2]).number())),
        "cluster|links" => reply.array(0),
        name if name.starts_with("cluster|") => {
            return of_proxies(spec, args, (shared, &Proxies::at(address, shared)), reply);
        }
        _ => return false,
    }
    true
}

fn of_proxies(
    spec: &Spec,
    args: Args<'_>,
    (shared, proxies): (&Shared, &Proxies),
    reply: &mut Reply<'_>,
) -> bool {
    match spec.name {
        "cluster|myid" => reply.bulk(proxies.master.id.as_bytes()),
        "cluster|info" => reply.verbatim("txt", info(shared, 1 + proxies.replicas.len()).as_bytes()),
        "cluster|nodes" => {
            let lines: String = proxies.lines(epoch(shared)).map(|line| line + "\n").collect();
            reply.verbatim("txt", lines.as_bytes());
        }
        "cluster|slots" => slots(proxies, reply),
        "cluster|shards" => shards(proxies, reply),
        "cluster|replicas" | "cluster|slaves" => proxies.of_node(&args[2], reply, |is_master, reply| {
            if !is_master {
                return reply.error("ERR The specified node is not a master");
            }
            reply.array(proxies.replicas.len());
            proxies.lines(epoch(shared)).skip(1).for_each(|line| reply.bulk(line.as_bytes()));
        }),
        "cluster|count-failure-reports" => proxies.of_node(&args[2], reply, |_, reply| reply.int(0)),
        _ => return false,
    }
    true
}

fn epoch(shared: &Shared) -> u64 {
    let published = shared.published().map(|published| published.status().epoch.0);
    published.unwrap_or_else(|| shared.topology.load().epoch().0)
}

fn info(shared: &Shared, proxies: usize) -> String {
    let lost = shared.published().map_or(0, |published| match published.view() {
        Some(_) => published.status().progress.slots_lost,
        None => SLOT_COUNT as u64,
    });
    let (state, epoch) = (if lost == 0 { "ok" } else { "fail" }, epoch(shared));
    let mut text = format!("cluster_state:{state}\r\ncluster_slots_assigned:{SLOT_COUNT}\r\n");
    let numbers = [
        ("slots_ok", SLOT_COUNT as u64 - lost),
        ("slots_pfail", 0),
        ("slots_fail", lost),
        ("known_nodes", proxies as u64),
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
fn slots(proxies: &Proxies, reply: &mut Reply<'_>) {
    reply.array(1);
    reply.array(3 + proxies.replicas.len());
    reply.int(0);
    reply.count(SLOT_COUNT - 1);
    for member in std::iter::once(&proxies.master).chain(&proxies.replicas) {
        reply.array(4);
        reply.bulk(member.host.as_bytes());
        reply.int(i64::from(member.port));
        reply.bulk(member.id.as_bytes());
        reply.array(0);
    }
}

/// `CLUSTER SHARDS`: one shard.
fn shards(proxies: &Proxies, reply: &mut Reply<'_>) {
    reply.array(1);
    reply.map(2);
    reply.bulk(b"slots");
    reply.array(2);
    reply.int(0);
    reply.count(SLOT_COUNT - 1);
    reply.bulk(b"nodes");
    reply.array(1 + proxies.replicas.len());
    shard_node(&proxies.master, "master", reply);
    proxies.replicas.iter().for_each(|replica| shard_node(replica, "replica", reply));
}

fn shard_node(member: &Member, role: &str, reply: &mut Reply<'_>) {
    reply.map(7);
    let Member { host, id, .. } = member;
    for (name, text) in
        [("id", &**id), ("ip", host), ("endpoint", host), ("role", role), ("health", "online")]
    {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    reply.bulk(b"port");
    reply.int(i64::from(member.port));
    reply.bulk(b"replication-offset");
    reply.int(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_always_has_the_same_id() {
        let [one, other] = ["10.0.0.1:6379", "10.0.0.2:6379"].map(id_of);
        assert_eq!(one, id_of("10.0.0.1:6379"));
        assert!(one != other && one.len() == 40 && one.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
}
