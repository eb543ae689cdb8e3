//! The text of `INFO`.

use std::fmt::{Display, Write};
use std::time::Duration;

use super::{CommandFigures, Info, Loading, Request, Section, Snapshot};
use crate::session::REDIS_VERSION;

/// The text of the sections that are asked for, as of `now` (since the Unix epoch).
pub(super) fn render(info: &Info, request: &Request, now: Duration) -> String {
    let mut text = Text(String::new());
    for section in Section::ALL.into_iter().filter(|section| request.wants(*section)) {
        if section == Section::Ringmaster && info.extra.iter().all(|(of, ..)| *of != section) {
            continue;
        }
        text.heading(section);
        fields(&mut text, section, info, now);
        for (_, name, value) in info.extra.iter().filter(|(of, ..)| *of == section) {
            text.field(name, value);
        }
    }
    text.0
}

fn fields(text: &mut Text, section: Section, info: &Info, now: Duration) {
    match section {
        Section::Server => server(text, info, now),
        Section::Clients => clients(text, info),
        Section::Memory => memory(text, info),
        Section::Persistence => persistence(text, info, now),
        Section::Stats => statistics(text, info),
        Section::Replication => replication(text, info),
        Section::Cpu => processor(text, info),
        Section::Modules | Section::Ringmaster => {}
        Section::Commandstats => info.commands.iter().for_each(|command| calls(text, command)),
        Section::Latencystats => info.commands.iter().for_each(|command| latencies(text, command)),
        Section::Errorstats => {
            for (code, count) in &info.errors {
                text.field(&format!("errorstat_{code}"), format_args!("count={count}"));
            }
        }
        Section::Cluster => text.field("cluster_enabled", 0),
        Section::Keyspace => keyspace(text, info),
    }
}

/// The text as far as it is written.
struct Text(String);

impl Text {
    fn heading(&mut self, section: Section) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# {}\r\n", section.heading());
    }

    fn field(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    /// A field in bytes, and one for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.field(&format!("{name}_human"), human(bytes));
    }

    fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.field(name, 0));
    }
}

/// Bytes as Redis prints them for people: `2.31M`.
#[must_use]
pub fn human(bytes: u64) -> String {
    let scaled = |shift: u32| bytes as f64 / (1u64 << shift) as f64;
    match bytes {
        0..0x400 => format!("{bytes}B"),
        0x400..0x10_0000 => format!("{:.2}K", scaled(10)),
        0x10_0000..0x4000_0000 => format!("{:.2}M", scaled(20)),
        0x4000_0000..0x100_0000_0000 => format!("{:.2}G", scaled(30)),
        _ => format!("{:.2}T", scaled(40)),
    }
}

/// `part` of `whole`, in percent with two digits; of nothing it is 0.
fn percent(part: u64, whole: u64) -> String {
    format!("{:.2}%", if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 })
}

fn server(text: &mut Text, info: &Info, now: Duration) {
    let server = &info.server;
    text.field("redis_version", REDIS_VERSION);
    text.field("redis_git_sha1", "00000000");
    text.field("redis_git_dirty", 0);
    text.field("redis_mode", "standalone");
    text.field("os", &server.os);
    text.field("arch_bits", usize::BITS);
    text.field("monotonic_clock", "POSIX clock_gettime");
    text.field("multiplexing_api", "epoll");
    text.field("process_id", server.process_id);
    text.field("process_supervised", "no");
    text.field("run_id", &server.run_id);
    text.field("tcp_port", server.tcp_port);
    text.field("server_time_usec", now.as_micros());
    text.field("uptime_in_seconds", server.uptime.as_secs());
    text.field("uptime_in_days", server.uptime.as_secs() / 86_400);
    text.field("hz", server.hertz);
    text.field("configured_hz", server.hertz);
    text.field("lru_clock", now.as_secs() & 0xff_ffff);
    text.field("executable", &server.executable);
    text.field("config_file", &server.config_file);
    text.field("io_threads_active", 0);
}

fn clients(text: &mut Text, info: &Info) {
    text.field("connected_clients", info.clients.connected);
    text.field("cluster_connections", 0);
    text.field("maxclients", info.clients.max);
    text.zeros(&["client_recent_max_input_buffer", "client_recent_max_output_buffer"]);
    text.field("blocked_clients", info.clients.blocked);
    text.field("tracking_clients", info.clients.tracking);
    text.field("pubsub_clients", info.clients.subscribed);
    text.zeros(&["clients_in_timeout_table"]);
}

fn memory(text: &mut Text, info: &Info) {
    let memory = &info.memory;
    text.bytes("used_memory", memory.used_bytes);
    text.bytes("used_memory_rss", memory.resident_bytes);
    text.bytes("used_memory_peak", memory.used_peak_bytes);
    text.field("used_memory_peak_perc", percent(memory.used_bytes, memory.used_peak_bytes));
    text.field("used_memory_overhead", memory.overhead_bytes());
    text.field("used_memory_startup", memory.used_startup_bytes);
    let dataset = memory.used_bytes - memory.overhead_bytes();
    text.field("used_memory_dataset", dataset);
    let above_startup = memory.used_bytes.saturating_sub(memory.used_startup_bytes);
    text.field("used_memory_dataset_perc", percent(dataset, above_startup));
    text.bytes("total_system_memory", memory.system_bytes);
    let parts = &memory.parts;
    text.bytes("used_memory_lua", parts.machines);
    text.bytes("used_memory_scripts", parts.scripts);
    text.bytes("maxmemory", memory.max_bytes);
    text.field("maxmemory_policy", if memory.policy.is_empty() { "noeviction" } else { memory.policy });
    let fragmentation = memory.resident_bytes as f64 / memory.used_bytes.max(1) as f64;
    text.field("mem_fragmentation_ratio", format_args!("{fragmentation:.2}"));
    text.field("mem_fragmentation_bytes", i128::from(memory.resident_bytes) - i128::from(memory.used_bytes));
    text.field("mem_clients_slaves", 0);
    text.field("mem_clients_normal", parts.clients);
    text.field("mem_aof_buffer", parts.log);
    text.field("mem_allocator", if memory.allocator.is_empty() { "libc" } else { memory.allocator });
    text.zeros(&["active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects"]);
}

fn persistence(text: &mut Text, info: &Info, now: Duration) {
    let persistence = &info.persistence;
    text.field("loading", u8::from(persistence.loading.is_some()));
    text.field("async_loading", 0);
    snapshot(text, &persistence.snapshot);
    text.field("aof_enabled", u8::from(persistence.log.is_some()));
    text.zeros(&["aof_rewrite_in_progress", "aof_rewrite_scheduled"]);
    text.field("aof_last_rewrite_time_sec", -1);
    text.field("aof_current_rewrite_time_sec", -1);
    text.field("aof_last_bgrewrite_status", "ok");
    let failing = persistence.log.is_some_and(|log| log.is_failing);
    text.field("aof_last_write_status", if failing { "err" } else { "ok" });
    if let Some(log) = &persistence.log {
        text.field("aof_current_size", log.size_bytes);
        text.field("aof_buffer_length", log.pending_bytes);
        text.field("aof_pending_bio_fsync", u8::from(log.is_syncing));
        text.field("aof_delayed_fsync", log.delayed_total);
    }
    if let Some(loading) = persistence.loading {
        self::loading(text, loading, now);
    }
}

fn snapshot(text: &mut Text, snapshot: &Snapshot) {
    let seconds =
        |time: Option<Duration>| time.map_or(-1, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    let in_progress = snapshot.elapsed.is_some();
    if in_progress {
        text.field("current_save_keys_processed", snapshot.keys_done);
    }
    text.field("rdb_changes_since_last_save", snapshot.changes_since);
    text.field("rdb_bgsave_in_progress", u8::from(in_progress));
    text.field("rdb_last_save_time", snapshot.saved_at.as_secs());
    text.field("rdb_last_bgsave_status", if snapshot.failed { "err" } else { "ok" });
    text.field("rdb_last_bgsave_time_sec", seconds(snapshot.took));
    text.field("rdb_current_bgsave_time_sec", seconds(snapshot.elapsed));
}

/// The estimate takes the rest to be read as fast as what was.
fn loading(text: &mut Text, loading: Loading, now: Duration) {
    let (read, total) = (loading.read_bytes, loading.total_bytes);
    let elapsed = now.saturating_sub(loading.began_at).as_secs();
    let rest = total.saturating_sub(read);
    let eta = if read == 0 { 1 } else { u128::from(elapsed) * u128::from(rest) / u128::from(read) };
    text.field("loading_start_time", loading.began_at.as_secs());
    text.field("loading_total_bytes", total);
    text.field("loading_loaded_bytes", read);
    let part = 100.0 * read as f64 / total.max(1) as f64;
    text.field("loading_loaded_perc", format_args!("{part:.2}"));
    text.field("loading_eta_seconds", eta);
}

fn statistics(text: &mut Text, info: &Info) {
    let statistics = &info.statistics;
    for (name, value) in [
        ("total_connections_received", statistics.connections_received),
        ("total_commands_processed", statistics.commands_processed),
        ("instantaneous_ops_per_sec", statistics.operations_per_second),
        ("total_net_input_bytes", statistics.input_bytes),
        ("total_net_output_bytes", statistics.output_bytes),
        ("rejected_connections", statistics.connections_rejected),
        ("sync_full", 0),
        ("sync_partial_ok", 0),
        ("sync_partial_err", 0),
        ("expired_keys", statistics.expired_keys),
        ("evicted_keys", statistics.evicted_keys),
        ("evicted_clients", statistics.evicted_clients),
        ("keyspace_hits", statistics.keyspace_hits),
        ("keyspace_misses", statistics.keyspace_misses),
        ("pubsub_channels", statistics.channels),
        ("pubsub_patterns", statistics.patterns),
        ("pubsubshard_channels", statistics.shard_channels),
        ("latest_fork_usec", 0),
        ("total_forks", 0),
        ("tracking_total_keys", statistics.tracked_keys),
        ("tracking_total_items", statistics.tracked_items),
        ("tracking_total_prefixes", statistics.tracked_prefixes),
        ("total_error_replies", statistics.error_replies),
        ("client_query_buffer_limit_disconnections", 0),
        ("client_output_buffer_limit_disconnections", statistics.overrun_clients),
    ] {
        text.field(name, value);
    }
}

fn replication(text: &mut Text, info: &Info) {
    text.field("role", "master");
    text.field("connected_slaves", 0);
    text.field("master_failover_state", "no-failover");
    text.field("master_replid", &info.server.run_id);
    text.field("master_replid2", "0".repeat(40));
    text.field("master_repl_offset", 0);
    text.field("second_repl_offset", -1);
    text.zeros(&["repl_backlog_active", "repl_backlog_size"]);
    text.zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}

fn processor(text: &mut Text, info: &Info) {
    let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
    text.field("used_cpu_sys", seconds(info.processor.system));
    text.field("used_cpu_user", seconds(info.processor.user));
    text.field("used_cpu_sys_children", "0.000000");
    text.field("used_cpu_user_children", "0.000000");
}

fn calls(text: &mut Text, command: &CommandFigures) {
    let CommandFigures { calls, micros, rejected, failed, .. } = command;
    let mean = *micros as f64 / (*calls).max(1) as f64;
    let value = format_args!(
        "calls={calls},usec={micros},usec_per_call={mean:.2},rejected_calls={rejected},failed_calls={failed}"
    );
    text.field(&format!("cmdstat_{}", command.name), value);
}

fn latencies(text: &mut Text, command: &CommandFigures) {
    if command.percentiles.is_empty() {
        return;
    }
    let micros = |time: Duration| time.as_nanos() as f64 / 1000.0;
    let shown = command.percentiles.iter().map(|(percent, time)| format!("p{percent}={:.3}", micros(*time)));
    let name = format!("latency_percentiles_usec_{}", command.name);
    text.field(&name, shown.collect::<Vec<_>>().join(","));
}

fn keyspace(text: &mut Text, info: &Info) {
    for database in &info.keyspace {
        let (keys, expires, ttl) = (database.keys, database.expires, database.mean_ttl.as_millis());
        let name = format!("db{}", database.index);
        text.field(&name, format_args!("keys={keys},expires={expires},avg_ttl={ttl}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_printed_for_people_as_redis_prints_them() {
        for (bytes, text) in [(0, "0B"), (1023, "1023B"), (32768, "32.00K"), (13_336_576, "12.72M")] {
            assert_eq!(human(bytes), text);
        }
        assert_eq!(human(25_276_502_016), "23.54G");
        assert_eq!(human(1 << 41), "2.00T");
    }
}
