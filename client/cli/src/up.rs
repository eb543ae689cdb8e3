//! `ringmaster up`: a whole cluster on this machine, in one process. For trying things out: what is in memory
//! is gone when it stops.

mod cluster;
mod directory;
mod yaml;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, ensure};

use cluster::{Cluster, Shape};
use directory::Directory;

/// Most nodes, and most proxies, of a local cluster.
const MEMBERS_MAX: u16 = 64;

/// Copies of each key where there are nodes for them.
const REPLICAS: u16 = 2;

/// Starts a whole cluster on this machine, in this process.
///
/// The nodes listen on free ports of loopback, the proxies on --port and the ports after it. Applications use any
/// proxy, with any Redis client. Ctrl-C lets commands in flight finish, then stops everything; keys are in memory
/// only and are gone then.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Nodes, which hold the keys.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=i64::from(MEMBERS_MAX)))]
    nodes: u16,
    /// Proxies, which applications connect to.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MEMBERS_MAX)))]
    proxies: u16,
    /// Copies of each key [default: 2, with one node 1].
    #[arg(long, value_name = "N")]
    replicas: Option<u16>,
    /// Port of the first proxy; the others take the ports after it. 0: free ports.
    #[arg(long, default_value_t = 6379)]
    port: u16,
    /// Where cluster.yaml is written; edit it there while the cluster runs. Default: a new temporary directory,
    /// removed at the end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Data threads of each node and each proxy.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Lets the admin ports of nodes and proxies take profiles of this process: /debug/pprof/profile and
    /// /debug/pprof/flamegraph. All members are threads of it, so each shows all of them.
    #[arg(long)]
    profiling: bool,
    /// What is logged to standard error: error, warn, info, debug, trace.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: String,
}

/// Runs `ringmaster up` until SIGINT or SIGTERM.
///
/// # Errors
/// The cluster cannot start: a port is taken, more copies are asked for than there can be, the directory cannot be
/// written.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    ringmaster_runtime::logging::start(&arguments.log);
    let begin = Instant::now();
    let shape = arguments.shape()?;
    let directory = Directory::new(arguments.data_dir.as_deref())?;
    let cluster = Cluster::start(&shape, &directory)?;
    print!("{}", cluster.describe(&directory, begin.elapsed()));
    ringmaster_runtime::signal::wait_for_stop().context("cannot wait for signals")?;
    println!("Stopping: commands in flight may finish. Ctrl-C again stops at once.");
    leave_at_once_on_a_second_signal();
    cluster.stop();
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn shape(&self) -> anyhow::Result<Shape> {
        let last = u32::from(self.port) + u32::from(self.proxies) - 1;
        ensure!(last <= u32::from(u16::MAX), "--port {} has no room for {} ports", self.port, self.proxies);
        Ok(Shape {
            nodes: self.nodes,
            proxies: self.proxies,
            replicas: self.replicas.unwrap_or(self.nodes.min(REPLICAS)),
            port: self.port,
            threads: self.threads,
            profiling: self.profiling,
        })
    }
}

/// Draining can take seconds; who does not want to wait need not.
fn leave_at_once_on_a_second_signal() {
    std::thread::spawn(|| {
        if ringmaster_runtime::signal::wait_for_stop().is_ok() {
            std::process::exit(130);
        }
    });
}
