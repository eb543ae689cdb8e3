//! A thread that looks at small files again and again, to see whether they have changed.
//!
//! Files of secrets and certificates are replaced in many ways: written, renamed, by the swapped link of a mounted volume.
//! Reading them once a second sees them all, and costs less than a watch that has to be doubted.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Time between two looks.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A running lookout; dropping it ends its thread and waits for that.
#[derive(Debug)]
pub struct Lookout {
    /// Dropped to end the thread.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    /// Calls `look` every [`LOOK_EVERY`], on a thread of this name.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub fn spawn(name: &str, mut look: impl FnMut() + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = sync_channel::<()>(0);
        let body = move || {
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                look();
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so by the panic hook.
            drop(thread.join());
        }
    }
}
