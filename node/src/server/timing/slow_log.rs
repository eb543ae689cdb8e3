//! The slow log: the latest calls that took longer than a threshold.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringmaster_protocol::command::Spec;
use ringmaster_protocol::resp::Args;
use ringmaster_protocol::session::secrets::{REDACTED, is_secret};
use ringmaster_protocol::session::{Session, SlowCall};

/// Most arguments of an entry, and most bytes of one.
const ARGUMENTS_MAX: usize = 32;
const ARGUMENT_BYTES_MAX: usize = 128;

/// Most entries, whatever the setting says: about 200 MiB at worst.
const ENTRIES_MAX: usize = 1 << 16;

/// The log and its settings.
#[derive(Debug)]
pub(crate) struct SlowLog {
    threshold_micros: AtomicI64,
    len_max: AtomicUsize,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    next_id: u64,
    /// Newest first.
    calls: VecDeque<SlowCall>,
}

impl Default for SlowLog {
    fn default() -> Self {
        let (threshold_micros, len_max) = (AtomicI64::new(10_000), AtomicUsize::new(128));
        Self { threshold_micros, len_max, entries: Mutex::default() }
    }
}

impl SlowLog {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From how many microseconds on a call is logged; negative: none is.
    pub(super) fn threshold_micros(&self) -> i64 {
        self.threshold_micros.load(Ordering::Relaxed)
    }

    pub(super) fn set_threshold_micros(&self, micros: i64) {
        self.threshold_micros.store(micros, Ordering::Relaxed);
    }

    /// From how long on a call is logged.
    pub(crate) fn threshold(&self) -> Option<Duration> {
        u64::try_from(self.threshold_micros()).ok().map(Duration::from_micros)
    }

    pub(super) fn len_max(&self) -> usize {
        self.len_max.load(Ordering::Relaxed)
    }

    pub(super) fn set_len_max(&self, len: usize) {
        self.len_max.store(len, Ordering::Relaxed);
        self.entries().calls.truncate(len);
    }

    /// Logs a call.
    #[cold]
    pub(crate) fn log(&self, call: (&Spec, Args<'_>), session: &Session, at: Duration, took: Duration) {
        let args = shown(call.0, call.1);
        let mut entries = self.entries();
        let id = entries.next_id;
        entries.next_id += 1;
        let (peer_address, name) = (session.peer_address.clone(), session.name.clone());
        entries.calls.push_front(SlowCall { id, at, took, args, peer_address, name });
        entries.calls.truncate(self.len_max().min(ENTRIES_MAX));
    }

    /// The newest `most` entries, newest first.
    pub(crate) fn newest(&self, most: usize) -> Vec<SlowCall> {
        self.entries().calls.iter().take(most).cloned().collect()
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.entries().calls.len()
    }

    /// Empties the log.
    pub(crate) fn clear(&self) {
        self.entries().calls.clear();
    }
}

/// The arguments as the log shows them: shortened, and without secrets.
fn shown(spec: &Spec, args: Args<'_>) -> Vec<Vec<u8>> {
    let whole = if args.len() > ARGUMENTS_MAX { ARGUMENTS_MAX - 1 } else { args.len() };
    let mut shown: Vec<Vec<u8>> = (0..whole).map(|index| shown_argument(spec, args, index)).collect();
    if whole < args.len() {
        shown.push(format!("... ({} more arguments)", args.len() - whole).into_bytes());
    }
    shown
}

fn shown_argument(spec: &Spec, args: Args<'_>, index: usize) -> Vec<u8> {
    let arg = &args[index];
    if is_secret(spec, args, index) {
        return REDACTED.to_vec();
    }
    let mut shown = arg[..arg.len().min(ARGUMENT_BYTES_MAX)].to_vec();
    if arg.len() > ARGUMENT_BYTES_MAX {
        shown.extend_from_slice(format!("... ({} more bytes)", arg.len() - ARGUMENT_BYTES_MAX).as_bytes());
    }
    shown
}
