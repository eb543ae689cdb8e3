//! What a proxy knows of a key without asking anybody.

use ringmaster_protocol::cluster_file::{Ack, ClusterFile, ReadFrom, UserLimits};
use ringmaster_protocol::slot::{HashSlot, hash_tag};
use ringmaster_protocol::view::{Chain, View};
use serde_json::{Value, json};

use crate::clock;
use crate::shared::Shared;

/// All of it, as an object.
pub(super) fn of(shared: &Shared, key: &[u8], database: u8, user: &[u8]) -> Value {
    let topology = shared.topology.load();
    let (file, slot) = (topology.file(), HashSlot::of(key));
    let published = shared.published();
    let view = published.and_then(|published| published.view());
    let tag = hash_tag(key);
    let mut facts = json!({
        "key": shown(key),
        "database": database,
        "slot": slot.number(),
        "hash_tag": (tag.len() < key.len()).then(|| shown(tag)),
        "placed_by": if published.is_some() { "view" } else { "file" },
        "lease_held": published.map(|published| clock::now() < published.lease().until),
        "limits": limits(shared, file, user),
        "hot": hot(shared, key, database),
    });
    // By views nothing is served before there is one.
    let view = if published.is_some() { view.as_deref() } else { Some(topology.view()) };
    let Some(view) = view else {
        facts["epoch"] = Value::Null;
        return facts;
    };
    let chain = view.chain(slot);
    let names: Vec<&str> =
        chain.entries.iter().map(|entry| view.member(entry.member).name.as_str()).collect();
    let target = published.and_then(|published| published.target());
    let wanted = target.map(|target| target.chain(slot).map(ToString::to_string).collect::<Vec<_>>());
    let is_moving = wanted.as_ref().is_some_and(|wanted| {
        wanted.len() != names.len() || wanted.iter().any(|name| !names.contains(&name.as_str()))
    });
    let reads_any = published.is_some() && file.read_from == ReadFrom::Any;
    let readers = if reads_any { &names[..chain.in_sync] } else { &names[chain.in_sync - 1..chain.in_sync] };
    facts["epoch"] = json!(view.epoch().0);
    facts["chain"] = entries(shared, view, chain);
    facts["wanted"] = json!(wanted);
    facts["is_moving"] = json!(is_moving);
    facts["reads_from"] = json!(readers);
    facts["writes_to"] = json!(names[0]);
    facts["acknowledged"] =
        json!(if chain.entries.len() > 1 && file.ack == Ack::All { "by all" } else { "by the head" });
    facts
}

fn entries(shared: &Shared, view: &View, chain: &Chain) -> Value {
    let seen = shared.nodes.all();
    let entry = |(place, entry): (usize, &ringmaster_protocol::view::Entry)| {
        let member = view.member(entry.member);
        let (name, address) = (member.name.as_str(), member.address.to_string());
        let node = seen.iter().find(|node| node.name() == name && node.address() == address);
        let role = match place {
            _ if place >= chain.in_sync => "joining",
            0 if chain.in_sync == 1 => "head and tail",
            0 => "head",
            _ if place + 1 == chain.in_sync => "tail",
            _ => "middle",
        };
        json!({
            "node": name,
            "address": address,
            "role": role,
            "reached": node.map(|node| node.reached().is_ok()),
            "reason": node.and_then(|node| node.reached().err()),
        })
    };
    chain.entries.iter().enumerate().map(entry).collect()
}

fn limits(shared: &Shared, file: &ClusterFile, user: &[u8]) -> Value {
    let listed = file.users.iter().find(|known| known.name.as_bytes() == user);
    let UserLimits { commands, bytes, in_flight } = listed.map(|user| user.limits).unwrap_or_default();
    let bound = |number: u64| (number > 0).then_some(number);
    let quotas = shared.quotas.load();
    json!({
        "request_bytes": file.limits.request.bytes(),
        "arguments": file.limits.arguments,
        "pipeline": file.limits.pipeline,
        "deadline_ms": file.timeouts.request.duration().as_millis() as u64,
        "user": {
            "name": shown(user),
            "commands_per_second": bound(commands),
            "bytes_per_second": bound(bytes.bytes()),
            "in_flight_max": bound(in_flight as u64),
            "in_flight": quotas.get(user).map(|quota| quota.in_flight()),
        },
    })
}

fn hot(shared: &Shared, key: &[u8], database: u8) -> Option<Value> {
    let keys = shared.hot_keys.hottest();
    let found = keys.iter().find(|hot| *hot.key == *key && hot.database == database)?;
    Some(json!({
        "commands_per_second": found.per_second.round(),
        "share": found.share,
        "writes": found.writes,
    }))
}

/// Bytes as text: those that are no printable ASCII escaped.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
