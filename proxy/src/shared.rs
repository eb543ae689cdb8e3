//! What all threads of a proxy share. Nothing here is written on the way of a command.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use ringmaster_protocol::acl::Accounts;

use crate::cluster::Topology;
use crate::config::{ClusterConfig, ReloadStatus};
use crate::control::Published;
use crate::dial::Credentials;
use crate::downstream::directory::Directory;
use crate::settings::Config;
use crate::telemetry::{Counter, Nodes, ThreadMetrics};

/// One proxy.
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Which node serves which slot; replaced whole by a reload.
    pub(crate) topology: Arc<ArcSwap<Topology>>,
    /// What the control thread has for the others; `None` in a cluster of single copies, which has no views.
    pub(crate) published: Option<Arc<Published>>,
    pub(crate) reloads: Arc<ReloadStatus>,
    pub(crate) nodes: Nodes,
    /// By data thread.
    pub(crate) metrics: Vec<Arc<ThreadMetrics>>,
    pub(crate) directory: Directory,
    /// The users.
    pub(crate) accounts: Arc<Accounts>,
    /// By what nodes know this proxy.
    pub(crate) credentials: Arc<Credentials>,
    /// Since the Unix epoch.
    pub(crate) started_at: Duration,
    /// 40 hexadecimal digits, new with each start.
    pub(crate) run_id: String,
    clients_max: usize,
    port: OnceLock<u16>,
}

impl Shared {
    pub(crate) fn new(config: Config, cluster: &ClusterConfig, published: Option<Arc<Published>>) -> Self {
        let topology = cluster.topology();
        let metrics = (0..config.threads).map(|_| Arc::default()).collect();
        let clients_max = topology.load().file().limits.clients;
        let random: [u8; 20] = rand::random();
        Self {
            config,
            topology,
            published,
            reloads: cluster.status(),
            nodes: Nodes::default(),
            metrics,
            directory: Directory::default(),
            accounts: cluster.accounts(),
            credentials: cluster.credentials(),
            started_at: now(),
            run_id: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            clients_max,
            port: OnceLock::new(),
        }
    }

    /// Time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        now()
    }

    /// Most clients at once, as of the start.
    pub(crate) fn clients_max(&self) -> usize {
        self.clients_max
    }

    /// The port that clients connect to, 0 until it is bound.
    pub(crate) fn port(&self) -> u16 {
        self.port.get().copied().unwrap_or(0)
    }

    /// The port was bound.
    pub(crate) fn set_port(&self, port: u16) {
        // Set once, by the one who starts the proxy.
        let _ = self.port.set(port);
    }

    /// One counter, added up over the threads.
    pub(crate) fn sum(&self, counter: impl Fn(&ThreadMetrics) -> &Counter) -> u64 {
        self.metrics.iter().map(|metrics| counter(metrics).get()).sum()
    }
}

fn now() -> Duration {
    // A clock before 1970 is a broken clock; zero is as good as any.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
