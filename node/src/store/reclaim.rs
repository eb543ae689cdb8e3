//! Large values are freed on a thread of their own: who deletes millions of elements holds no slot for that long.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, Once, PoisonError};

use super::entry::Entry;

/// A collection of more bytes is handed over.
pub(super) const LARGE_BYTES: usize = 64 << 10;

/// Values that wait at most; what comes then is freed by who drops it. Each is large, so this is seldom met.
const WAITING_MAX: usize = 1 << 16;

struct Garbage {
    value: Box<dyn Any + Send>,
    bytes: usize,
}

static WAITING: Mutex<Vec<Garbage>> = Mutex::new(Vec::new());
static CAME: Condvar = Condvar::new();
static BYTES: AtomicUsize = AtomicUsize::new(0);
static START: Once = Once::new();

/// Bytes that are handed over and not freed yet.
#[must_use]
pub fn waiting_bytes() -> usize {
    BYTES.load(Ordering::Relaxed)
}

/// Leaves `value`, which takes `bytes`, to the reclaimer.
pub(super) fn drop_later<T: Any + Send>(value: T, bytes: usize) {
    START.call_once(|| {
        // Without a thread the values are freed by who drops them.
        drop(std::thread::Builder::new().name("reclaim".into()).spawn(run));
    });
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    if waiting.len() < WAITING_MAX {
        BYTES.fetch_add(bytes, Ordering::Relaxed);
        waiting.push(Garbage { value: Box::new(value), bytes });
        CAME.notify_one();
    }
}

/// Drops an entry, a large collection of it later.
pub(super) fn discard(entry: Entry) {
    let bytes = entry.as_ref().heap_bytes();
    if bytes > LARGE_BYTES && entry.as_ref().as_string().is_none() {
        drop_later(entry, bytes);
    }
}

fn run() {
    loop {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.is_empty() {
            waiting = CAME.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let taken = std::mem::take(&mut *waiting);
        drop(waiting);
        for Garbage { value, bytes } in taken {
            drop(value);
            BYTES.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    /// Tells the thread that drops it.
    struct Witness(mpsc::Sender<ThreadId>);

    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).expect("the test waits");
        }
    }

    #[test]
    fn what_is_left_to_the_reclaimer_is_dropped_on_another_thread() {
        let (sender, receiver) = mpsc::channel();
        drop_later(Witness(sender), 1);
        assert_ne!(receiver.recv().unwrap(), thread::current().id());
    }
}
