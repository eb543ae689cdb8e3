//! Ctrl-C and SIGTERM: what is under way is finished, the place is noted, and the process ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringmaster_runtime::signal;

/// Whether the process was told to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Hears of Ctrl-C and SIGTERM from now on.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn listen() -> std::io::Result<Stop> {
        let stop = Stop::default();
        let told = stop.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            // Where signals cannot be watched they end the process as they do anyway.
            if signal::wait_for_stop().is_ok() {
                told.0.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(stop)
    }

    /// Whether it was told.
    pub(crate) fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
