//! What scripts share over all threads: their texts, and who runs for long.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ringmaster_protocol::slot::HashSlot;

use crate::script::catalogue::Catalogue;
use crate::script::library::Libraries;

/// Milliseconds after which others are told that a script keeps them waiting: Redis's `busy-reply-threshold`.
const THRESHOLD_MILLIS: u64 = 5_000;

const BUSY_SCRIPT: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const BUSY_FUNCTION: &str =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
const NOT_BUSY: &str = "NOTBUSY No scripts in execution right now.";
const UNKILLABLE: &str = "UNKILLABLE Sorry the script already executed write commands against the dataset. You can \
                          either wait the script termination or kill the server in a hard way using the SHUTDOWN \
                          NOSAVE command.";

/// Scripts of a node.
pub(crate) struct Scripts {
    pub(crate) catalogue: Catalogue,
    pub(crate) libraries: Libraries,
    /// Held by the one script that may wait for slots while it holds others.
    pub(crate) extending: Arc<tokio::sync::Mutex<()>>,
    /// Those that have turned their thread over at least once.
    running: Mutex<Vec<Arc<Running>>>,
    /// How many of them are overdue.
    overdue: AtomicUsize,
    threshold_millis: AtomicU64,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            catalogue: Catalogue::default(),
            libraries: Libraries::default(),
            extending: Arc::default(),
            running: Mutex::default(),
            overdue: AtomicUsize::default(),
            threshold_millis: AtomicU64::new(THRESHOLD_MILLIS),
        }
    }
}

/// A script that runs for long.
pub(crate) struct Running {
    /// Its SHA-1, or the function's name.
    pub(crate) name: String,
    /// The command that runs it.
    pub(crate) command: Vec<Vec<u8>>,
    /// Whether it is a function.
    pub(crate) is_function: bool,
    /// When it began.
    pub(crate) began: Instant,
    /// It has called a command that writes.
    wrote: AtomicBool,
    /// It is to end.
    killed: AtomicBool,
    overdue: AtomicBool,
    slots: Mutex<Vec<HashSlot>>,
}

/// A mutex whose content is whole whatever happened to its last holder.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    /// One that began at `began`.
    pub(crate) fn new(name: String, command: Vec<Vec<u8>>, is_function: bool, began: Instant) -> Self {
        Self {
            name,
            command,
            is_function,
            began,
            wrote: AtomicBool::default(),
            killed: AtomicBool::default(),
            overdue: AtomicBool::default(),
            slots: Mutex::default(),
        }
    }

    /// Notes whether it has written, and the slots that it holds, in ascending order.
    pub(crate) fn note(&self, wrote: bool, slots: Vec<HashSlot>) {
        self.wrote.store(wrote, Ordering::Relaxed);
        *lock(&self.slots) = slots;
    }

    /// Whether somebody has killed it.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }

    fn busy_text(&self) -> &'static str {
        if self.is_function { BUSY_FUNCTION } else { BUSY_SCRIPT }
    }
}

impl Scripts {
    /// Bytes of the texts of scripts and libraries.
    pub(crate) fn text_bytes(&self) -> usize {
        let libraries: usize = self.libraries.all().iter().map(|library| library.text.len()).sum();
        self.catalogue.text_bytes() + libraries
    }

    /// Enters a script that runs for long.
    pub(crate) fn enter(&self, running: &Arc<Running>) {
        lock(&self.running).push(Arc::clone(running));
    }

    /// Takes a script out that has ended.
    pub(crate) fn leave(&self, running: &Arc<Running>) {
        lock(&self.running).retain(|other| !Arc::ptr_eq(other, running));
        if running.overdue.load(Ordering::Relaxed) {
            self.overdue.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Notes that a script is overdue if it is. Returns true when it has just become so: whoever waits for its slots
    /// is to look again.
    pub(crate) fn judge(&self, running: &Running) -> bool {
        let threshold = self.threshold_millis.load(Ordering::Relaxed);
        let late = threshold > 0 && running.began.elapsed() >= Duration::from_millis(threshold);
        let fresh = late && !running.overdue.swap(true, Ordering::Relaxed);
        if fresh {
            self.overdue.fetch_add(1, Ordering::Relaxed);
        }
        fresh
    }

    /// The refusal of a command that would wait for a slot which an overdue script holds.
    #[inline]
    pub(crate) fn keeps_waiting(&self, slot: HashSlot) -> Option<&'static str> {
        if self.overdue.load(Ordering::Relaxed) == 0 { None } else { self.holder(slot) }
    }

    #[cold]
    fn holder(&self, slot: HashSlot) -> Option<&'static str> {
        let running = lock(&self.running);
        let mut overdue = running.iter().filter(|running| running.overdue.load(Ordering::Relaxed));
        let holder = overdue.find(|running| lock(&running.slots).binary_search(&slot).is_ok());
        holder.map(|running| running.busy_text())
    }

    /// The refusal of whoever would wait for the right to extend, which an overdue script may have.
    pub(crate) fn any_overdue(&self) -> Option<&'static str> {
        let running = lock(&self.running);
        let overdue = running.iter().find(|running| running.overdue.load(Ordering::Relaxed));
        overdue.map(|running| running.busy_text())
    }

    /// Kills the overdue scripts (or functions) that have not written; when none is overdue, the one that runs for
    /// longest.
    ///
    /// # Errors
    /// Why none was killed, in Redis's words.
    pub(crate) fn kill(&self, functions: bool) -> Result<(), &'static str> {
        let running = lock(&self.running);
        let overdue = || running.iter().filter(|running| running.overdue.load(Ordering::Relaxed));
        let candidates: Vec<_> = match overdue().count() {
            0 => running.iter().min_by_key(|running| running.began).into_iter().collect(),
            _ => overdue().collect(),
        };
        let first = candidates.first().ok_or(NOT_BUSY)?;
        let mine: Vec<_> = candidates.iter().filter(|running| running.is_function == functions).collect();
        if mine.is_empty() {
            return Err(first.busy_text());
        }
        let killable = mine.iter().filter(|running| !running.wrote.load(Ordering::Relaxed));
        let killed = killable.map(|running| running.killed.store(true, Ordering::Relaxed)).count();
        if killed == 0 { Err(UNKILLABLE) } else { Ok(()) }
    }

    /// The script that runs for longest, if one runs for long.
    pub(crate) fn longest(&self) -> Option<Arc<Running>> {
        lock(&self.running).iter().min_by_key(|running| running.began).cloned()
    }

    /// Milliseconds after which a script is overdue; 0 is never.
    pub(crate) fn threshold_millis(&self) -> u64 {
        self.threshold_millis.load(Ordering::Relaxed)
    }

    /// Sets it.
    pub(crate) fn set_threshold_millis(&self, millis: u64) {
        self.threshold_millis.store(millis, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(scripts: &Scripts, name: &str, is_function: bool) -> Arc<Running> {
        let running = Arc::new(Running::new(name.to_owned(), Vec::new(), is_function, Instant::now()));
        scripts.enter(&running);
        running
    }

    #[test]
    fn only_scripts_that_have_not_written_are_killed() {
        let scripts = Scripts::default();
        assert_eq!(scripts.kill(false), Err(NOT_BUSY));
        let script = running(&scripts, "a", false);
        assert_eq!(scripts.kill(true), Err(BUSY_SCRIPT));
        script.note(true, Vec::new());
        assert_eq!(scripts.kill(false), Err(UNKILLABLE));
        script.note(false, Vec::new());
        assert_eq!((scripts.kill(false), script.is_killed()), (Ok(()), true));
        scripts.leave(&script);
        assert!(scripts.longest().is_none());
    }

    #[test]
    fn who_would_wait_for_an_overdue_script_is_told_so() {
        let (scripts, slot) = (Scripts::default(), HashSlot::of(b"k"));
        let script = running(&scripts, "a", true);
        script.note(false, vec![slot]);
        assert!(!scripts.judge(&script) && scripts.keeps_waiting(slot).is_none());
        scripts.set_threshold_millis(1);
        while !scripts.judge(&script) {
            std::thread::yield_now();
        }
        assert_eq!(scripts.keeps_waiting(slot), Some(BUSY_FUNCTION));
        assert_eq!(scripts.keeps_waiting(HashSlot::of(b"other")), None);
        scripts.leave(&script);
        assert_eq!(scripts.keeps_waiting(slot), None);
    }
}
