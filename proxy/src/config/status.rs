//! What has come of the changes of a cluster.yaml, for metrics and INFO.

use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Counters of the changes of a cluster.yaml since the proxy started.
#[derive(Debug)]
pub struct ReloadStatus {
    reloads_total: AtomicU64,
    reload_failures_total: AtomicU64,
    last_error: ArcSwapOption<String>,
    /// Unix seconds.
    good_at: AtomicU64,
}

impl Default for ReloadStatus {
    fn default() -> Self {
        Self {
            reloads_total: AtomicU64::new(0),
            reload_failures_total: AtomicU64::new(0),
            last_error: ArcSwapOption::empty(),
            good_at: AtomicU64::new(unix_seconds()),
        }
    }
}

/// A clock before 1970 is a broken clock; zero is as good as any.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl ReloadStatus {
    /// Changes that took effect. The load at the start is none.
    pub fn reloads_total(&self) -> u64 {
        self.reloads_total.load(Relaxed)
    }

    /// Changes that were refused, each once however long the file stays so.
    pub fn reload_failures_total(&self) -> u64 {
        self.reload_failures_total.load(Relaxed)
    }

    /// What is wrong with the file as it is now, one problem a line; `None` while it is in effect.
    pub fn last_error(&self) -> Option<Arc<String>> {
        self.last_error.load_full()
    }

    /// When the file was last read and good, as a change of it or at the start; since the Unix epoch.
    pub fn good_at(&self) -> Duration {
        Duration::from_secs(self.good_at.load(Relaxed))
    }

    pub(super) fn count_reload(&self) {
        self.good_at.store(unix_seconds(), Relaxed);
        self.last_error.store(None);
        self.reloads_total.fetch_add(1, Relaxed);
    }

    pub(super) fn count_failure(&self, error: String) {
        self.last_error.store(Some(Arc::new(error)));
        self.reload_failures_total.fetch_add(1, Relaxed);
    }

    /// The file is again the one that is in effect.
    pub(super) fn clear_error(&self) {
        self.good_at.store(unix_seconds(), Relaxed);
        self.last_error.store(None);
    }
}
