//! What all threads of a node share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringmaster_protocol::acl::Accounts;
use ringmaster_protocol::view::{Boot, Incarnation};
use ringmaster_runtime::admission::Admission;
use ringmaster_runtime::door::Doors;
use ringmaster_runtime::metrics::threads::DataThreads;
use ringmaster_runtime::secret::SecretKeeper;
use ringmaster_runtime::traces::Traces;

use super::account::Account;
use super::attention::Attention;
use super::attention::monitors::Monitors;
use super::attention::pause::Pause;
use super::clients::Clients;
use super::counters::{CommandTotals, Counters, Totals, sum_of_commands, sum_of_errors};
use super::keeping::Keeping;
use super::room::chains::ChainRoom;
use super::scripts::Scripts;
use super::settings::{Accepted, ClientLimits};
use super::timing::Timing;
use crate::cluster::member::Member;
use crate::config::Config;
use crate::engine::Engine;

/// Redis's `maxmemory-samples` is 5; one cache line of buckets names eight entries.
const EVICTION_SAMPLES: usize = 8;

/// One node: its engine, its clients, its figures.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) scripts: Scripts,
    pub(crate) counters: Box<[Counters]>,
    /// Which threads serve clients.
    pub(crate) threads: DataThreads,
    pub(crate) memory: Account,
    /// Counters at the last `CONFIG RESETSTAT`.
    pub(crate) base: Mutex<Base>,
    pub(crate) started: Instant,
    /// The same since the Unix epoch.
    pub(crate) started_at: Duration,
    /// Where clients connect, once it is bound.
    pub(crate) address: OnceLock<SocketAddr>,
    /// 40 hexadecimal digits, new with each start.
    pub(crate) run_id: String,
    /// The bound of memory in bytes, 0 for none; `CONFIG SET maxmemory` changes it.
    pub(crate) maxmemory: AtomicU64,
    /// Entries that are looked at for each key that is evicted.
    pub(crate) eviction_samples: AtomicUsize,
    /// How many connections there may be.
    pub(crate) admission: Arc<Admission>,
    /// Where clients come in.
    pub(crate) doors: Doors,
    /// Where traces go, if anywhere.
    pub(crate) traces: Option<Arc<Traces>>,
    /// Bounds of a client.
    pub(crate) limits: ClientLimits,
    pub(crate) timing: Timing,
    pub(crate) attention: Arc<Attention>,
    /// The users.
    pub(crate) accounts: Accounts,
    /// What proxies must know to be served; none where every client is.
    pub(crate) secrets: SecretKeeper,
    /// Proofs of proxies that were wrong.
    pub(crate) wrong_proofs: AtomicU64,
    /// Its part in a cluster.
    pub(crate) member: Member,
    /// What it does about memory as a member of chains.
    pub(crate) chain_room: ChainRoom,
    /// The log.
    pub(crate) keeping: Keeping,
    pub(crate) monitors: Monitors,
    pub(crate) pause: Pause,
    /// Whether due keys are looked for (`DEBUG SET-ACTIVE-EXPIRE`).
    pub(crate) expires_actively: AtomicBool,
    /// Settings that change nothing.
    pub(crate) accepted: Accepted,
    /// Commands a second over the last full second.
    pub(crate) rate: AtomicU64,
    /// Keys, as of the last look: once a second.
    pub(crate) keys: AtomicU64,
    /// How late keys were freed after their deadlines, at most, in the last full second; in milliseconds.
    pub(crate) expiry_lag_millis: AtomicU64,
}

/// What the counters were when statistics were last reset.
#[derive(Debug, Default)]
pub(crate) struct Base {
    totals: Totals,
    commands: Vec<CommandTotals>,
    errors: BTreeMap<String, u64>,
}

impl Shared {
    pub(crate) fn new(engine: Engine, config: Config, admission: Arc<Admission>, doors: Doors) -> Self {
        let shared = Self {
            engine,
            clients: Clients::default(),
            scripts: Scripts::default(),
            counters: (0..config.threads).map(|_| Counters::default()).collect(),
            threads: DataThreads::new(config.threads),
            memory: Account::default(),
            base: Mutex::default(),
            started: Instant::now(),
            started_at: unix_time(),
            address: OnceLock::new(),
            run_id: random_hex(40),
            maxmemory: AtomicU64::new(config.maxmemory),
            eviction_samples: AtomicUsize::new(EVICTION_SAMPLES),
            admission,
            doors,
            traces: None,
            limits: ClientLimits::new(&config),
            timing: Timing::default(),
            attention: Arc::default(),
            accounts: Accounts::default(),
            secrets: SecretKeeper::default(),
            wrong_proofs: AtomicU64::new(0),
            member: Member::new(Incarnation(random_bits()), Boot(random_bits())),
            chain_room: ChainRoom::new(config.threads),
            keeping: Keeping::default(),
            monitors: Monitors::default(),
            pause: Pause::default(),
            expires_actively: AtomicBool::new(true),
            accepted: Accepted::default(),
            rate: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            expiry_lag_millis: AtomicU64::new(0),
            config,
        };
        shared.engine.store().replacement().set_policy(shared.config.eviction);
        shared.set_maxmemory(shared.config.maxmemory);
        shared.look_at_keys();
        shared
    }

    /// Bounds memory by so many bytes, 0 for no bound.
    pub(crate) fn set_maxmemory(&self, bytes: u64) {
        self.maxmemory.store(bytes, Ordering::Relaxed);
        self.engine.store().set_memory_max(bytes);
    }

    /// Tells eviction how much there is, and looks at what is resident.
    pub(crate) fn look_at_keys(&self) {
        let store = self.engine.store();
        let keys = store.census().iter().map(|count| count.keys).sum();
        self.keys.store(keys, Ordering::Relaxed);
        store.replacement().look(keys, self.memory.used_bytes(), unix_time().as_secs());
        store.replacement().fit_curve(self.maxmemory.load(Ordering::Relaxed));
        self.memory.look_at_kernel();
    }

    /// Counters since the start or `CONFIG RESETSTAT`.
    pub(crate) fn totals(&self) -> Totals {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner).totals;
        Totals::of(&self.counters).since(base)
    }

    /// What came of each command since the start or `CONFIG RESETSTAT`, by the commands' ids.
    pub(crate) fn command_totals(&self) -> Vec<CommandTotals> {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let sums = sum_of_commands(&self.counters).into_iter().enumerate();
        let none = CommandTotals::default();
        sums.map(|(id, sum)| sum.since(base.commands.get(id).unwrap_or(&none))).collect()
    }

    /// Error replies by code since the start or `CONFIG RESETSTAT`.
    pub(crate) fn error_totals(&self) -> Vec<(String, u64)> {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let before = |code: &str| base.errors.get(code).copied().unwrap_or(0);
        let sums = sum_of_errors(&self.counters).into_iter();
        sums.map(|(code, sum)| (sum - before(&code), code))
            .filter(|(sum, _)| *sum > 0)
            .map(|(sum, code)| (code, sum))
            .collect()
    }

    /// Makes the counters begin at zero.
    pub(crate) fn reset_totals(&self) {
        let base = Base {
            totals: Totals::of(&self.counters),
            commands: sum_of_commands(&self.counters),
            errors: sum_of_errors(&self.counters),
        };
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = base;
        self.timing.longest.reset();
        self.engine.store().forget_longest_hold();
    }
}

/// Time since the Unix epoch; zero if the clock is before it.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Unix milliseconds.
#[inline]
pub(crate) fn unix_millis() -> u64 {
    millis_of(unix_time())
}

/// Whole milliseconds.
#[inline]
pub(crate) fn millis_of(time: Duration) -> u64 {
    time.as_secs() * 1000 + u64::from(time.subsec_millis())
}

/// Fills `out` with bytes that nobody can guess, from the kernel.
pub(crate) fn random_bytes(out: &mut [u8]) {
    getrandom::fill(out).expect("the kernel gives random bytes");
}

/// 128 random bits.
fn random_bits() -> u128 {
    let mut bytes = [0; 16];
    random_bytes(&mut bytes);
    u128::from_le_bytes(bytes)
}

fn random_hex(digits: usize) -> String {
    let mut bytes = vec![0; digits.div_ceil(2)];
    random_bytes(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..digits].to_owned()
}
