//! Settings with one value: what a Redis can be told to do and this node does, or does not do, in any case.
//!
//! Clients and test suites read them, and set them to what they want to rely on. So one that Redis lets change may be
//! "changed" to the value that it has, and to nothing else; the truth is never hidden by an OK.

use super::{Change, Prepare, Row};
use crate::config::Persistence;
use crate::server::shared::Shared;

/// A setting that Redis, too, does not change while it runs.
const fn immutable(name: &'static str, read: fn(&Shared) -> String) -> Row {
    Row { name, read, prepare: None }
}

/// A setting that is kept at what the node was started with.
const fn kept_as_set(name: &'static str, read: fn(&Shared) -> String, prepare: Prepare) -> Row {
    Row { name, read, prepare: Some(prepare) }
}

/// Whether there is a log, in Redis's words.
fn logs(shared: &Shared) -> &'static str {
    if shared.config.persistence == Persistence::Wal { "yes" } else { "no" }
}

/// A setting that is kept at `$value`.
macro_rules! kept {
    ($name:literal, $value:literal) => {
        Row { name: $name, read: |_| $value.to_owned(), prepare: Some(|_, value| only($value, value)) }
    };
}

/// Nothing to do, if `value` is the value that is kept.
fn only(kept: &str, value: &[u8]) -> Result<Change, String> {
    if value.eq_ignore_ascii_case(kept.as_bytes()) {
        return Ok(Box::new(|_| {}));
    }
    Err(format!("this server keeps it at '{kept}'"))
}

/// The rows.
pub(super) const ROWS: &[Row] = &[
    immutable("aclfile", |_| String::new()),
    immutable("bind", |shared| shared.config.listen.ip().to_string()),
    immutable("cluster-enabled", |_| "no".to_owned()),
    immutable("daemonize", |_| "no".to_owned()),
    immutable("databases", |_| ringmaster_protocol::session::DATABASES.to_string()),
    immutable("dbfilename", |_| "dump.rdb".to_owned()),
    immutable("dir", |shared| shared.config.data_dir.display().to_string()),
    immutable("enable-debug-command", |_| "yes".to_owned()),
    immutable("enable-module-command", |_| "no".to_owned()),
    immutable("io-threads", |shared| shared.config.threads.to_string()),
    immutable("io-threads-do-reads", |_| "yes".to_owned()),
    immutable("logfile", |_| String::new()),
    immutable("pidfile", |_| String::new()),
    immutable("port", |shared| shared.address.get().map_or(0, std::net::SocketAddr::port).to_string()),
    immutable("supervised", |_| "no".to_owned()),
    immutable("tcp-backlog", |_| ringmaster_runtime::BACKLOG.to_string()),
    immutable("unixsocket", |_| String::new()),
    kept!("activedefrag", "no"),
    kept!("active-expire-effort", "1"),
    kept_as_set(
        "appendfsync",
        |shared| shared.config.fsync.name().to_owned(),
        |shared, value| only(shared.config.fsync.name(), value),
    ),
    kept_as_set("appendonly", |shared| logs(shared).to_owned(), |shared, value| only(logs(shared), value)),
    kept!("dynamic-hz", "no"),
    kept!("hz", "20"),
    kept!("masterauth", ""),
    kept!("masteruser", ""),
    kept!("maxmemory-clients", "0"),
    kept!("min-replicas-to-write", "0"),
    kept!("min-slaves-to-write", "0"),
    kept!("protected-mode", "no"),
    kept!("rdbchecksum", "yes"),
    kept!("rdbcompression", "yes"),
    kept!("replica-read-only", "yes"),
    kept!("replica-serve-stale-data", "yes"),
    kept!("replicaof", ""),
    kept!("requirepass", ""),
    kept!("save", ""),
    kept!("slave-read-only", "yes"),
    kept!("slave-serve-stale-data", "yes"),
    kept!("slaveof", ""),
    kept!("stop-writes-on-bgsave-error", "no"),
    kept!("tcp-keepalive", "300"),
    kept!("tls-port", "0"),
];
