//! The settings of a node: `node.yaml`, each with a default; flags of the command line override it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ringmaster_protocol::config::{self, ByteSize, ConfigErrors, Findings, Millis};
use ringmaster_runtime::admin::AdminAccess;
use ringmaster_runtime::door::ListenerConfig;
use ringmaster_runtime::secret::SecretSource;
use ringmaster_runtime::tls::ListenerTls;
use ringmaster_runtime::traces::TracesConfig;
use serde::Deserialize;

use crate::log::Fsync;
use crate::machine;
use crate::store::event::Wanted;
use crate::store::eviction::Policy;
use crate::tracking;

/// Most data threads.
pub const THREADS_MAX: usize = 256;

/// What is kept over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Persistence {
    /// Nothing: a restart begins empty.
    #[default]
    Off,
    /// A write-ahead log.
    Wal,
}

/// Checked settings of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect; port 0 takes a free one. Default `127.0.0.1:6380`.
    pub listen: SocketAddr,
    /// Where the admin port listens; port 0 takes a free one, which is printed. Default `127.0.0.1:0`.
    pub admin: SocketAddr,
    /// Who may look at the admin port. Default: this machine.
    pub admin_access: AdminAccess,
    /// Data threads, 1..=256. Default: one a core.
    pub threads: usize,
    /// Bytes that may be allocated before keys are evicted or, where none may be, writes that need memory get `-OOM`;
    /// 0 is no bound. Default: 80 % of the machine's memory or of what its control group allows.
    pub maxmemory: u64,
    /// What is evicted when memory is full. Default `s3fifo`.
    pub eviction: Policy,
    /// Seed of the hashes of keys, the same on all nodes of a process; nodes that share it put keys in the same
    /// order, so that a SCAN cursor of one means the same on another. Default `None`: a random one, which nobody
    /// can choose colliding keys for.
    pub hash_seed: Option<u64>,
    /// What is kept over a restart. Default `off`.
    pub persistence: Persistence,
    /// When what is kept is made durable. Default `everysec`.
    pub fsync: Fsync,
    /// Where persistent files live. Default `data`.
    pub data_dir: PathBuf,
    /// The file of users, as Redis's ACL file; without one everybody may do everything. Default `None`.
    pub users: Option<PathBuf>,
    /// The file with the password of the user `default`, who may do everything; not beside `users`. Default `None`.
    pub password_file: Option<PathBuf>,
    /// Listens beyond this machine though everybody may do everything. Default `false`.
    pub insecure: bool,
    /// How clients speak TLS, which they then must. Default: in the clear.
    pub tls: Option<ListenerTls>,
    /// More addresses to listen on. Default: none.
    pub listeners: Vec<ListenerConfig>,
    /// Where traces of commands go. Default `None`: nowhere.
    pub tracing: Option<TracesConfig>,
    /// Whether profiles may be taken over the admin port. Default `false`.
    pub profiling: bool,
    /// The secret that proxies must know to be served; with one, nobody else is served but users. Default: none.
    pub secret: SecretSource,
    /// Most clients at once. Range 1..=1,000,000, default 10,000.
    pub clients_max: usize,
    /// Most clients of one address at once, 0 for no bound. Range 0..=1,000,000, default 0.
    pub clients_per_address: usize,
    /// Most clients that connect in a second, 0 for no bound. Range 0..=1,000,000, default 0.
    pub connects_per_second: usize,
    /// Longest request in bytes. Range 1 KiB..=2 GiB, default 1 GiB.
    pub request_bytes_max: usize,
    /// A client that sends nothing for so long is closed; `None` never. Default `None`.
    pub client_idle: Option<Duration>,
    /// A client that reads nothing of its replies for so long is closed. Range 1 s..=1 h, default 60 s.
    pub client_write: Duration,
    /// Keyspace events that are published. Default: none.
    pub notify_keyspace_events: Wanted,
    /// Keys that are remembered for clients that track what they read; 0 is no bound. Default 1,000,000.
    pub tracking_table_max_keys: usize,
    /// How long connections may finish when the node stops. Range 0..=10 min, default 5 s.
    pub drain: Duration,
    /// How long a node that stops waits until others serve its slots. Range 0..=10 min, default 25 s.
    pub leave: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: local(6380),
            admin: local(0),
            admin_access: AdminAccess::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX),
            maxmemory: machine::memory_bytes().map_or(0, |bytes| bytes / 5 * 4),
            eviction: Policy::default(),
            hash_seed: None,
            persistence: Persistence::Off,
            fsync: Fsync::default(),
            data_dir: PathBuf::from("data"),
            users: None,
            password_file: None,
            insecure: false,
            tls: None,
            listeners: Vec::new(),
            tracing: None,
            profiling: false,
            secret: SecretSource::None,
            clients_max: 10_000,
            clients_per_address: 0,
            connects_per_second: 0,
            request_bytes_max: 1 << 30,
            client_idle: None,
            client_write: Duration::from_secs(60),
            notify_keyspace_events: Wanted::default(),
            tracking_table_max_keys: tracking::KEYS_MAX,
            drain: Duration::from_secs(5),
            leave: Duration::from_secs(25),
        }
    }
}

/// `node.yaml` as it is written. What is left out has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileConfig {
    listen: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    admin_access: AdminAccess,
    threads: Option<usize>,
    maxmemory: Option<ByteSize>,
    eviction: Option<Policy>,
    hash_seed: Option<u64>,
    persistence: Option<Persistence>,
    fsync: Option<Fsync>,
    data_dir: Option<PathBuf>,
    users: Option<PathBuf>,
    password_file: Option<PathBuf>,
    insecure: bool,
    tls: Option<ListenerTls>,
    listeners: Vec<ListenerConfig>,
    tracing: Option<TracesConfig>,
    profiling: bool,
    secret_file: Option<PathBuf>,
    clients_max: Option<usize>,
    clients_per_address: usize,
    connects_per_second: usize,
    request_bytes_max: Option<ByteSize>,
    client_idle: Option<Millis>,
    client_write: Option<Millis>,
    notify_keyspace_events: Option<String>,
    tracking_table_max_keys: Option<usize>,
    drain: Option<Millis>,
    leave: Option<Millis>,
}

impl TryFrom<FileConfig> for Config {
    type Error = Findings;

    fn try_from(file: FileConfig) -> Result<Self, Findings> {
        let default = Self::default();
        let wanted = Wanted::parse(file.notify_keyspace_events.unwrap_or_default().as_bytes());
        let config = Self {
            listen: file.listen.unwrap_or(default.listen),
            admin: file.admin.unwrap_or(default.admin),
            admin_access: file.admin_access,
            threads: file.threads.unwrap_or(default.threads),
            maxmemory: file.maxmemory.map_or(default.maxmemory, ByteSize::bytes),
            eviction: file.eviction.unwrap_or(default.eviction),
            hash_seed: file.hash_seed,
            persistence: file.persistence.unwrap_or(default.persistence),
            fsync: file.fsync.unwrap_or(default.fsync),
            data_dir: file.data_dir.unwrap_or(default.data_dir),
            users: file.users,
            password_file: file.password_file,
            insecure: file.insecure,
            tls: file.tls,
            listeners: file.listeners,
            tracing: file.tracing,
            profiling: file.profiling,
            secret: file.secret_file.map_or(default.secret, SecretSource::File),
            clients_max: file.clients_max.unwrap_or(default.clients_max),
            clients_per_address: file.clients_per_address,
            connects_per_second: file.connects_per_second,
            request_bytes_max: file.request_bytes_max.map_or(default.request_bytes_max, ByteSize::as_usize),
            client_idle: file.client_idle.map_or(default.client_idle, Millis::unless_zero),
            client_write: file.client_write.map_or(default.client_write, Millis::duration),
            notify_keyspace_events: wanted.unwrap_or_default(),
            tracking_table_max_keys: file.tracking_table_max_keys.unwrap_or(default.tracking_table_max_keys),
            drain: file.drain.map_or(default.drain, Millis::duration),
            leave: file.leave.map_or(default.leave, Millis::duration),
        };
        let mut findings = config.check();
        if wanted.is_none() {
            findings.add(
                "notify_keyspace_events",
                "has a letter that names no events; use letters of Ag$lshzxeKEtmdn",
            );
        }
        findings.or(config)
    }
}

impl Config {
    /// Reads the text of a `node.yaml`; `file` is its name in messages.
    ///
    /// # Errors
    /// Everything that is wrong with it, by line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        config::load::<FileConfig, Self>(file, text)
    }

    /// What is wrong with the values, by the names of their keys.
    #[must_use]
    pub fn check(&self) -> Findings {
        let mut findings = Findings::default();
        findings.range("threads", self.threads, 1..=THREADS_MAX);
        findings.range("clients_max", self.clients_max, 1..=1_000_000);
        findings.range("clients_per_address", self.clients_per_address, 0..=1_000_000);
        findings.range("connects_per_second", self.connects_per_second, 0..=1_000_000);
        findings.range("request_bytes_max", self.request_bytes_max, 1 << 10..=2 << 30);
        findings.range("client_write", self.client_write.as_secs(), 1..=3600);
        findings.range("drain", self.drain.as_secs(), 0..=600);
        findings.range("leave", self.leave.as_secs(), 0..=600);
        if let Some(tls) = &self.tls {
            tls.check("tls", &mut findings);
        }
        self.admin_access.check("admin_access", &mut findings);
        ListenerConfig::check_all(&self.listeners, &mut findings);
        if let Some(tracing) = &self.tracing {
            tracing.check("tracing", &mut findings);
        }
        if self.users.is_some() && self.password_file.is_some() {
            findings.add("password_file", "stands beside `users`: give `default` its password there");
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_the_defaults() {
        let text = include_str!("../../configs/node.yaml");
        assert_eq!(Config::parse("node.yaml", text).unwrap(), Config::default());
    }

    #[test]
    fn letters_of_events_are_checked() {
        let config = Config::parse("node.yaml", "notify_keyspace_events: Ex\n").unwrap();
        assert_eq!(config.notify_keyspace_events.to_string(), "xE");
        let said = Config::parse("node.yaml", "notify_keyspace_events: Eq\n").unwrap_err().to_string();
        assert!(said.contains("node.yaml:1:25"), "{said}");
    }

    #[test]
    fn all_that_is_wrong_is_said_with_its_place() {
        let text = "listen: nowhere\nthreads: 0\npersistence: wal\nfsync: often\nmaxmemroy: 1gb\n";
        let said = Config::parse("node.yaml", text).unwrap_err().to_string();
        for part in ["node.yaml:1:9", "node.yaml:2:10", "maxmemory"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
