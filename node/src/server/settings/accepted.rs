//! Settings that are kept and shown, and change nothing: thresholds and habits of Redis's own that have no counterpart
//! here, which clients and test suites set all the same. Values are checked as in Redis. docs/CONFIGURATION.md says
//! what this server does whatever they say.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ringmaster_runtime::logging;

use super::{Change, Row, parse};
use crate::server::shared::Shared;

/// The values that were set; a name that is not there has its default.
#[derive(Debug, Default)]
pub(crate) struct Accepted(Mutex<BTreeMap<&'static str, String>>);

impl Accepted {
    fn value(&self, name: &str, default: &str) -> String {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(name).map_or_else(|| default.to_owned(), Clone::clone)
    }

    fn keep(&self, name: &'static str, value: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value);
    }
}

/// What is to be done to keep `value` under `name`.
fn keeping(name: &'static str, value: String) -> Change {
    Box::new(move |shared: &Shared| shared.accepted.keep(name, value))
}

/// A row `$name`, whose value is kept under `$kept` and read by `$parse`, which gives it as it is shown.
macro_rules! row {
    ($name:literal as $kept:literal, $default:literal, $parse:expr) => {
        Row {
            name: $name,
            read: |shared| shared.accepted.value($kept, $default),
            prepare: Some(|_, value| {
                let parse: fn(&[u8]) -> Result<String, String> = $parse;
                Ok(keeping($kept, parse(value)?))
            }),
        }
    };
    ($name:literal, $default:literal, $parse:expr) => {
        row!($name as $name, $default, $parse)
    };
}

fn long(value: &[u8]) -> Result<String, String> {
    parse::integer(value, 0..=i64::MAX).map(|number| number.to_string())
}

fn natural(value: &[u8]) -> Result<String, String> {
    parse::integer(value, 0..=i64::from(i32::MAX)).map(|number| number.to_string())
}

fn any(value: &[u8]) -> Result<String, String> {
    parse::integer(value, i64::from(i32::MIN)..=i64::from(i32::MAX)).map(|number| number.to_string())
}

fn positive(value: &[u8]) -> Result<String, String> {
    parse::integer(value, 1..=i64::from(i32::MAX)).map(|number| number.to_string())
}

fn percent(value: &[u8]) -> Result<String, String> {
    parse::integer(value, 0..=1000).map(|number| number.to_string())
}

fn cycle(value: &[u8]) -> Result<String, String> {
    parse::integer(value, 1..=99).map(|number| number.to_string())
}

fn tenacity(value: &[u8]) -> Result<String, String> {
    parse::integer(value, 0..=100).map(|number| number.to_string())
}

fn bytes(value: &[u8]) -> Result<String, String> {
    parse::memory(value, 0..=i64::MAX).map(|number| number.to_string())
}

fn backlog(value: &[u8]) -> Result<String, String> {
    parse::memory(value, 1..=i64::MAX).map(|number| number.to_string())
}

fn switch(value: &[u8]) -> Result<String, String> {
    parse::yes_or_no(value).map(parse::yes_no)
}

fn one_of(value: &[u8], words: &[&str]) -> Result<String, String> {
    parse::word(value, words).map(|at| words[at].to_owned())
}

/// Redis's words for what is logged, and ours.
const LOG_LEVELS: [(&str, &str); 4] =
    [("debug", "trace"), ("verbose", "debug"), ("notice", "info"), ("warning", "warn")];

/// Logs at another level from now on; where logging is somebody else's, as in a test, the word is kept all the same.
fn log_level(_shared: &Shared, value: &[u8]) -> Result<Change, String> {
    let (word, level) = LOG_LEVELS[parse::word(value, &LOG_LEVELS.map(|(word, _)| word))?];
    Ok(Box::new(move |shared: &Shared| {
        shared.accepted.keep("loglevel", word.to_owned());
        if let Err(why) = logging::set_level(level) {
            tracing::info!(filter = level, why, "the log level stays");
        }
    }))
}

/// The rows.
pub(super) const ROWS: &[Row] = &[
    row!("active-defrag-cycle-max", "25", cycle),
    row!("active-defrag-cycle-min", "1", cycle),
    row!("active-defrag-ignore-bytes", "104857600", bytes),
    row!("active-defrag-max-scan-fields", "1000", positive),
    row!("active-defrag-threshold-lower", "10", percent),
    row!("active-defrag-threshold-upper", "100", percent),
    row!("activerehashing", "yes", switch),
    row!("aof-use-rdb-preamble", "yes", switch),
    row!("crash-log-enabled", "yes", switch),
    row!("crash-memcheck-enabled", "yes", switch),
    row!("hash-max-listpack-entries", "512", long),
    row!("hash-max-listpack-value", "64", bytes),
    row!("hash-max-ziplist-entries" as "hash-max-listpack-entries", "512", long),
    row!("hash-max-ziplist-value" as "hash-max-listpack-value", "64", bytes),
    row!("hll-sparse-max-bytes", "3000", bytes),
    row!("jemalloc-bg-thread", "yes", switch),
    row!("lazyfree-lazy-eviction", "no", switch),
    row!("lazyfree-lazy-expire", "no", switch),
    row!("lazyfree-lazy-server-del", "no", switch),
    row!("lazyfree-lazy-user-del", "no", switch),
    row!("lazyfree-lazy-user-flush", "no", switch),
    row!("list-compress-depth", "0", natural),
    row!("list-max-listpack-size", "-2", any),
    row!("list-max-ziplist-size" as "list-max-listpack-size", "-2", any),
    Row {
        name: "loglevel",
        read: |shared| shared.accepted.value("loglevel", "notice"),
        prepare: Some(log_level),
    },
    row!("maxmemory-eviction-tenacity", "10", tenacity),
    row!("min-replicas-max-lag", "10", natural),
    row!("min-slaves-max-lag" as "min-replicas-max-lag", "10", natural),
    row!("no-appendfsync-on-rewrite", "no", switch),
    row!("repl-backlog-size", "1048576", backlog),
    row!("repl-backlog-ttl", "3600", long),
    row!("repl-disable-tcp-nodelay", "no", switch),
    row!("repl-diskless-sync", "yes", switch),
    row!("repl-diskless-sync-delay", "5", natural),
    row!("repl-ping-replica-period", "10", positive),
    row!("repl-ping-slave-period" as "repl-ping-replica-period", "10", positive),
    row!("repl-timeout", "60", positive),
    row!("replica-ignore-maxmemory", "yes", switch),
    row!("replica-lazy-flush", "no", switch),
    row!("replica-priority", "100", natural),
    row!("sanitize-dump-payload", "no", |value| one_of(value, &["no", "yes", "clients"])),
    row!("set-max-intset-entries", "512", long),
    row!("slave-ignore-maxmemory" as "replica-ignore-maxmemory", "yes", switch),
    row!("slave-lazy-flush" as "replica-lazy-flush", "no", switch),
    row!("slave-priority" as "replica-priority", "100", natural),
    row!("stream-node-max-bytes", "4096", bytes),
    row!("stream-node-max-entries", "100", long),
    row!("zset-max-listpack-entries", "128", long),
    row!("zset-max-listpack-value", "64", bytes),
    row!("zset-max-ziplist-entries" as "zset-max-listpack-entries", "128", long),
    row!("zset-max-ziplist-value" as "zset-max-listpack-value", "64", bytes),
];
