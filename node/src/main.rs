//! `ringmaster-node`: one cache node as a process.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use ringmaster_node::config::{Config, Persistence};
use ringmaster_node::dump_file::Fields;
use ringmaster_node::log::disk::RealDisk;
use ringmaster_node::log::{Fsync, check};
use ringmaster_node::store::eviction::Policy;
use ringmaster_node::{Node, offline};
use ringmaster_protocol::config::ByteSize;
use ringmaster_protocol::slot::SLOT_COUNT;
use ringmaster_runtime::secret::SecretSource;
use ringmaster_runtime::tls::ListenerTls;
use ringmaster_runtime::traces::TracesConfig;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A Ringmaster cache node. It speaks the Redis protocol; proxies or any Redis client connect to it.
#[derive(Parser)]
#[command(name = "ringmaster-node", version, args_conflicts_with_subcommands = true)]
struct Flags {
    #[command(subcommand)]
    command: Option<Command>,
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
    #[arg(long, visible_alias = "dir", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Who may do what, a line a user as in Redis's ACL file [default: everybody everything]
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// The password of the user `default`, one line, instead of a file of users [default: none]
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    password_file: Option<PathBuf>,
    /// The token of the admin port, one line of at least 16 characters [default: none]
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// Let everybody who reaches the admin port look at it
    #[arg(long)]
    admin_open: bool,
    /// Listen beyond this machine though everybody may do everything
    #[arg(long)]
    insecure: bool,
    /// The certificate for TLS, in PEM; clients must speak it then [default: none, in the clear]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Who may sign the certificates of clients, which they must show then
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_ca: Option<PathBuf>,
    /// The secret of the cluster, one line; with it only proxies that know it are served, and users. Also in the environment
    /// variable RINGMASTER_SECRET [default: none]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Where traces of commands go, in place of what the settings say [default: nowhere]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "http://HOST:PORT")]
    tracing_endpoint: Option<String>,
    /// Let who may change something over the admin port have profiles taken: /debug/pprof/profile and /debug/pprof/flamegraph
    #[arg(long)]
    profiling: bool,
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
    /// When the log is made durable: always, everysec or no [default: everysec]
    #[arg(long, value_name = "MODE", value_parser = fsync)]
    fsync: Option<Fsync>,
    /// What is logged: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
}

/// What is done with a data directory that no node uses.
#[derive(Subcommand)]
enum Command {
    /// Read the log in a data directory and tell what is in it. The exit code is 1 if it is damaged
    Check {
        /// The data directory
        directory: PathBuf,
    },
    /// Make a damaged log usable
    Repair {
        /// The data directory
        directory: PathBuf,
        /// Give up the first damaged record and all that follows it. It is kept aside in the directory
        #[arg(long, required = true)]
        cut: bool,
    },
    /// Put the keys of a Redis dump.rdb into a data directory, which is made if it is not there
    Import {
        /// The dump.rdb, of Redis 2.8 to 8.0
        file: PathBuf,
        /// The data directory
        #[arg(long, default_value = "data", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Write what a data directory holds as a dump.rdb, for Redis 7.0 and later
    Export {
        /// The dump.rdb; one that is there is replaced
        file: PathBuf,
        /// The data directory
        #[arg(long, default_value = "data", value_name = "DIR")]
        dir: PathBuf,
        /// Write the deadlines of single fields of hashes, too: for Redis 7.4 and later only
        #[arg(long)]
        fields: bool,
    },
}

impl Command {
    fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check { directory } => {
                let report = check::check(&existing(directory)?)?;
                print!("{}", report.text);
                Ok(if report.damage.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
            }
            Self::Repair { directory, .. } => {
                match check::repair(&existing(directory)?)? {
                    Some(damage) => println!("cut at {damage}"),
                    None => println!("not damaged, nothing was changed"),
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Import { file, dir } => import(file, dir),
            Self::Export { file, dir, fields } => {
                export(file, dir, if *fields { Fields::Kept } else { Fields::Dropped })
            }
        }
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(len: u64, template: &str) -> anyhow::Result<ProgressBar> {
    Ok(ProgressBar::new(len).with_style(ProgressStyle::with_template(template)?))
}

fn import(file: &Path, directory: &Path) -> anyhow::Result<ExitCode> {
    let named = || format!("cannot import {} into {}", file.display(), directory.display());
    let bytes = file.metadata().with_context(named)?.len();
    let bar = bar(bytes, "{wide_bar} {bytes}/{total_bytes}, {eta} left, {msg}")?;
    let imported = offline::import(directory, file, &mut |imported| {
        bar.set_position(imported.bytes);
        bar.set_message(format!("{} keys", imported.keys));
    });
    bar.finish_and_clear();
    let imported = imported.with_context(named)?;
    println!("{} keys imported into {}", imported.keys, directory.display());
    if imported.expired > 0 {
        println!("{} keys had expired and were left out", imported.expired);
    }
    if !imported.libraries.is_empty() {
        println!("{} libraries of functions imported", imported.libraries.len());
    }
    Ok(ExitCode::SUCCESS)
}

fn export(file: &Path, directory: &Path, fields: Fields) -> anyhow::Result<ExitCode> {
    let bar = bar(SLOT_COUNT as u64, "{wide_bar} {percent} %, {eta} left, {msg}")?;
    let exported = offline::export(directory, file, fields, &mut |exported| {
        bar.set_position(u64::from(exported.slots));
        bar.set_message(format!("{} keys", exported.keys));
    });
    bar.finish_and_clear();
    let exported =
        exported.with_context(|| format!("cannot export {} to {}", directory.display(), file.display()))?;
    println!("{} keys exported to {}", exported.keys, file.display());
    if exported.deadlines_dropped > 0 {
        println!(
            "{} fields of hashes expire here and will not there: Redis 7.0 has no such fields (--fields keeps them, for 7.4)",
            exported.deadlines_dropped
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn existing(directory: &Path) -> anyhow::Result<RealDisk> {
    RealDisk::existing(directory).with_context(|| format!("cannot use {}", directory.display()))
}

fn persistence(text: &str) -> Result<Persistence, String> {
    match text {
        "off" => Ok(Persistence::Off),
        "wal" => Ok(Persistence::Wal),
        _ => Err("must be `off` or `wal`".to_owned()),
    }
}

fn fsync(text: &str) -> Result<Fsync, String> {
    let modes = [Fsync::Always, Fsync::Everysec, Fsync::No];
    modes
        .into_iter()
        .find(|mode| mode.name() == text)
        .ok_or_else(|| "must be `always`, `everysec` or `no`".to_owned())
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
        config.users = self.users.or(config.users);
        config.password_file = self.password_file.or(config.password_file);
        config.insecure |= self.insecure;
        config.profiling |= self.profiling;
        config.admin_access.open |= self.admin_open;
        config.admin_access.token_file = self.admin_token_file.or(config.admin_access.token_file);
        if let Some((certificate, key)) = self.tls_certificate.zip(self.tls_key) {
            config.tls = Some(ListenerTls::of_flags(certificate, key, self.tls_ca));
        }
        if let Some(file) = self.secret_file {
            config.secret = SecretSource::File(file);
        } else if !config.secret.is_some() {
            config.secret = SecretSource::of_environment().map_err(anyhow::Error::msg)?;
        }
        config.tracing = TracesConfig::with_endpoint(config.tracing, self.tracing_endpoint);
        config.threads = self.threads.unwrap_or(config.threads);
        config.maxmemory = self.maxmemory.map_or(config.maxmemory, ByteSize::bytes);
        config.eviction = self.eviction.unwrap_or(config.eviction);
        config.persistence = self.persistence.unwrap_or(config.persistence);
        config.fsync = self.fsync.unwrap_or(config.fsync);
        Ok(config)
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let flags = Flags::parse();
    if let Some(command) = &flags.command {
        return command.run();
    }
    ringmaster_runtime::logging::start(&flags.log);
    let node = Node::start(flags.config()?)?;
    tracing::info!(address = %node.address(), admin = %node.admin_address(), "node is ready");
    ringmaster_runtime::signal::wait_for_stop()?;
    tracing::info!("stopping");
    node.leave(&hurries_at_a_second_signal());
    node.stop();
    Ok(ExitCode::SUCCESS)
}

/// Set when another signal comes: who does not want to wait need not.
fn hurries_at_a_second_signal() -> Arc<AtomicBool> {
    let is_in_hurry = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&is_in_hurry);
    std::thread::spawn(move || {
        if ringmaster_runtime::signal::wait_for_stop().is_ok() {
            set.store(true, Ordering::Relaxed);
        }
    });
    is_in_hurry
}
