//! What all threads of a proxy share. Nothing here is written on the way of a command.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use ringmaster_protocol::acl::Accounts;
use ringmaster_runtime::admission::Admission;
use ringmaster_runtime::door::Doors;
use ringmaster_runtime::metrics::threads::DataThreads;
use ringmaster_runtime::traces::Traces;
use tokio::sync::watch;

use crate::attention::Attention;
use crate::cluster::Topology;
use crate::config::{ClusterConfig, ReloadStatus};
use crate::control::Published;
use crate::dial::Credentials;
use crate::downstream::directory::Directory;
use crate::hot_keys::Board;
use crate::quota::Quotas;
use crate::settings::Config;
use crate::telemetry::{Counter, History, Nodes, ThreadMetrics};

/// One proxy.
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Which node serves which slot; replaced whole by a reload.
    pub(crate) topology: Arc<ArcSwap<Topology>>,
    /// What the control thread has for the others.
    pub(crate) control: Arc<Published>,
    pub(crate) reloads: Arc<ReloadStatus>,
    pub(crate) nodes: Nodes,
    /// By data thread.
    pub(crate) metrics: Vec<Arc<ThreadMetrics>>,
    /// Which threads serve clients.
    pub(crate) threads: DataThreads,
    /// The last seconds.
    pub(crate) history: History,
    pub(crate) hot_keys: Arc<Board>,
    pub(crate) directory: Directory,
    /// Who monitors, and a pause.
    pub(crate) attention: Attention,
    /// The users.
    pub(crate) accounts: Arc<Accounts>,
    /// Hears of each change of the users.
    pub(crate) users_changed: watch::Receiver<()>,
    /// How much of the proxy users may have.
    pub(crate) quotas: Arc<ArcSwap<Quotas>>,
    /// By what nodes know this proxy.
    pub(crate) credentials: Arc<Credentials>,
    /// Where clients come in.
    pub(crate) doors: Doors,
    /// Where traces go, if anywhere.
    pub(crate) traces: Option<Arc<Traces>>,
    /// Since the Unix epoch.
    pub(crate) started_at: Duration,
    /// 40 hexadecimal digits, new with each start.
    pub(crate) run_id: String,
    /// How many clients there may be.
    pub(crate) admission: Arc<Admission>,
    port: OnceLock<u16>,
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        cluster: &ClusterConfig,
        control: Arc<Published>,
        doors: Doors,
        traces: Option<Arc<Traces>>,
    ) -> Self {
        let topology = cluster.topology();
        let metrics = (0..config.threads).map(|_| Arc::default()).collect();
        let admission = Arc::new(Admission::new(topology.load().file().limits.clients));
        let random: [u8; 20] = rand::random();
        let hot_keys = Arc::new(Board::new(config.threads));
        Self {
            threads: DataThreads::new(config.threads),
            config,
            hot_keys,
            topology,
            control,
            reloads: cluster.status(),
            nodes: Nodes::default(),
            metrics,
            history: History::default(),
            directory: Directory::default(),
            attention: Attention::default(),
            accounts: cluster.accounts(),
            users_changed: cluster.users_changed(),
            quotas: cluster.quotas(),
            credentials: cluster.credentials(),
            doors,
            traces,
            started_at: now(),
            run_id: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            admission,
            port: OnceLock::new(),
        }
    }

    /// What the control thread has for the others where slots are served by views; `None` while the cluster.yaml alone
    /// says where they are.
    #[inline]
    pub(crate) fn published(&self) -> Option<&Arc<Published>> {
        self.control.by_views().then_some(&self.control)
    }

    /// Time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        now()
    }

    /// Most clients at once.
    pub(crate) fn clients_max(&self) -> usize {
        self.admission.max()
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

    /// The own certificates, by who is shown them, and when they end since the Unix epoch: the one that ends first.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let clients = self.doors.certificates().map(|(_, expires_at)| ("clients", expires_at)).min();
        let nodes = self.credentials.tls().map(|tls| ("nodes", tls.expires_at()));
        clients.into_iter().chain(nodes)
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
