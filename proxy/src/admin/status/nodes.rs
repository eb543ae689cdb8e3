//! The nodes of `/status.json`: what the view or the file says of each, what this proxy sees, and what the node says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Look;
use crate::admin::asking::{Answer, Figures, Said, SlowCall};

/// What the nodes said last, by address.
pub(super) type Answers = BTreeMap<String, Arc<Said>>;

/// A node as the file or the view names it.
struct Named {
    name: String,
    address: String,
    zone: String,
    weight: u32,
    is_drained: bool,
    is_listed: bool,
}

/// All nodes, by name.
pub(super) fn of(look: &Look<'_>, answers: &Answers) -> Vec<Value> {
    named(look).iter().map(|node| row(look, node, answers)).collect()
}

fn named(look: &Look<'_>) -> Vec<Named> {
    let listed = look.topology.nodes();
    let view = look.shared.published().and_then(|published| published.view());
    let is_drained = |name: &str| {
        let members = view.iter().flat_map(|view| view.members());
        let mut drained = members.filter(|member| member.word == ringmaster_protocol::view::Word::Drain);
        drained.any(|member| member.name.as_str() == name)
    };
    let mut nodes: Vec<Named> = listed
        .iter()
        .map(|node| Named {
            name: node.name.to_string(),
            address: node.address.to_string(),
            zone: node.zone.clone(),
            weight: node.weight,
            is_drained: is_drained(node.name.as_str()),
            is_listed: true,
        })
        .collect();
    let known: BTreeSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
    let others = view.iter().flat_map(|view| view.members());
    nodes.extend(others.filter(|member| !known.contains(member.name.as_str())).map(|member| Named {
        name: member.name.to_string(),
        address: member.address.to_string(),
        zone: member.zone.clone(),
        weight: member.weight,
        is_drained: is_drained(member.name.as_str()),
        is_listed: false,
    }));
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    nodes
}

fn row(look: &Look<'_>, node: &Named, answers: &Answers) -> Value {
    let share = look.slots.shares.get(&node.name).copied().unwrap_or_default();
    let said = answers.get(&node.address).map(|said| &**said);
    let (health, reason) = health(look, node, said);
    let figures = said.and_then(|said| said.as_ref().ok()).map(|answer| figures(&answer.figures));
    json!({
        "name": node.name,
        "address": node.address,
        "zone": node.zone,
        "weight": node.weight,
        "is_listed": node.is_listed,
        "is_drained": node.is_drained,
        "health": health,
        "reason": reason,
        "slots": share,
        "figures": figures,
    })
}

/// How a node is, and why where it is not well. A node that commands do not reach is worse than one that does not say how it
/// is; one that holds no slot any more since it is gone was removed.
fn health(look: &Look<'_>, node: &Named, said: Option<&Said>) -> (&'static str, Option<String>) {
    let seen = look.shared.nodes.all();
    let seen = seen.iter().find(|seen| seen.name() == node.name && seen.address() == node.address);
    let share = look.slots.shares.get(&node.name).copied().unwrap_or_default();
    let holds = share.copies + share.joining > 0;
    let problems = look.status.iter().flat_map(|status| &status.problems);
    let mut problems =
        problems.filter(|problem| problem.node.as_ref().is_some_and(|name| name.as_str() == node.name));
    let problem = problems.next().map(|problem| problem.text.clone());
    let unreached = seen.and_then(|seen| seen.reached().err());
    match (said, unreached) {
        (Some(Ok(answer)), None) if answer.figures.number("loading") == Some(1) => {
            ("loading", Some("reads its data".to_owned()))
        }
        (Some(Ok(_)), None) => ("reached", problem),
        (Some(Ok(_)), Some(reason)) if reason == "not connected yet" => ("reached", problem),
        (Some(Ok(_)), Some(reason)) => ("suspected", Some(reason)),
        (Some(Err(error)), reason) => {
            let is_gone = look.by_views && look.has_view && !holds && node.weight > 0;
            let reason = reason.filter(|reason| reason != "not connected yet");
            (if is_gone { "removed" } else { "suspected" }, Some(reason.unwrap_or_else(|| error.clone())))
        }
        (None, Some(reason)) => ("suspected", Some(reason)),
        (None, None) => ("unknown", None),
    }
}

fn figures(figures: &Figures) -> Value {
    let number = |name| figures.number(name);
    let (hits, misses) = (number("keyspace_hits"), number("keyspace_misses"));
    let total = hits.unwrap_or(0) + misses.unwrap_or(0);
    let curve = figures.fraction("miss_percent").map(|same| {
        json!({
            "half": figures.fraction("miss_percent_with_half_the_memory"),
            "same": same,
            "twice": figures.fraction("miss_percent_with_twice_the_memory"),
            "four_times": figures.fraction("miss_percent_with_four_times_the_memory"),
        })
    });
    json!({
        "version": figures.text("ringmaster_version"),
        "uptime_seconds": number("uptime_in_seconds"),
        "clients": number("connected_clients"),
        "used_memory": number("used_memory"),
        "used_memory_rss": number("used_memory_rss"),
        "maxmemory": number("maxmemory"),
        "maxmemory_policy": figures.text("maxmemory_policy"),
        "keys": figures.keys(),
        "commands_per_second": number("instantaneous_ops_per_sec"),
        "commands_total": number("total_commands_processed"),
        "hits": hits,
        "misses": misses,
        "hit_ratio": (total > 0).then(|| hits.unwrap_or(0) as f64 / total as f64),
        "evicted_keys": number("evicted_keys"),
        "expired_keys": number("expired_keys"),
        "log": {
            "is_on": number("aof_enabled") == Some(1),
            "state": figures.text("aof_last_write_status"),
            "bytes": number("aof_current_size"),
        },
        "longest_turn_us": number("longest_turn_usec"),
        "miss_curve": curve,
    })
}

/// Keys and bytes of so many slots of a node, as its slots have them in the mean.
pub(super) fn mean_of_slots(look: &Look<'_>, answers: &Answers, node: &str, slots: usize) -> (u64, u64) {
    let share = look.slots.shares.get(node).copied().unwrap_or_default();
    let address = named(look).into_iter().find(|named| named.name == node).map(|named| named.address);
    let said = address.and_then(|address| answers.get(&address).cloned());
    let Some(Ok(answer)) = said.as_deref() else { return (0, 0) };
    let held = (share.copies + share.joining).max(1) as f64;
    let part = |number: u64| (number as f64 * slots as f64 / held).round() as u64;
    (part(answer.figures.keys()), part(answer.figures.number("used_memory").unwrap_or(0)))
}

/// The latest slow calls of all nodes, newest first.
pub(super) fn slow_log(look: &Look<'_>, answers: &Answers, count: usize) -> Vec<Value> {
    let nodes = named(look);
    let answered = nodes.iter().filter_map(|node| match answers.get(&node.address).map(|said| &**said) {
        Some(Ok(answer)) => Some((node, answer)),
        _ => None,
    });
    let of = |(node, answer): (&'_ Named, &'_ Answer)| {
        let calls: Vec<(String, SlowCall)> =
            answer.slow_calls.iter().map(|call| (node.name.clone(), call.clone())).collect();
        calls
    };
    let mut calls: Vec<(String, SlowCall)> = answered.flat_map(of).collect();
    calls.sort_by_key(|(_, call)| std::cmp::Reverse(call.at));
    calls.truncate(count);
    let told = calls.into_iter().map(|(node, call)| {
        json!({
            "node": node,
            "at": call.at,
            "micros": call.micros,
            "words": call.words,
            "words_left_out": call.left_out,
            "client": call.client,
        })
    });
    told.collect()
}
