//! Commands that look at the server: `TIME`, `ROLE`, `REPLICAOF`, `LOLWUT`, `MEMORY`, `MODULE`.

use super::connection::NOT_AN_INTEGER;
use super::{Call, Outcome, REDIS_VERSION};
use crate::resp::number;

const MEMORY_DOCTOR: &[u8] = b"Hi Sam, this instance is empty or is using very little memory, my issues detector \
can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam \
and I will be back to our programming as soon as I finished rebooting.\n";

const MEMORY_HEALTHY: &[u8] =
    b"Hi Sam, I can't find any memory issue in your instance. I can only account for what \
occurs on this base.\n";

/// Below this, Redis's doctor sees nothing.
const MEMORY_SEEN_BYTES_MIN: u64 = 5 << 20;

const NO_REPLICA: &str =
    "ERR this server does not replicate from a Redis: copies are part of the cluster's own file";

const NO_MODULES: &str = "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", \
you can run it from a local connection, otherwise you need to set this option in the configuration file, and then \
restart the server.";

/// `TIME`: seconds and microseconds of the second.
pub(super) fn time(call: &mut Call<'_, '_>) {
    let now = call.context.now();
    call.reply.array(2);
    call.reply.bulk_int(now.as_secs().cast_signed());
    call.reply.bulk_int(i64::from(now.subsec_micros()));
}

/// `ROLE`: a master without replicas.
pub(super) fn role(call: &mut Call<'_, '_>) {
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.int(0);
    call.reply.array(0);
}

/// `REPLICAOF NO ONE` and `SLAVEOF NO ONE`, which change nothing: the server is no replica of a Redis, nor becomes one.
pub(super) fn replica_of(call: &mut Call<'_, '_>) {
    if call.args[1].eq_ignore_ascii_case(b"no") && call.args[2].eq_ignore_ascii_case(b"one") {
        return call.reply.ok();
    }
    let port = number::parse_integer(&call.args[2]).filter(|port| (0..=65535).contains(port));
    call.reply.error(if port.is_none() { "ERR Invalid master port" } else { NO_REPLICA });
}

/// `LOLWUT [VERSION version]`: the line under the picture that Redis draws.
pub(super) fn lolwut(call: &mut Call<'_, '_>) {
    let asks_version = call.args.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"version"));
    if let (true, Some(version)) = (asks_version, call.args.get(2))
        && number::parse_integer(version).is_none()
    {
        return call.reply.error(NOT_AN_INTEGER);
    }
    call.reply.verbatim("txt", format!("Redis ver. {REDIS_VERSION}\n").as_bytes());
}

/// A subcommand of `MEMORY` or `MODULE`.
pub(super) fn execute(container: &str, subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    match (container, subcommand) {
        ("memory", "purge") => {
            call.context.give_back_memory();
            call.reply.ok();
        }
        ("module", "list") => call.reply.array(0),
        ("memory", "doctor") => {
            let seen = call.context.info().memory.used_bytes >= MEMORY_SEEN_BYTES_MIN;
            call.reply.verbatim("txt", if seen { MEMORY_HEALTHY } else { MEMORY_DOCTOR });
        }
        ("memory", "malloc-stats") => match call.context.allocator_report() {
            Some(report) => call.reply.verbatim("txt", &report),
            None => call.reply.bulk(b"Stats not supported for the current allocator"),
        },
        ("memory", "stats") => memory_stats(call),
        ("module", "load" | "loadex" | "unload") => call.reply.error(NO_MODULES),
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}

/// What is known of the figures of `MEMORY STATS`, under Redis's names.
fn memory_stats(call: &mut Call<'_, '_>) {
    let info = call.context.info();
    let (memory, keys) = (info.memory, info.keyspace.iter().map(|database| database.keys).sum::<u64>());
    let above_startup = memory.used_bytes.saturating_sub(memory.used_startup_bytes);
    let counts = [
        ("peak.allocated", memory.used_peak_bytes),
        ("total.allocated", memory.used_bytes),
        ("startup.allocated", memory.used_startup_bytes),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("aof.buffer", 0),
        ("overhead.total", memory.overhead_bytes()),
        ("keys.count", keys),
        ("keys.bytes-per-key", above_startup / keys.max(1)),
        ("dataset.bytes", memory.used_bytes - memory.overhead_bytes()),
        ("allocator.allocated", memory.used_bytes),
        ("allocator.resident", memory.resident_bytes),
        ("fragmentation.bytes", memory.resident_bytes.saturating_sub(memory.used_bytes)),
    ];
    let ratios = [
        ("dataset.percentage", 100.0 * ratio(memory.used_bytes - memory.overhead_bytes(), above_startup)),
        ("peak.percentage", 100.0 * ratio(memory.used_bytes, memory.used_peak_bytes)),
        ("fragmentation", ratio(memory.resident_bytes, memory.used_bytes)),
    ];
    call.reply.map(counts.len() + ratios.len());
    for (name, count) in counts {
        call.reply.bulk(name.as_bytes());
        call.reply.int(count.cast_signed());
    }
    for (name, ratio) in ratios {
        call.reply.bulk(name.as_bytes());
        call.reply.double(ratio);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio to be read")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
