//! `INFO`: the figures of the process, in Redis's sections and under Redis's names.
//!
//! Node and proxy fill in [`Info`]; the text is made here, so both show the same fields. Clients read some of them
//! before they send anything else (`redis_version`, `loading`, `role`, `maxmemory_policy`), and monitors expect the
//! rest, so a field that has no meaning here is there with the value of an idle Redis.

mod request;
mod text;

use std::time::Duration;

use super::Call;
use request::Request;
pub use request::Section;
pub use text::human;

/// All that `INFO` tells. Durations of [`Snapshot::saved_at`] and the like are since the Unix epoch.
#[derive(Clone, Debug, Default)]
pub struct Info {
    /// The process.
    pub server: Server,
    /// Its clients.
    pub clients: Clients,
    /// Its memory.
    pub memory: Memory,
    /// Its log and snapshots.
    pub persistence: Persistence,
    /// Its counters.
    pub statistics: Statistics,
    /// Its use of the processor.
    pub processor: Processor,
    /// The commands that came at all.
    pub commands: Vec<CommandFigures>,
    /// Number of error replies by their code (`ERR`, `WRONGTYPE`).
    pub errors: Vec<(String, u64)>,
    /// The databases that hold keys, lowest first.
    pub keyspace: Vec<Database>,
    /// Fields that Redis does not have, each at the end of a section.
    pub extra: Vec<(Section, &'static str, String)>,
}

/// Section `Server`.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Kernel, release and machine: `Linux 6.1.0 x86_64`.
    pub os: String,
    /// Process id.
    pub process_id: u32,
    /// 40 hexadecimal digits, new with each start.
    pub run_id: String,
    /// The port that clients connect to.
    pub tcp_port: u16,
    /// Time since the start.
    pub uptime: Duration,
    /// How often a second the server looks after what is due.
    pub hertz: u32,
    /// Path of the program, empty if it is not known.
    pub executable: String,
    /// Path of the file of settings, empty if there is none.
    pub config_file: String,
}

/// Section `Clients`.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    /// Connections of clients now.
    pub connected: u64,
    /// Most connections at once.
    pub max: u64,
    /// Clients that wait in a blocking command.
    pub blocked: u64,
    /// Clients with a subscription.
    pub subscribed: u64,
    /// Clients that are told of changed keys.
    pub tracking: u64,
}

/// Section `Memory`, in bytes.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Allocated.
    pub used_bytes: u64,
    /// The most that was allocated at once.
    pub used_peak_bytes: u64,
    /// Allocated before the first key came.
    pub used_startup_bytes: u64,
    /// Of the allocated: what is known to be neither keys nor values.
    pub parts: MemoryParts,
    /// Resident.
    pub resident_bytes: u64,
    /// The machine's memory.
    pub system_bytes: u64,
    /// Bound of the allocated, 0 is none.
    pub max_bytes: u64,
    /// What happens at the bound: `noeviction`, `allkeys-lru`.
    pub policy: &'static str,
    /// Name of the allocator.
    pub allocator: &'static str,
}

/// What is allocated beside keys and values, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryParts {
    /// Buffers of clients, and news that wait for them.
    pub clients: u64,
    /// Tables that find keys, without their entries.
    pub tables: u64,
    /// What is known of keys that were evicted, or that are new.
    pub eviction: u64,
    /// Keys that are remembered for clients that track, roughly.
    pub tracking: u64,
    /// Heaps of the machines that run scripts.
    pub machines: u64,
    /// Texts of scripts and libraries.
    pub scripts: u64,
    /// Buffers of the log.
    pub log: u64,
}

impl MemoryParts {
    /// All of it.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let Self { clients, tables, eviction, tracking, machines, scripts, log } = *self;
        clients + tables + eviction + tracking + machines + scripts + log
    }
}

impl Memory {
    /// Bytes that are not keys and values: what was there at the start, and the parts.
    #[must_use]
    pub fn overhead_bytes(&self) -> u64 {
        (self.used_startup_bytes + self.parts.sum()).min(self.used_bytes)
    }
}

/// Section `Persistence`.
#[derive(Clone, Debug, Default)]
pub struct Persistence {
    /// Data is being read from disk; clients wait for the end of it.
    pub loading: Option<Loading>,
    /// The log that changes go to.
    pub log: Option<Log>,
    /// The snapshots.
    pub snapshot: Snapshot,
}

/// The snapshots of the data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot {
    /// Changes since the last one began.
    pub changes_since: u64,
    /// When the last one was whole, since the Unix epoch.
    pub saved_at: Duration,
    /// How long the one under way has taken.
    pub elapsed: Option<Duration>,
    /// How long the last one took.
    pub took: Option<Duration>,
    /// The last one failed.
    pub failed: bool,
    /// Keys that the one under way has.
    pub keys_done: u64,
}

/// How far the reading of the data is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loading {
    /// When it began, since the Unix epoch.
    pub began_at: Duration,
    /// Bytes to be read.
    pub total_bytes: u64,
    /// Bytes read.
    pub read_bytes: u64,
}

/// The log of changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    /// Bytes of its files.
    pub size_bytes: u64,
    /// Bytes that are not written yet.
    pub pending_bytes: u64,
    /// A sync is under way.
    pub is_syncing: bool,
    /// Times that writing waited for a slow sync.
    pub delayed_total: u64,
    /// The last write failed.
    pub is_failing: bool,
}

/// Section `Stats`: counters since the start or `CONFIG RESETSTAT`.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// Connections accepted.
    pub connections_received: u64,
    /// Connections refused at the bound.
    pub connections_rejected: u64,
    /// Commands executed.
    pub commands_processed: u64,
    /// Commands a second, now.
    pub operations_per_second: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// Reads of a key that was there.
    pub keyspace_hits: u64,
    /// Reads of a key that was not there.
    pub keyspace_misses: u64,
    /// Keys that expired.
    pub expired_keys: u64,
    /// Keys that were evicted.
    pub evicted_keys: u64,
    /// Clients closed for memory.
    pub evicted_clients: u64,
    /// Clients closed because they let more wait than `client-output-buffer-limit` allows.
    pub overrun_clients: u64,
    /// Error replies.
    pub error_replies: u64,
    /// Channels with subscribers.
    pub channels: u64,
    /// Patterns with subscribers.
    pub patterns: u64,
    /// Keys that are remembered for clients that track.
    pub tracked_keys: u64,
    /// Pairs of such a key and a client.
    pub tracked_items: u64,
    /// Prefixes that clients want to be told of.
    pub tracked_prefixes: u64,
    /// Shard channels with subscribers.
    pub shard_channels: u64,
}

/// Section `CPU`.
#[derive(Clone, Debug, Default)]
pub struct Processor {
    /// Time in the kernel.
    pub system: Duration,
    /// Time in the program.
    pub user: Duration,
}

/// A line of section `Commandstats`, and one of `Latencystats`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandFigures {
    /// The command's full name.
    pub name: &'static str,
    /// Calls.
    pub calls: u64,
    /// Microseconds of all calls.
    pub micros: u64,
    /// Refused before they began.
    pub rejected: u64,
    /// Answered with an error.
    pub failed: u64,
    /// Percentiles as text (`99.9`) and their latencies; empty where none are known.
    pub percentiles: Vec<(String, Duration)>,
}

/// One line of section `Keyspace`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// Number of the database.
    pub index: u8,
    /// Its keys.
    pub keys: u64,
    /// Of these: how many expire.
    pub expires: u64,
    /// Mean time that these have left, zero if it is not known.
    pub mean_ttl: Duration,
}

/// `INFO [section ...]`.
pub(super) fn info(call: &mut Call<'_, '_>) {
    let request = Request::parse(call.args.from(1).iter());
    let text = text::render(&call.context.info(), &request, call.context.now());
    call.reply.verbatim("txt", text.as_bytes());
}

impl Info {
    /// The text of `sections` (words as in `INFO`; none are the default ones) as of `now`, since the Unix epoch.
    #[must_use]
    pub fn text(&self, sections: &[&str], now: Duration) -> String {
        text::render(self, &Request::parse(sections.iter().map(|word| word.as_bytes())), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headings(sections: &[&str]) -> Vec<String> {
        let text = Info::default().text(sections, Duration::ZERO);
        text.lines().filter_map(|line| line.strip_prefix("# ")).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn the_default_sections_are_those_of_redis() {
        let default =
            "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace";
        assert_eq!(headings(&[]).join(" "), default);
        assert_eq!(headings(&["DEFAULT"]).join(" "), default);
        let all = "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats \
                   Latencystats Cluster Keyspace";
        assert_eq!(headings(&["everything"]).join(" "), all);
        assert_eq!(headings(&["all"]).join(" "), all);
    }

    #[test]
    fn only_the_sections_that_are_asked_for_are_shown_and_each_once() {
        assert_eq!(headings(&["keyspace", "clients", "Clients"]), ["Clients", "Keyspace"]);
        assert_eq!(Info::default().text(&["nothing"], Duration::ZERO), "");
        assert_eq!(Info::default().text(&["cluster"], Duration::ZERO), "# Cluster\r\ncluster_enabled:0\r\n");
    }

    #[test]
    fn figures_stand_under_the_names_of_redis() {
        let info = Info {
            memory: Memory { used_bytes: 2_423_008, policy: "allkeys-lru", ..Memory::default() },
            keyspace: vec![Database { index: 3, keys: 2, expires: 1, mean_ttl: Duration::from_millis(9) }],
            extra: vec![(Section::Server, "ringmaster_tier", "node".to_owned())],
            ..Info::default()
        };
        let text = info.text(&[], Duration::from_secs(1));
        for line in [
            "redis_version:7.2.4",
            "used_memory:2423008",
            "used_memory_human:2.31M",
            "maxmemory_policy:allkeys-lru",
            "loading:0",
            "role:master",
            "db3:keys=2,expires=1,avg_ttl=9",
            "ringmaster_tier:node",
            "server_time_usec:1000000",
        ] {
            assert!(text.split("\r\n").any(|found| found == line), "{line}\n{text}");
        }
    }
}
