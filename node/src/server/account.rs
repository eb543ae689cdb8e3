//! The account of memory: what the whole process has allocated, exactly, at every moment.
//!
//! Keys, values, tables, buffers of clients, queues and logs: all come from one allocator, and it counts for each
//! thread what that was given and gave back, in whole size classes. So nothing is counted twice or forgotten. A
//! data thread hands its sum to the account when it has changed by some KiB; what other threads do is added by a
//! look at the allocator's own figures.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tikv_jemalloc_ctl::thread::{self, ThreadLocal};

/// What a thread's sum may change by before the account hears of it.
const UNTOLD_BYTES_MAX: u64 = 16 << 10;

/// Bytes allocated by the process.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// What the data threads have told, in all.
    told: AtomicI64,
    /// What is allocated beside that, as of the last look.
    others: AtomicI64,
    peak_bytes: AtomicU64,
    startup_bytes: AtomicU64,
    resident_bytes: AtomicU64,
}

impl Account {
    /// Bytes allocated, but for what threads have not told yet.
    #[inline]
    pub(crate) fn used_bytes(&self) -> u64 {
        let used = self.told.load(Ordering::Relaxed) + self.others.load(Ordering::Relaxed);
        u64::try_from(used).unwrap_or(0)
    }

    /// The most that [`Account::used_bytes`] was at a look.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes.load(Ordering::Relaxed)
    }

    /// Notes that what is allocated now serves no client yet.
    pub(crate) fn note_startup(&self) {
        self.startup_bytes.store(self.used_bytes(), Ordering::Relaxed);
    }

    /// What was allocated at [`Account::note_startup`].
    pub(crate) fn startup_bytes(&self) -> u64 {
        self.startup_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of memory that the process has from the kernel, as of [`Account::look_at_kernel`].
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.resident_bytes.load(Ordering::Relaxed)
    }

    /// Looks at the allocator: some microseconds. Where it is not jemalloc, nothing is counted.
    pub(crate) fn look(&self) {
        if tikv_jemalloc_ctl::epoch::advance().is_err() {
            return;
        }
        let allocated = tikv_jemalloc_ctl::stats::allocated::read().unwrap_or(0);
        let allocated = i64::try_from(allocated).unwrap_or(i64::MAX);
        self.others.store(allocated - self.told.load(Ordering::Relaxed), Ordering::Relaxed);
        self.peak_bytes.fetch_max(self.used_bytes(), Ordering::Relaxed);
    }

    /// Asks the kernel what is resident.
    pub(crate) fn look_at_kernel(&self) {
        if let Some(bytes) = resident_bytes() {
            self.resident_bytes.store(bytes, Ordering::Relaxed);
        }
    }
}

/// `VmRSS` of the process.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// One data thread's part of the account.
pub(crate) struct Meter {
    given: Option<ThreadLocal<u64>>,
    given_back: Option<ThreadLocal<u64>>,
    told: Cell<u64>,
}

impl Meter {
    /// Of the calling thread, which is the only one that may use it.
    pub(crate) fn new() -> Self {
        let meter = Self {
            given: thread::allocatedp::read().ok(),
            given_back: thread::deallocatedp::read().ok(),
            told: Cell::new(0),
        };
        // What came before is in the first look.
        meter.told.set(meter.sum());
        meter
    }

    #[inline]
    fn sum(&self) -> u64 {
        let value = |of: Option<ThreadLocal<u64>>| of.map_or(0, ThreadLocal::get);
        value(self.given).wrapping_sub(value(self.given_back))
    }

    /// Bytes allocated by the process, this thread's last ones included.
    #[inline]
    pub(crate) fn used_bytes(&self, account: &Account) -> u64 {
        let untold = self.sum().wrapping_sub(self.told.get()).cast_signed();
        if untold.unsigned_abs() < UNTOLD_BYTES_MAX {
            return account.used_bytes().saturating_add_signed(untold);
        }
        self.told.set(self.sum());
        account.told.fetch_add(untold, Ordering::Relaxed);
        account.used_bytes()
    }
}
