//! The flags of `ringmaster bench`, and the plan that they make.

use std::{net::ToSocketAddrs as _, time::Duration};

use anyhow::{Context as _, bail, ensure};
use ringmaster_client::{Address, Options};
use serde::Serialize;

use super::{
    dial::Dial,
    duration,
    schedule::Arrivals,
    workload::{CommandKind, KEYS_MAX, WorkloadOptions},
};
use crate::access::Access;

/// Most connections of a run.
const CONNECTIONS_MAX: usize = 10_000;

/// Most requests in flight on one connection.
const PIPELINE_MAX: usize = 10_000;

/// Most targets; reports name them A, B, C …
const TARGETS_MAX: usize = 8;

/// Most bytes of a value.
const VALUE_BYTES_MAX: usize = 512 << 20;

/// Loads servers and measures their latency without coordinated omission.
///
/// With --rate, requests are sent at times that are fixed beforehand, and latency counts from those times. With
/// --rate 0 the loop is closed: each connection sends --pipeline requests and waits for all their replies.
/// Exits with 1 when there were errors or unanswered requests.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example: ringmaster bench --address 127.0.0.1:6379 --address 127.0.0.1:6380 --interleave 5 --rate 20000"
)]
pub(crate) struct Arguments {
    /// Server to load, HOST:PORT or a URL (redis://, rediss://); more than one are measured in turns (A B A B …).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6379")]
    address: Vec<String>,
    #[command(flatten)]
    access: Access,
    /// Requests a second over all connections; 0: as fast as possible.
    #[arg(long, value_name = "OPS/S", default_value_t = 0.0)]
    rate: f64,
    /// How requests are spread in time.
    #[arg(long, value_enum, default_value = "poisson")]
    arrivals: Arrivals,
    /// Connections.
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// Requests in flight on a connection: at most with --rate, exactly in a closed loop.
    #[arg(long, default_value_t = 1)]
    pipeline: usize,
    /// Threads that generate load; the connections are dealt out to them.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Measured time of each round of each target.
    #[arg(long, value_parser = duration::parse, default_value = "10s")]
    duration: Duration,
    /// Time before it that is not counted.
    #[arg(long, value_parser = duration::parse, default_value = "1s")]
    warmup: Duration,
    /// Rounds of each target, in turns with the others.
    #[arg(long, value_name = "N", default_value_t = 1)]
    interleave: usize,
    /// Size of the key space; keys are drawn evenly.
    #[arg(long, default_value_t = 100_000)]
    keys: u64,
    /// Bytes of a value.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    value_size: usize,
    /// Share of GET, the rest is SET: 0 to 1.
    #[arg(long, default_value_t = 0.9, conflicts_with = "command")]
    read_ratio: f64,
    /// Send only this command.
    #[arg(long, value_enum, ignore_case = true)]
    command: Option<CommandKind>,
    /// Keys of one MGET.
    #[arg(long, default_value_t = 10)]
    mget_keys: usize,
    /// Set every key of the key space first.
    #[arg(long)]
    prefill: bool,
    /// Seed of times, keys and commands.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Process whose CPU time is counted as the server's, in the order of the addresses; 0: none.
    #[arg(long, value_name = "PID")]
    server_pid: Vec<u32>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// A server to load.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Target {
    /// Where it is, as it was given.
    pub(super) name: String,
    /// How to connect to it.
    #[serde(skip)]
    pub(super) dial: Dial,
    /// Its process, if it is to be watched.
    pub(super) server_pid: Option<u32>,
}

/// Checked options.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Plan {
    /// One to [`TARGETS_MAX`].
    pub(super) targets: Vec<Target>,
    /// Requests a second; `None` for a closed loop.
    pub(super) rate: Option<f64>,
    /// Used with a rate.
    pub(super) arrivals: Arrivals,
    /// At least one a thread.
    pub(super) connections: usize,
    /// At least one.
    pub(super) pipeline: usize,
    /// At least one.
    pub(super) threads: usize,
    /// Above zero.
    pub(super) duration: Duration,
    /// Can be zero.
    pub(super) warmup: Duration,
    /// At least one.
    pub(super) rounds: usize,
    /// What is sent.
    pub(super) workload: WorkloadOptions,
    /// Whether all keys are set first.
    pub(super) prefill: bool,
    /// Seed of the first round; each round, target and thread has its own.
    pub(super) seed: u64,
    /// Whether to print JSON.
    pub(super) json: bool,
}

impl Plan {
    /// Checks the options and resolves the addresses.
    ///
    /// # Errors
    /// The first option that makes no sense.
    pub(super) fn new(arguments: &Arguments) -> anyhow::Result<Plan> {
        let a = arguments;
        let within = |name: &str, value: usize, max: usize| {
            ensure!((1..=max).contains(&value), "--{name} must be 1 to {max}, not {value}");
            Ok(())
        };
        within("connections", a.connections, CONNECTIONS_MAX)?;
        within("pipeline", a.pipeline, PIPELINE_MAX)?;
        within("threads", a.threads, a.connections)?;
        within("interleave", a.interleave, 1000)?;
        within("mget-keys", a.mget_keys, 10_000)?;
        ensure!((1..=KEYS_MAX).contains(&a.keys), "--keys must be 1 to {KEYS_MAX}, not {}", a.keys);
        ensure!(a.value_size <= VALUE_BYTES_MAX, "--value-size must be at most {VALUE_BYTES_MAX}");
        ensure!((0.0..=1.0).contains(&a.read_ratio), "--read-ratio must be 0 to 1, not {}", a.read_ratio);
        ensure!((0.0..=1e9).contains(&a.rate), "--rate must be 0 to 1e9, not {}", a.rate);
        ensure!(!a.duration.is_zero(), "--duration must be above 0");
        Ok(Plan {
            targets: targets(a)?,
            rate: (a.rate > 0.0).then_some(a.rate),
            arrivals: a.arrivals,
            connections: a.connections,
            pipeline: a.pipeline,
            threads: a.threads,
            duration: a.duration,
            warmup: a.warmup,
            rounds: a.interleave,
            workload: WorkloadOptions {
                command: a.command,
                read_ratio: a.read_ratio,
                keys: a.keys,
                value_bytes: a.value_size,
                mget_keys: a.mget_keys,
            },
            prefill: a.prefill,
            seed: a.seed,
            json: a.json,
        })
    }
}

fn targets(arguments: &Arguments) -> anyhow::Result<Vec<Target>> {
    ensure!(arguments.address.len() <= TARGETS_MAX, "at most {TARGETS_MAX} addresses");
    ensure!(
        arguments.server_pid.len() <= arguments.address.len(),
        "more processes (--server-pid) than servers (--address)"
    );
    let pids = arguments.server_pid.iter().map(|&pid| (pid != 0).then_some(pid));
    let pids = pids.chain(std::iter::repeat(None));
    let target = |(text, server_pid): (&String, _)| target(&arguments.access, text, server_pid);
    arguments.address.iter().zip(pids).map(target).collect()
}

fn target(access: &Access, text: &str, server_pid: Option<u32>) -> anyhow::Result<Target> {
    let target = access.target(text, Options::default())?;
    let [Address::Tcp { host, port }] = &target.addresses[..] else {
        bail!("a Unix socket cannot be measured: name HOST:PORT");
    };
    // A URL may hold a password: it is not repeated.
    let name = target.addresses[0].to_string();
    let mut found = (host.as_str(), *port).to_socket_addrs().with_context(|| format!("--address {name}"))?;
    let address = found.next().with_context(|| format!("--address {name}: no such host"))?;
    Ok(Target { name, dial: Dial::new(address, host, &target.options)?, server_pid })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Tool {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn plan(flags: &str) -> anyhow::Result<Plan> {
        let words = std::iter::once("bench").chain(flags.split_whitespace());
        Plan::new(&Tool::try_parse_from(words)?.arguments)
    }

    #[test]
    fn the_defaults_are_a_closed_loop_of_fifty_connections() {
        let plan = plan("").unwrap();
        assert_eq!((plan.rate, plan.connections, plan.pipeline, plan.targets.len()), (None, 50, 1, 1));
        assert_eq!(plan.workload.command, None);
    }

    #[test]
    fn several_addresses_are_targets_with_their_processes() {
        let plan = plan("--address 127.0.0.1:1 --address 127.0.0.1:2 --server-pid 0 --server-pid 7").unwrap();
        let pids: Vec<_> = plan.targets.iter().map(|target| target.server_pid).collect();
        assert_eq!(pids, [None, Some(7)]);
    }

    #[test]
    fn commands_are_named_in_either_case() {
        assert_eq!(plan("--command MGET").unwrap().workload.command, Some(CommandKind::Mget));
        assert_eq!(plan("--command set").unwrap().workload.command, Some(CommandKind::Set));
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        for flags in [
            "--threads 51",
            "--connections 0",
            "--pipeline 0",
            "--rate -1",
            "--rate NaN",
            "--read-ratio 1.1",
            "--duration 0",
            "--address nowhere",
            "--keys 0",
            "--server-pid 1 --server-pid 2",
            "--command GET --read-ratio 0.5",
        ] {
            assert!(plan(flags).is_err(), "{flags}");
        }
    }
}
