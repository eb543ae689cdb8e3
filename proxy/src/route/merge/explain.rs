//! `RM.EXPLAIN`: what the proxy knows of a key, and what its node answered.

use std::fmt::Write as _;

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;
use serde_json::{Map, Value, json};

/// What a node is asked of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether it exists, and as what.
    Type,
    /// How long yet.
    TimeToLive,
    /// How many bytes it takes.
    Bytes,
}

impl Question {
    /// All, in the order in which they are asked.
    pub(crate) const ALL: [Self; 3] = [Self::Type, Self::TimeToLive, Self::Bytes];

    /// The name of the command in the table.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::TimeToLive => "pttl",
            Self::Bytes => "memory|usage",
        }
    }

    /// The words of the question about a key.
    pub(crate) fn words(self, key: &[u8]) -> Vec<&[u8]> {
        self.command().split('|').map(str::as_bytes).chain([key]).collect()
    }

    /// The field of the answer, and the answer; `None` for what is no answer to it.
    fn read(self, part: &[u8]) -> Option<(&'static str, Value)> {
        let integer = || super::integer(part);
        Some(match self {
            Self::Type => {
                let name = std::str::from_utf8(part.strip_prefix(b"+")?.strip_suffix(b"\r\n")?).ok()?;
                ("type", if name == "none" { Value::Null } else { json!(name) })
            }
            // -1: it does not end; -2: there is no key.
            Self::TimeToLive => ("ttl_ms", json!(u64::try_from(integer()?).ok())),
            Self::Bytes if super::is_null(part) => ("bytes", Value::Null),
            Self::Bytes => ("bytes", json!(integer()?)),
        })
    }
}

/// What is to be made one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Explained {
    /// What the proxy knows.
    pub(crate) facts: Value,
    /// What was asked, in the order of the parts; what the user may not ask is not in it.
    pub(crate) questions: Vec<Question>,
    pub(crate) wants_json: bool,
    pub(crate) protocol: Protocol,
}

impl Explained {
    /// The reply; a part that is an error is a question without an answer.
    pub(super) fn merge(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut value = Map::new();
        for (question, part) in self.questions.iter().zip(parts) {
            if let Some((name, answer)) = question.read(part) {
                value.insert(name.to_owned(), answer);
            } else {
                let why = String::from_utf8_lossy(part.strip_prefix(b"-").unwrap_or(b"a strange reply"));
                value.insert("error".to_owned(), json!(why.trim_end()));
            }
        }
        if let Some(kind) = value.get("type") {
            let exists = !kind.is_null();
            value.insert("exists".to_owned(), json!(exists));
        }
        let hidden = Question::ALL.iter().filter(|question| !self.questions.contains(question));
        let hidden: Vec<&str> = hidden.map(|question| question.command()).collect();
        if !hidden.is_empty() {
            value.insert("not_permitted".to_owned(), json!(hidden));
        }
        let mut facts = self.facts.clone();
        facts["value"] = Value::Object(value);
        let mut reply = Vec::new();
        let mut writer = Reply::new(&mut reply, self.protocol);
        if self.wants_json {
            writer.bulk(facts.to_string().as_bytes());
        } else {
            writer.verbatim("txt", text(&facts).as_bytes());
        }
        reply
    }
}

/// For people: a line a fact.
fn text(facts: &Value) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        // A String takes all.
        let _ = writeln!(out, "{name:<10} {value}");
    };
    let word = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    line("key", format!("{} in database {}", word(&facts["key"]), facts["database"]));
    let tag = facts["hash_tag"].as_str().map(|tag| format!(", by the hash tag {tag}")).unwrap_or_default();
    line("slot", format!("{}{tag}", facts["slot"]));
    line("value", value(&facts["value"]));
    line("placed", placed(facts));
    for entry in facts["chain"].as_array().into_iter().flatten() {
        let health = match (entry["reached"].as_bool(), entry["reason"].as_str()) {
            (Some(true), _) => "reached".to_owned(),
            (_, Some(reason)) => format!("not reached: {reason}"),
            _ => "not connected yet".to_owned(),
        };
        line(
            "",
            format!(
                "{}: {} at {}, {health}",
                word(&entry["role"]),
                word(&entry["node"]),
                word(&entry["address"])
            ),
        );
    }
    if let Some(wanted) = facts["wanted"].as_array() {
        let names: Vec<String> = wanted.iter().map(&word).collect();
        let moves = if facts["is_moving"] == true { "wanted on" } else { "where it is wanted:" };
        line("rebalance", format!("{moves} {}", names.join(", ")));
    }
    if !facts["writes_to"].is_null() {
        let readers: Vec<String> = facts["reads_from"].as_array().into_iter().flatten().map(&word).collect();
        line("reads", format!("go to {}", readers.join(" or ")));
        line(
            "writes",
            format!("go to {}, acknowledged {}", word(&facts["writes_to"]), word(&facts["acknowledged"])),
        );
    }
    line("hot", hot(&facts["hot"]));
    line("limits", limits(&facts["limits"]));
    out
}

fn value(value: &Value) -> String {
    if let Some(error) = value["error"].as_str() {
        return format!("its node does not tell: {error}");
    }
    let mut parts = Vec::new();
    match (value["exists"].as_bool(), value["type"].as_str()) {
        (Some(true), Some(kind)) => parts.push(kind.to_owned()),
        (Some(false), _) => return "there is no such key".to_owned(),
        _ => {}
    }
    parts.extend(value["bytes"].as_u64().map(|bytes| format!("{bytes} bytes")));
    parts.extend(match value.get("ttl_ms") {
        Some(Value::Null) if value["exists"] == true => Some("does not expire".to_owned()),
        Some(left) if left.is_u64() => Some(format!("expires in {left} ms")),
        _ => None,
    });
    let hidden: Vec<&str> =
        value["not_permitted"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !hidden.is_empty() {
        parts.push(format!("the user may not ask: {}", hidden.join(", ").replace('|', " ")));
    }
    parts.join(", ")
}

fn placed(facts: &Value) -> String {
    let by = if facts["placed_by"] == "view" { "by view" } else { "by cluster.yaml, version" };
    let lease = match facts["lease_held"].as_bool() {
        None => "",
        Some(true) => ", the lease is held",
        Some(false) => ", the lease is not held: nothing is answered",
    };
    if facts["epoch"].is_null() {
        format!("no view yet{lease}")
    } else {
        format!("{by} {}{lease}", facts["epoch"])
    }
}

fn hot(hot: &Value) -> String {
    if hot.is_null() {
        return "no".to_owned();
    }
    let percent = |of: &Value| format!("{:.1}%", 100.0 * of.as_f64().unwrap_or(0.0));
    let (share, writes) = (percent(&hot["share"]), percent(&hot["writes"]));
    format!(
        "yes: {} commands/s at this proxy, {share} of all, {writes} of them writes",
        hot["commands_per_second"]
    )
}

fn limits(limits: &Value) -> String {
    let mut text = format!(
        "{} bytes and {} arguments a command, {} under way a connection, {} ms for a node",
        limits["request_bytes"], limits["arguments"], limits["pipeline"], limits["deadline_ms"]
    );
    let user = &limits["user"];
    for (name, unit) in [
        ("commands_per_second", "commands/s"),
        ("bytes_per_second", "bytes/s"),
        ("in_flight_max", "under way"),
    ] {
        if !user[name].is_null() {
            let _ =
                write!(text, "; user {}: {} {unit}", user["name"].as_str().unwrap_or_default(), user[name]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(questions: &[Question], wants_json: bool) -> Explained {
        let facts =
            json!({ "key": "k", "database": 0, "slot": 12, "placed_by": "file", "epoch": 3, "hot": null });
        Explained { facts, questions: questions.to_vec(), wants_json, protocol: Protocol::Resp2 }
    }

    fn value_of(reply: &[u8]) -> Value {
        let text = String::from_utf8(reply.to_vec()).unwrap();
        let facts: Value = serde_json::from_str(text.split_once("\r\n").unwrap().1.trim()).unwrap();
        facts["value"].clone()
    }

    #[test]
    fn what_the_node_says_is_added_to_what_the_proxy_knows() {
        let all = explained(&Question::ALL, true);
        let there = value_of(&all.merge(&[b"+hash\r\n", b":1500\r\n", b":96\r\n"]));
        assert_eq!(there, json!({ "type": "hash", "exists": true, "ttl_ms": 1500, "bytes": 96 }));
        let none = value_of(&all.merge(&[b"+none\r\n", b":-2\r\n", b"$-1\r\n"]));
        assert_eq!(none, json!({ "type": null, "exists": false, "ttl_ms": null, "bytes": null }));
        let lost = value_of(&all.merge(&[b"-ERR gone\r\n", b":-1\r\n", b"*0\r\n"]));
        assert_eq!(lost["error"], "a strange reply");
    }

    #[test]
    fn what_a_user_may_not_ask_is_told_as_such() {
        let few = explained(&[Question::TimeToLive], true);
        let value = value_of(&few.merge(&[b":-1\r\n"]));
        assert_eq!(value, json!({ "ttl_ms": null, "not_permitted": ["type", "memory|usage"] }));
        let text = String::from_utf8(explained(&[], false).merge(&[])).unwrap();
        assert!(text.contains("the user may not ask: type, pttl, memory usage"), "{text}");
    }
}
