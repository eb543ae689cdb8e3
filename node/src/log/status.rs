//! How far the log has come and how it is: written by the writer, read by everybody.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ringmaster_runtime::metrics::durations::Durations;

use super::renewal::Renewal;
use super::waiters::Waiters;

/// Every write is accepted.
const GOOD: u8 = 0;
/// A write to the disk failed and is tried again; nothing is lost.
const RETRYING: u8 = 1;
/// A sync failed: what is durable is not known, and never will be by these segments.
const BROKEN: u8 = 2;

/// Why writes are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the disk said.
    pub reason: String,
    /// Whether the log tries again by itself; else it needs a snapshot, or the node must be started anew.
    pub retries: bool,
}

/// Told whether writes are refused, whenever that changes.
type OnRefusal = Box<dyn Fn(bool) + Send + Sync>;

/// The log's state.
#[derive(Default)]
pub struct Status {
    written: AtomicU64,
    durable: AtomicU64,
    state: AtomicU8,
    reason: Mutex<String>,
    /// Bytes taken from the stages and not yet written.
    pub(super) gathered: AtomicUsize,
    written_bytes: AtomicU64,
    durable_bytes: AtomicU64,
    /// Bytes of all segments.
    pub(super) size: AtomicU64,
    /// A sync is under way beside the writing.
    pub(super) syncing: AtomicBool,
    /// Held by who syncs, until what came of it is published.
    pub(super) sync: Mutex<()>,
    /// How long syncs took. Written by who syncs.
    sync_durations: Durations,
    last_sync_nanos: AtomicU64,
    /// Times that writing waited for a sync.
    pub(super) delayed: AtomicU64,
    on_refusal: OnceLock<OnRefusal>,
    /// Held while somebody is told.
    telling: Mutex<()>,
    /// How far a broken log is on its way to begin anew.
    pub(super) renewal: Renewal,
    pub(super) for_durable: Waiters,
    pub(super) for_room: Waiters,
}

impl Status {
    /// Everything up to `last_lsn` is durable; the segments have `size` bytes.
    pub(super) fn new(last_lsn: u64, size: u64) -> Self {
        Self {
            written: AtomicU64::new(last_lsn),
            durable: AtomicU64::new(last_lsn),
            size: AtomicU64::new(size),
            ..Self::default()
        }
    }

    /// All records up to this one are written: they survive the end of the process.
    #[must_use]
    pub fn written_lsn(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// All records up to this one are durable: they survive a loss of power.
    #[inline]
    #[must_use]
    pub fn durable_lsn(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Bytes that are written and not durable.
    #[must_use]
    pub fn unsynced_bytes(&self) -> u64 {
        let durable = self.durable_bytes.load(Ordering::Relaxed);
        self.written_bytes.load(Ordering::Relaxed).saturating_sub(durable)
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// Whether a sync is under way.
    #[must_use]
    pub fn is_syncing(&self) -> bool {
        self.syncing.load(Ordering::Relaxed)
    }

    /// How often writing to the log had to wait for a slow sync.
    #[must_use]
    pub fn delayed_total(&self) -> u64 {
        self.delayed.load(Ordering::Relaxed)
    }

    /// How long syncs took.
    #[must_use]
    pub fn sync_durations(&self) -> &Durations {
        &self.sync_durations
    }

    /// How long the last sync took; zero before one.
    #[must_use]
    pub fn last_sync(&self) -> Duration {
        Duration::from_nanos(self.last_sync_nanos.load(Ordering::Relaxed))
    }

    /// A sync took so long. By who holds [`Status::sync`].
    pub(super) fn note_sync(&self, took: Duration) {
        self.sync_durations.add(took);
        self.last_sync_nanos.store(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether writes are refused.
    #[inline]
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.state.load(Ordering::Acquire) != GOOD
    }

    /// Why writes are refused; `None` when they are not.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let state = self.state.load(Ordering::Acquire);
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (state != GOOD).then_some(Refusal { reason, retries: state == RETRYING })
    }

    /// Whether a sync has failed.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.state.load(Ordering::Acquire) == BROKEN
    }

    /// Segments of so many bytes were removed.
    pub fn note_removed(&self, bytes: u64) {
        self.size.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn publish_written(&self, lsn: u64, bytes: u64) {
        self.written.fetch_max(lsn, Ordering::Release);
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.size.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes written so far, to be handed back to [`Status::publish_durable`].
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn publish_durable(&self, lsn: u64, bytes: u64) {
        if self.is_broken() {
            return;
        }
        self.durable.fetch_max(lsn, Ordering::Release);
        self.durable_bytes.fetch_max(bytes, Ordering::Relaxed);
        self.for_durable.wake(self.durable_lsn());
    }

    /// A write failed; it is tried again.
    pub(super) fn set_retrying(&self, reason: &str) {
        self.refuse(RETRYING, reason);
        // They may wait for long: each looks whether its client is still there.
        self.for_durable.wake(u64::MAX);
    }

    /// The write that had failed is done.
    pub(super) fn set_good(&self) {
        if self.state.compare_exchange(RETRYING, GOOD, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            tracing::info!("the log is written again");
            self.tell_refusal();
        }
    }

    /// A broken log has begun anew: all up to `last_lsn` is in a snapshot.
    pub(super) fn set_renewed(&self, last_lsn: u64) {
        self.written.fetch_max(last_lsn, Ordering::Release);
        self.durable.fetch_max(last_lsn, Ordering::Release);
        self.durable_bytes.fetch_max(self.written_bytes(), Ordering::Relaxed);
        if self.state.compare_exchange(BROKEN, GOOD, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            tracing::warn!(last_lsn, "the log begins anew behind a snapshot, writes are accepted again");
            self.tell_refusal();
        }
        self.for_durable.wake(self.durable_lsn());
    }

    /// Returns when no sync is between its failure and the telling of it.
    pub(super) fn settle(&self) {
        drop(self.sync.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A sync failed.
    pub(super) fn set_broken(&self, reason: &str) {
        self.refuse(BROKEN, reason);
        self.for_durable.wake(u64::MAX);
    }

    fn refuse(&self, state: u8, reason: &str) {
        reason.clone_into(&mut self.reason.lock().unwrap_or_else(PoisonError::into_inner));
        if self.state.fetch_max(state, Ordering::AcqRel) < state {
            tracing::error!(
                reason,
                retries = state == RETRYING,
                "the log cannot be written, writes are refused"
            );
        }
        self.tell_refusal();
        self.for_room.wake(u64::MAX);
    }

    /// Has `hear` told whether writes are refused, whenever that changes. It is called by the threads of the log.
    pub fn on_refusal(&self, hear: impl Fn(bool) + Send + Sync + 'static) {
        // Set once, when the log begins.
        let _ = self.on_refusal.set(Box::new(hear));
        if self.refuses() {
            self.tell_refusal();
        }
    }

    fn tell_refusal(&self) {
        if let Some(hear) = self.on_refusal.get() {
            let _alone = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
            hear(self.refuses());
        }
    }
}
