//! Keys, memory, eviction and expiry.

use std::sync::atomic::Ordering;

use ringmaster_runtime::metrics::{Family, Kind};

use super::{Scrape, plain};

pub(super) static FAMILIES: [Family<Scrape>; 17] = [
    Family {
        name: "ringmaster_node_keys",
        kind: Kind::Gauge,
        labels: &["db"],
        help: "Keys, by database; those that have expired and are not freed yet included.",
        collect: |scrape, samples| {
            for (database, count) in scrape.shared.engine.store().census().iter().enumerate() {
                // Database 0 always, so that an empty node says so.
                if count.keys > 0 || database == 0 {
                    samples.of(&[&database.to_string()], count.keys);
                }
            }
        },
    },
    Family {
        name: "ringmaster_node_expiring_keys",
        kind: Kind::Gauge,
        labels: &["db"],
        help: "Keys with a deadline, by database.",
        collect: |scrape, samples| {
            for (database, count) in scrape.shared.engine.store().census().iter().enumerate() {
                if count.volatile > 0 || database == 0 {
                    samples.of(&[&database.to_string()], count.volatile);
                }
            }
        },
    },
    plain(
        "ringmaster_node_keyspace_hits_total",
        Kind::Counter,
        "Keys that reads found.",
        |scrape, samples| samples.value(scrape.totals.hits),
    ),
    plain(
        "ringmaster_node_keyspace_misses_total",
        Kind::Counter,
        "Keys that reads did not find.",
        |scrape, samples| samples.value(scrape.totals.misses),
    ),
    plain(
        "ringmaster_node_evicted_keys_total",
        Kind::Counter,
        "Keys evicted for memory.",
        |scrape, samples| samples.value(scrape.totals.evicted),
    ),
    plain(
        "ringmaster_node_expired_keys_total",
        Kind::Counter,
        "Keys freed after their deadline.",
        |scrape, samples| samples.value(scrape.totals.expired),
    ),
    plain(
        "ringmaster_node_expiry_lag_seconds",
        Kind::Gauge,
        "Longest time by which keys that were freed in the last full second outlived their deadlines.",
        |scrape, samples| {
            samples.value(scrape.shared.expiry_lag_millis.load(Ordering::Relaxed) as f64 / 1000.0);
        },
    ),
    plain(
        "ringmaster_node_memory_used_bytes",
        Kind::Gauge,
        "Bytes that the process has allocated: what maxmemory bounds.",
        |scrape, samples| samples.value(scrape.shared.memory.used_bytes()),
    ),
    plain(
        "ringmaster_node_memory_peak_bytes",
        Kind::Gauge,
        "The most that was allocated since the start.",
        |scrape, samples| samples.value(scrape.shared.memory.peak_bytes()),
    ),
    plain(
        "ringmaster_node_memory_resident_bytes",
        Kind::Gauge,
        "Memory that the process has from the kernel.",
        |scrape, samples| samples.value(scrape.shared.memory.resident_bytes()),
    ),
    plain(
        "ringmaster_node_memory_max_bytes",
        Kind::Gauge,
        "The bound of the allocated bytes, 0 for none.",
        |scrape, samples| samples.value(scrape.shared.maxmemory.load(Ordering::Relaxed)),
    ),
    Family {
        name: "ringmaster_node_memory_part_bytes",
        kind: Kind::Gauge,
        labels: &["part"],
        help: "Bytes allocated beside keys and values, by what they are for; the rest of the used bytes is data.",
        collect: |scrape, samples| {
            let parts = &scrape.parts;
            samples.of(&["clients"], parts.clients);
            samples.of(&["tables"], parts.tables);
            samples.of(&["eviction"], parts.eviction);
            samples.of(&["tracking"], parts.tracking);
            samples.of(&["machines"], parts.machines);
            samples.of(&["scripts"], parts.scripts);
        },
    },
    plain(
        "ringmaster_node_memory_full",
        Kind::Gauge,
        "1 while writes that need memory are refused.",
        |scrape, samples| samples.value(u8::from(scrape.shared.is_full())),
    ),
    Family {
        name: "ringmaster_node_predicted_miss_ratio",
        kind: Kind::Gauge,
        labels: &["memory"],
        help: "Share of reads that would miss with half, the same, twice and four times the memory; nothing before \
               memory is half full.",
        collect: |scrape, samples| {
            if let Some(misses) = scrape.shared.engine.store().replacement().misses() {
                samples.of(&["half"], misses.half / 100.0);
                samples.of(&["same"], misses.same / 100.0);
                samples.of(&["twice"], misses.twice / 100.0);
                samples.of(&["four_times"], misses.four_times / 100.0);
            }
        },
    },
    plain(
        "ringmaster_node_tracked_keys",
        Kind::Gauge,
        "Keys that are remembered for clients that track what they read.",
        |scrape, samples| samples.value(scrape.shared.engine.tracking().keys.load(Ordering::Relaxed)),
    ),
    plain(
        "ringmaster_node_start_time_seconds",
        Kind::Gauge,
        "When the node started, since the Unix epoch.",
        |scrape, samples| samples.value(scrape.shared.started_at.as_secs_f64()),
    ),
    plain(
        "ringmaster_node_loaded_ratio",
        Kind::Gauge,
        "Share of the log and snapshot that is read at the start, 0 to 1; 1 once the node serves.",
        |scrape, samples| {
            let is_loading = scrape.shared.attention.look().is_loading();
            let share = f64::from(scrape.shared.keeping.progress().thousandths()) / 1000.0;
            samples.value(if is_loading { share } else { 1.0 });
        },
    ),
];
