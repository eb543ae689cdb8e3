//! What all threads of a node share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringmaster_runtime::admission::Admission;

use super::attention::Attention;
use super::attention::monitors::Monitors;
use super::attention::pause::Pause;
use super::clients::Clients;
use super::counters::{CommandTotals, Counters, Totals, sum_of_commands, sum_of_errors};
use super::settings::ClientLimits;
use super::timing::Timing;
use crate::config::Config;
use crate::engine::Engine;

/// One node: its engine, its clients, its figures.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) counters: Box<[Counters]>,
    pub(crate) memory: MemoryGauge,
    /// Counters at the last `CONFIG RESETSTAT`.
    pub(crate) base: Mutex<Base>,
    pub(crate) started: Instant,
    /// Where clients connect, once it is bound.
    pub(crate) address: OnceLock<SocketAddr>,
    /// 40 hexadecimal digits, new with each start.
    pub(crate) run_id: String,
    /// The bound of memory in bytes, 0 for none; `CONFIG SET maxmemory` changes it.
    pub(crate) maxmemory: AtomicU64,
    /// How many connections there may be.
    pub(crate) admission: Arc<Admission>,
    /// Bounds of a client.
    pub(crate) limits: ClientLimits,
    pub(crate) timing: Timing,
    pub(crate) attention: Attention,
    pub(crate) monitors: Monitors,
    pub(crate) pause: Pause,
    /// Whether due keys are looked for (`DEBUG SET-ACTIVE-EXPIRE`).
    pub(crate) expires_actively: AtomicBool,
    /// Commands a second over the last full second.
    pub(crate) rate: AtomicU64,
}

/// What the counters were when statistics were last reset.
#[derive(Debug, Default)]
pub(crate) struct Base {
    totals: Totals,
    commands: Vec<CommandTotals>,
    errors: BTreeMap<String, u64>,
}

/// No bound of memory is set.
const UNBOUND: u8 = 0;
/// Memory is below its bound.
const WITHIN: u8 = 1;
/// Memory is above its bound.
const OVER: u8 = 2;

/// The allocator's figures as of the last look. One thread looks twenty times a second, and each once it has asked for
/// some MiB: a look costs microseconds.
#[derive(Debug, Default)]
pub(crate) struct MemoryGauge {
    pub(crate) used_bytes: AtomicU64,
    pub(crate) peak_bytes: AtomicU64,
    pub(crate) resident_bytes: AtomicU64,
    /// [`UNBOUND`], [`WITHIN`] or [`OVER`].
    state: AtomicU8,
}

impl MemoryGauge {
    /// Whether there is a bound that a write must respect.
    #[inline]
    pub(crate) fn is_bound(&self) -> bool {
        self.state.load(Ordering::Relaxed) != UNBOUND
    }

    /// Whether writes that need memory are refused.
    pub(crate) fn is_over(&self) -> bool {
        self.state.load(Ordering::Relaxed) == OVER
    }

    /// Looks at the allocator. Where it is not jemalloc the figures stay 0 and nothing is refused.
    pub(crate) fn look(&self, max: u64) {
        let looked = tikv_jemalloc_ctl::epoch::advance().is_ok();
        let read = |value: Result<usize, tikv_jemalloc_ctl::Error>| value.map_or(0, |bytes| bytes as u64);
        let used = if looked { read(tikv_jemalloc_ctl::stats::allocated::read()) } else { 0 };
        let resident = if looked { read(tikv_jemalloc_ctl::stats::resident::read()) } else { 0 };
        self.used_bytes.store(used, Ordering::Relaxed);
        self.peak_bytes.fetch_max(used, Ordering::Relaxed);
        self.resident_bytes.store(resident, Ordering::Relaxed);
        let bound = if used > max { OVER } else { WITHIN };
        self.state.store(if max == 0 { UNBOUND } else { bound }, Ordering::Relaxed);
    }
}

impl Shared {
    pub(crate) fn new(engine: Engine, config: Config, admission: Arc<Admission>) -> Self {
        Self {
            engine,
            clients: Clients::default(),
            counters: (0..config.threads).map(|_| Counters::default()).collect(),
            memory: MemoryGauge::default(),
            base: Mutex::default(),
            started: Instant::now(),
            address: OnceLock::new(),
            run_id: random_hex(40),
            maxmemory: AtomicU64::new(config.maxmemory),
            admission,
            limits: ClientLimits::new(&config),
            timing: Timing::default(),
            attention: Attention::default(),
            monitors: Monitors::default(),
            pause: Pause::default(),
            expires_actively: AtomicBool::new(true),
            rate: AtomicU64::new(0),
            config,
        }
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

fn random_hex(digits: usize) -> String {
    let mut bytes = vec![0; digits.div_ceil(2)];
    random_bytes(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..digits].to_owned()
}
