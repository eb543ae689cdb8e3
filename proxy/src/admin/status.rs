//! `/status.json`: all that this proxy knows of itself and of its cluster, for the dashboard and for programs; and
//! `/slots.json`: the chain of every slot. docs/OPERATIONS.md has their fields.

mod nodes;
mod slots;

use std::collections::BTreeSet;
use std::sync::Arc;

use ringmaster_protocol::cluster_file::{Ack, ReadFrom};
use serde_json::{Value, json};

use super::asking::Asking;
use crate::clock;
use crate::cluster::Topology;
use crate::cluster::controller::{Problem, Status};
use crate::cluster::moves::Moves;
use crate::cluster::standing::Standing;
use crate::cluster::target;
use crate::shared::Shared;
use crate::telemetry::Second;
use slots::{ALL, Counted, Slots};

/// Chains that `/status.json` names, those with most slots; `/slots.json` names all.
const CHAINS_TOLD: usize = 512;

/// Slow calls that are told, over all nodes.
const SLOW_CALLS_TOLD: usize = 16;

/// The pages of the status.
#[derive(Default)]
pub(super) struct StatusPages {
    asking: Asking,
    counted: Counted,
}

/// What is looked at for one page.
struct Look<'s> {
    shared: &'s Shared,
    topology: Arc<Topology>,
    /// How the cluster stands, where slots are served by views.
    status: Option<Arc<Status>>,
    slots: Arc<Slots>,
    /// Whether slots are served by a view, which may be awaited still.
    by_views: bool,
    has_view: bool,
}

impl StatusPages {
    /// Asks the nodes how they are, unless they were asked a moment ago.
    pub(super) async fn ask_nodes(&self, shared: &Shared) {
        let topology = shared.topology.load_full();
        let listed = topology.nodes().iter().map(|node| node.address.to_string());
        let view = shared.published().and_then(|published| published.view());
        let members: Vec<String> =
            view.iter().flat_map(|view| view.members()).map(|member| member.address.to_string()).collect();
        let addresses: BTreeSet<String> = listed.chain(members).collect();
        self.asking.ask(shared, addresses.into_iter()).await;
    }

    fn look<'s>(&self, shared: &'s Shared) -> Look<'s> {
        let topology = shared.topology.load_full();
        let published = shared.published();
        let status = published.map(|published| published.status());
        let view = published.and_then(|published| published.view());
        let target = published.and_then(|published| published.target());
        let (by_views, has_view) = (published.is_some(), view.is_some());
        let slots = self.counted.slots(&topology, view, target);
        Look { shared, topology, status, slots, by_views, has_view }
    }

    /// `/status.json`.
    pub(super) fn whole(&self, shared: &Shared) -> String {
        let look = self.look(shared);
        let answers = self.asking.answers();
        let nodes = nodes::of(&look, &answers);
        let page = json!({
            "at_ms": millis(shared),
            "proxy": look.proxy(),
            "cluster": look.cluster(),
            "file": look.file(),
            "nodes": nodes,
            "slots": look.slots(),
            "chains": &look.slots.chains.iter().take(CHAINS_TOLD).map(without_ranges).collect::<Vec<_>>(),
            "chains_left_out": look.slots.chains.len().saturating_sub(CHAINS_TOLD),
            "rebalancing": look.rebalancing(&answers),
            "hot_keys": hot_keys(shared),
            "slow_log": nodes::slow_log(&look, &answers, SLOW_CALLS_TOLD),
            "history": shared.history.seconds().iter().map(second).collect::<Vec<_>>(),
        });
        page.to_string()
    }

    /// `/slots.json`.
    pub(super) fn slots(&self, shared: &Shared) -> String {
        let look = self.look(shared);
        json!({ "epoch": look.slots.epoch.0, "chains": look.slots.chains }).to_string()
    }
}

impl Look<'_> {
    fn proxy(&self) -> Value {
        let shared = self.shared;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "run_id": shared.run_id,
            "port": shared.port(),
            "threads": shared.config.threads,
            "uptime_seconds": shared.now().saturating_sub(shared.started_at).as_secs(),
            "clients": shared.sum(|metrics| &metrics.clients),
            "clients_max": shared.clients_max(),
            "commands_total": shared.sum(|metrics| &metrics.commands),
        })
    }

    fn cluster(&self) -> Value {
        let file = self.topology.file();
        let lease = self.shared.published().map(|published| published.lease());
        let left = lease.map(|lease| lease.until.saturating_sub(clock::now()));
        let problems = self.status.iter().flat_map(|status| &status.problems);
        let problem = |problem: &Problem| json!({ "node": problem.node.as_ref().map(ToString::to_string), "text": problem.text });
        json!({
            "name": file.cluster,
            "replicas": file.replicas,
            "min_in_sync": file.min_in_sync,
            "ack": match file.ack { Ack::All => "all", Ack::Head => "head" },
            "read_from": match file.read_from { ReadFrom::Tail => "tail", ReadFrom::Any => "any" },
            "placed_by": if self.by_views { "view" } else { "file" },
            "has_view": self.has_view || !self.by_views,
            "epoch": self.slots.epoch.0,
            "lease": left.map(|left| json!({ "held": !left.is_zero(), "left_ms": left.as_millis() as u64 })),
            "moves_slots": self.status.as_ref().is_some_and(|status| status.moves_slots),
            "is_at_fault": self.status.as_ref().is_some_and(|status| status.is_at_fault),
            "problems": problems.map(problem).collect::<Vec<_>>(),
        })
    }

    fn file(&self) -> Value {
        let (shared, file) = (self.shared, self.topology.file());
        // What the control thread said of an earlier file says nothing of this one.
        let status = self.status.as_ref().filter(|status| status.config == target::digest(file));
        let standing = status.and_then(|status| status.standing.as_ref());
        let error = shared.reloads.last_error();
        json!({
            "path": shared.config.cluster.display().to_string(),
            "version": file.version,
            "is_followed": error.is_none() && standing.is_none_or(Standing::is_in_force),
            "standing": standing.map(ToString::to_string),
            "error": error.as_ref().map(|error| &***error),
            "reloads": shared.reloads.reloads_total(),
            "failures": shared.reloads.reload_failures_total(),
        })
    }

    fn slots(&self) -> Value {
        let lost = match &self.status {
            None => 0,
            Some(_) if !self.has_view => ALL as u64,
            Some(status) => status.progress.slots_lost,
        };
        json!({
            "total": ALL,
            "whole": if lost == ALL as u64 { 0 } else { self.slots.whole },
            "short": ALL - self.slots.whole,
            "joining": self.slots.joining,
            "lost": lost,
        })
    }

    fn rebalancing(&self, answers: &nodes::Answers) -> Value {
        let progress = self.status.as_ref().map(|status| status.progress).unwrap_or_default();
        let pairs = self.slots.moves.iter().flat_map(Moves::pairs);
        let moves = pairs.map(|((from, to), (slots, begun))| {
            let (keys, bytes) = nodes::mean_of_slots(self, answers, from.as_str(), slots);
            json!({
                "from": from.as_str(), "to": to.as_str(), "slots": slots, "begun": begun, "keys": keys, "bytes": bytes,
            })
        });
        json!({
            "slots_to_do": progress.slots_to_do,
            "copies": progress.copies,
            "copied_bytes": progress.copied_bytes,
            "bytes_per_second": progress.bytes_per_second,
            "slots_per_minute": progress.slots_per_minute,
            "seconds_left": progress.seconds_left(),
            "moves": moves.collect::<Vec<_>>(),
        })
    }
}

fn millis(shared: &Shared) -> u64 {
    u64::try_from(shared.now().as_millis()).unwrap_or(u64::MAX)
}

fn without_ranges(chain: &slots::ChainOfSlots) -> Value {
    json!({ "nodes": chain.nodes, "in_sync": chain.in_sync, "slots": chain.slots })
}

fn hot_keys(shared: &Shared) -> Vec<Value> {
    let keys = shared.hot_keys.hottest();
    let told = keys.iter().map(|key| {
        json!({
            "key": key.key.escape_ascii().to_string(),
            "database": key.database,
            "commands_per_second": key.per_second.round(),
            "share": key.share,
            "writes": key.writes,
        })
    });
    told.collect()
}

fn second(second: &Second) -> Value {
    let Second { at_ms, commands, input_bytes, output_bytes, refused, p50, p99, samples } = *second;
    json!({
        "at_ms": at_ms,
        "commands": commands.round(),
        "input_bytes": input_bytes.round(),
        "output_bytes": output_bytes.round(),
        "refused": refused.round(),
        "p50_us": p50,
        "p99_us": p99,
        "samples": samples,
    })
}
