//! `ringmaster-node`: one cache node as a process.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use ringmaster_node::Node;
use ringmaster_node::config::{Config, Persistence};
use ringmaster_node::store::eviction::Policy;
use ringmaster_protocol::config::ByteSize;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A Ringmaster cache node. It speaks the Redis protocol; proxies or any Redis client connect to it.
#[derive(Parser)]
#[command(name = "ringmaster-node", version)]
struct Flags {
    /// Settings in YAML; see configs/node.yaml. Flags override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where clients connect [default: 127.0.0.1:6380]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where /healthz, /readyz and /metrics are served [default: 127.0.0.1 on a free port]
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Where persistent files live [default: data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Data threads [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Memory before keys are evicted, e.g. 4gb [default: 80 % of what there is]
    #[arg(long, value_name = "SIZE")]
    maxmemory: Option<ByteSize>,
    /// What is evicted when memory is full: s3fifo, allkeys-lru and so on as in Redis [default: s3fifo]
    #[arg(long, value_name = "POLICY")]
    eviction: Option<Policy>,
    /// What is kept over a restart: off or wal [default: off]
    #[arg(long, value_name = "MODE", value_parser = persistence)]
    persistence: Option<Persistence>,
    /// What is logged: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
}

fn persistence(text: &str) -> Result<Persistence, String> {
    match text {
        "off" => Ok(Persistence::Off),
        "wal" => Ok(Persistence::Wal),
        _ => Err("must be `off` or `wal`".to_owned()),
    }
}

impl Flags {
    fn config(self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            None => Config::default(),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
                Config::parse(&name, &text)?
            }
        };
        config.listen = self.listen.unwrap_or(config.listen);
        config.admin = self.admin.unwrap_or(config.admin);
        config.data_dir = self.data_dir.unwrap_or(config.data_dir);
        config.threads = self.threads.unwrap_or(config.threads);
        config.maxmemory = self.maxmemory.map_or(config.maxmemory, ByteSize::bytes);
        config.eviction = self.eviction.unwrap_or(config.eviction);
        config.persistence = self.persistence.unwrap_or(config.persistence);
        Ok(config)
    }
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    ringmaster_runtime::logging::start(&flags.log);
    let node = Node::start(flags.config()?)?;
    tracing::info!(address = %node.address(), admin = %node.admin_address(), "node is ready");
    ringmaster_runtime::signal::wait_for_stop()?;
    tracing::info!("stopping");
    node.stop();
    Ok(())
}
